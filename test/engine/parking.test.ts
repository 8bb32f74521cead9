import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { isParked } from '../support/parked.ts';
import { descendants } from '../support/processes.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const counts = () => engine.engine.census().parked;
const programs = () =>
  descendants(process.pid).filter(({ pid }) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('node\0'))
    .length;

it('no program of Node waits until a language needs it; then its first run is served, and others wait for the next', async () => {
  await vi.waitUntil(() => isParked(engine.engine), { timeout: 60_000, interval: 100 });
  expect([counts()['bare+node'], counts()['bare+node-types'], programs()]).toEqual([0, 0, 0]);
  for (const [language, code] of [
    ['javascript', 'console.log(6 * 7)'],
    ['typescript', 'const answer: number = 6 * 7; console.log(answer)'],
  ] as const)
    expect(await engine.run(language, code)).toMatchObject({ outcome: 'completed', stdout: '42\n' });
  await vi.waitUntil(() => counts()['bare+node']! > 0 && counts()['bare+node-types']! > 0, { timeout: 60_000 });
});
