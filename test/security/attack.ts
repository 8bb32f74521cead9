import { readFileSync } from 'node:fs';
import { expect, type RunnerTestCase, TestRunner } from 'vitest';
import { readClaims } from '../../scripts/launch/claims.mjs';
import type { Tier } from '../../src/core/index.ts';
import type { RunOptions, TestEngine, TestRun } from '../support/engine.ts';
import { program } from '../support/programs.ts';
import { nature, testTier } from '../support/tier.ts';

declare module 'vitest' {
  interface TaskMeta {
    /** The claim of SECURITY.md that the test attacks. */
    claim?: string;
    /** The tier whose sandboxes it attacks. */
    tier?: string;
    /** The hostile programs it ran, by their names in test/fixtures/programs. */
    programs?: string[];
  }
}

/** The claims of SECURITY.md by their names. */
export const claims = readClaims(readFileSync(new URL('../../SECURITY.md', import.meta.url), 'utf8'));

/** Options of a test, or of all tests of a group: they attack this claim, in the tier of this run or in one of their own. */
export function attacking(claim: string, of: Tier = testTier()): { meta: { claim: string; tier: string } } {
  if (!claims.has(claim)) throw new Error(`SECURITY.md has no claim ${claim}`);
  return { meta: { claim, tier: of } };
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

/** The program says itself what it could do: nothing, but that it tried, and what is harmless by the nature of the tier. */
export function expectHeld(run: Pick<TestRun, 'stdout' | 'stderr' | 'outcome'>): void {
  const lines = run.stdout.split('\n').filter((line) => !nature.harmless.some(({ says }) => says.test(line)));
  expect(lines.filter((line) => line.startsWith('breach'))).toEqual([]);
  expect({ ...run, stdout: lines.join('\n') }).toMatchObject({ outcome: 'completed', stderr: '', stdout: 'tried\n' });
}
