import * as fs from 'node:fs';
import { Worker } from 'node:worker_threads';

enum Colour {
  Red,
}
interface Counted {
  word: string;
  count: number;
}

const [mode, ...args] = process.argv.slice(2);
if (mode === 'unicode') {
  console.log('héllo 世界 🎉');
  console.log(fs.readFileSync(0, 'utf8').trim());
} else if (mode === 'args') console.log(args.join('\n'));
else if (mode === 'eof') console.log(fs.readFileSync(0).length);
else if (mode === 'files') fs.writeFileSync('/mnt/data/out.txt', String(2 * Number(fs.readFileSync('data/in.txt', 'utf8'))));
else if (mode === 'exit') process.exit(7);
else if (mode === 'crash') {
  (undefined as any).missing; // the line that fails
} else if (mode === 'threads') {
  const code =
    'const { parentPort, workerData } = require("node:worker_threads"); let s = 0; for (let i = 0; i < workerData; i++) s += i; parentPort.postMessage(s);';
  const sum = (n: number): Promise<number> => new Promise((resolve) => new Worker(code, { eval: true, workerData: n }).on('message', resolve));
  const sums: number[] = await Promise.all([10, 20, 30, 40].map(sum));
  console.log(sums.reduce((a, b) => a + b) + Colour.Red);
} else if (mode === 'library') {
  const words = new Map<string, number>();
  for (const word of 'banana apple apple'.split(' ')) words.set(word, (words.get(word) ?? 0) + 1);
  console.log([...words].sort().map(([word, count]): Counted => ({ word, count })).map(({ word, count }) => `${word}:${count}`).join(' '));
} else if (mode === 'work') {
  let count = 0;
  for (let n = 2; n < Number(args[0]); n++) {
    let d = 2;
    while (d * d <= n && n % d) d++;
    if (d * d > n) count++;
  }
  console.log(count);
} else if (mode === 'endless') {
  console.log('before');
  for (;;);
}
