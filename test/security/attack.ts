import { expect } from 'vitest';
import type { RunOptions, TestEngine, TestRun } from '../support/engine.ts';
import { program } from '../support/programs.ts';

/** Runs a hostile program of test/fixtures/programs, then an honest one, which must come out right. */
export async function attack(engine: TestEngine, path: string, options: RunOptions = {}): Promise<TestRun> {
  const { language, code } = program(path);
  const run = await engine.run(language, code, options);
  expect(await engine.run('python', 'print(6 * 7)')).toMatchObject({
    outcome: 'completed',
    stdout: '42\n',
    exitCode: 0,
  });
  return run;
}

/** The program says itself what it could do: nothing, but that it tried. */
export function expectHeld(run: TestRun): void {
  expect(run.stdout.split('\n').filter((line) => line.startsWith('breach'))).toEqual([]);
  expect(run).toMatchObject({ outcome: 'completed', stderr: '', stdout: 'tried\n' });
}
