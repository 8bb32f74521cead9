/** Attacks the helper's reader of JSON for so many seconds (60), with another seed each time: `npm run fuzz:native -- <seconds>`. */
import { buildFuzzer, fuzz } from '../test/support/native-fuzz.ts';

const fuzzer = await buildFuzzer();
if (!fuzzer) throw new Error('the image has no compiler with sanitizers: take the image full');
const seconds = Number(process.argv[2] ?? 60);
const seed = Date.now() % 1e9;
console.log(`seed ${seed}, ${seconds} s`);
console.log(await fuzz(fuzzer, seconds, seed));
