import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../../support/engine.ts';
import { runStates, type StateRow, shares } from '../../support/session-states.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

/** What came back as something else, and was not said to be lost. */
function silent(rows: readonly StateRow[]): string[] {
  return rows.flatMap(({ name, verdicts }) =>
    Object.entries(verdicts)
      .filter(([, verdict]) => verdict === 'wrong')
      .map(([variable]) => `${name}: ${variable}`),
  );
}

/** Settings of the process that were lost. */
function settings(rows: readonly StateRow[]): string[] {
  return rows.flatMap(({ name, lost }) =>
    Object.keys(lost ?? {})
      .filter((each) => each.startsWith('@'))
      .map((each) => `${name}: ${each}`),
  );
}

// Each is one program, and a sandbox has one processor.
describe.concurrent('variables of Python sessions, saved and taken in by another kernel', () => {
  it('come back as they were, or are named as lost', async () => {
    const rows = await runStates(engine, ['corpus/language.py', 'corpus/system.py', 'corpus/data.py'], ['own']);
    expect(rows.filter(({ died, failed }) => died || failed.length > 0)).toEqual([]);
    expect(silent(rows)).toEqual([]);
    expect(settings(rows)).toEqual([]);
    expect(shares(rows).right).toBeGreaterThanOrEqual(91);
  }, 300_000);

  it('do so in sessions for which nothing was tuned', async () => {
    const rows = await runStates(engine, ['held-out/sessions.py'], ['own']);
    expect(rows.filter(({ died, failed }) => died || failed.length > 0)).toEqual([]);
    // Numbers have no identity that could be kept.
    expect(silent(rows)).toEqual(['geometry and units: nans']);
    expect(shares(rows).right).toBeGreaterThanOrEqual(91);
  }, 300_000);
});
