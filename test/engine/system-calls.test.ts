import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { isParked } from '../support/parked.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const [times, runs] = [5, 10];

/** As page faults do, the number of system calls tells of a cost that came in, whatever else a machine does. */
it('the service reads and writes a few times for a program, its sandbox included', { timeout: 200_000 }, async () => {
  await run(10);
  // On a machine that is busy there are more: looks at what a program that runs on has printed, and control groups that are not used again.
  let least = Number.POSITIVE_INFINITY;
  for (let time = 0; time < times; time++) {
    const before = readsAndWrites();
    await run(runs);
    least = Math.min(least, (readsAndWrites() - before) / runs);
  }
  // 21 to 23, and 36 where pipes are read that are empty or that nobody hears.
  expect(least).toBeLessThan(28);
});

async function run(programs: number): Promise<void> {
  for (let each = 0; each < programs; each++)
    expect(await engine.run('python', 'print(42)')).toMatchObject({ exitCode: 0 });
  // The sandboxes that were taken are made again.
  await vi.waitUntil(() => isParked(engine.engine), { timeout: 90_000, interval: 300 });
}

function readsAndWrites(): number {
  const counts = readFileSync('/proc/self/io', 'latin1').matchAll(/^sysc[rw]: (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
