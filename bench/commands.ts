import { startEngine, testLimits } from '../test/support/engine.ts';
import { median, table } from './statistics.ts';

const rounds = 100;

/** How soon the service has the first byte of a command after the program wrote it, and how long a line takes in and back out again. */
export async function commandTimes(): Promise<void> {
  const { engine, close } = await startEngine();
  const session = await engine.openSession(testLimits, 'owner');
  const starts: number[] = [];
  const writes: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const { promise: first, resolve } = Promise.withResolvers<number>();
    const command = await session.startCommand({
      // The program says itself when it wrote, by the clock that both sides share.
      argv: ['/bin/bash', '-c', 'printf %s $EPOCHREALTIME'],
      ...{ cwd: '.', env: {}, terminal: null, hasInput: false, window: 1024 * 1024 },
      onOutput: (_, data) =>
        resolve(performance.timeOrigin + performance.now() - Number(Buffer.from(data).toString()) * 1000),
    });
    writes.push(Math.max(0, await first));
    await command.done;
    starts.push(performance.now() - started);
  }
  const trips: number[] = [];
  let heard = (_line: string) => {};
  const cat = await session.startCommand({
    argv: ['cat'],
    ...{ cwd: '.', env: {}, terminal: null, hasInput: true, window: 1024 * 1024 },
    onOutput: (_, data) => heard(Buffer.from(data).toString()),
  });
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const answered = new Promise<void>((resolve) => {
      heard = (line) => line === `line ${round}\n` && resolve();
    });
    await cat.write(Buffer.from(`line ${round}\n`));
    await answered;
    trips.push(performance.now() - begun);
  }
  await session.close();
  await close();
  console.log('Commands of a live session, milliseconds');
  table(
    ['', 'p50', 'promised'],
    [
      ['first byte after the program’s write', median(writes), '<= 5'],
      ['start to end of printf', median(starts), ''],
      ['a line in and back out of cat', median(trips), ''],
    ],
  );
}
