import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** A process whose work waits for something else than its signal. */
const deaf = `
import { untilSignal } from ${JSON.stringify(new URL('./signals.ts', import.meta.url).href)};
setInterval(() => {}, 1000);
await untilSignal(new AbortController().signal, () => {
  console.log('begun');
  return new Promise(() => {});
}, 50);`;

it('a first signal ends the process although the work does not see it', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', deaf], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([143, null]);
});
