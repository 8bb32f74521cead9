import { readFileSync } from 'node:fs';
import { expect, type RunnerTestCase, TestRunner } from 'vitest';
import { readClaims } from '../../scripts/launch/claims.mjs';
import type { RunOptions, TestEngine, TestRun } from '../support/engine.ts';
import { program } from '../support/programs.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** The claim of SECURITY.md that the test attacks. */
    claim?: string;
    /** The hostile programs it ran, by their names in test/fixtures/programs. */
    programs?: string[];
  }
}

/** The claims of SECURITY.md by their names. */
export const claims = readClaims(readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8'));

/** Options of a test, or of all tests of a group: they attack this claim. */
export function attacking(claim: string): { meta: { claim: string } } {
  if (!claims.has(claim)) throw new Error(`SECURITY.md has no claim ${claim}`);
  return { meta: { claim } };
}

/** A hostile program of test/fixtures/programs, counted among the attacks of the test that runs. */
export function hostile(path: string): { language: string; code: string } {
  const { meta } = TestRunner.getCurrentTest<RunnerTestCase>();
  meta.programs = [...new Set([...(meta.programs ?? []), path])];
  return program(path);
}

/** Runs a hostile program of test/fixtures/programs, then an honest one, which must come out right. */
export async function attack(engine: TestEngine, path: string, options: RunOptions = {}): Promise<TestRun> {
  const { language, code } = hostile(path);
  const run = await engine.run(language, code, options);
  expect(await engine.run('python', 'print(6 * 7)')).toMatchObject({
    outcome: 'completed',
    stdout: '42\n',
    exitCode: 0,
  });
  return run;
}

/** The program says itself what it could do: nothing, but that it tried. */
export function expectHeld(run: Pick<TestRun, 'stdout' | 'stderr' | 'outcome'>): void {
  expect(run.stdout.split('\n').filter((line) => line.startsWith('breach'))).toEqual([]);
  expect(run).toMatchObject({ outcome: 'completed', stderr: '', stdout: 'tried\n' });
}
