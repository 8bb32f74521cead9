import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { isParked } from '../support/parked.ts';
import { descendants, kill } from '../support/processes.ts';
import { attacking } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

async function whole(): Promise<void> {
  await vi.waitUntil(() => isParked(engine.engine), { timeout: 60_000, interval: 100 });
}

it(
  'a zygote that is a fork of another takes along what it has made, and all of it comes back',
  attacking('endurance'),
  async () => {
    await whole();
    const zygotes = descendants(process.pid).filter(({ levels }) => levels.length === 2);
    const derived = zygotes.filter(({ parent }) => zygotes.some(({ pid }) => pid === parent));
    const last = derived.find(({ pid }) => !zygotes.some(({ parent }) => parent === pid))!;
    const made = descendants(last.pid).map(({ pid }) => pid);
    expect([derived.length, made.length > 0]).toEqual([3, true]);
    kill(last.pid);
    const left = () => [last.pid, ...made].filter((pid) => existsSync(`/proc/${pid}/stat`));
    await vi.waitFor(() => expect(left()).toEqual([]), { timeout: 30_000 });
    await whole();
    for (const code of ['print(6 * 7)', 'import numpy\nprint(6 * 7)'])
      expect(await engine.run('python', code)).toMatchObject({ outcome: 'completed', stdout: '42\n' });
    const session = await engine.openSession();
    expect(await session.run('print(6 * 7)')).toMatchObject({ stdout: '42\n' });
    await session.close();
  },
);
