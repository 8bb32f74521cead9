import { area } from './shapes/square';
import { plus } from './helper.ts';

const total: number = await Promise.resolve(plus(area(6)));
console.log('parts', total);
