export { doctor } from './doctor.ts';
export { addKeyCommands } from './keys.ts';
