import { expect, it } from 'vitest';
import { outcomeOf } from './outcome.ts';

const quiet = { oomKilled: false, broken: false };

it.each([
  [{ how: 'done', code: 0, signal: null }, quiet, { outcome: 'completed', exitCode: 0, signal: null }],
  [{ how: 'done', code: 3, signal: null }, quiet, { outcome: 'completed', exitCode: 3, signal: null }],
  [{ how: 'done', code: null, signal: 'SIGSEGV' }, quiet, { outcome: 'completed', exitCode: null, signal: 'SIGSEGV' }],
  [{ how: 'done', code: null, signal: 'SIGKILL' }, quiet, { outcome: 'completed', exitCode: null, signal: 'SIGKILL' }],
  [{ how: 'exited', code: 5, signal: null }, quiet, { outcome: 'completed', exitCode: 5, signal: null }],
  [{ how: 'exited', code: null, signal: 'SIGKILL' }, quiet, { outcome: 'killed', exitCode: null, signal: 'SIGKILL' }],
  [{ how: 'exited', code: 96, signal: null }, quiet, { outcome: 'killed', exitCode: null, signal: 'SIGKILL' }],
  [{ how: 'done', code: 96, signal: null }, quiet, { outcome: 'completed', exitCode: 96, signal: null }],
  [{ how: 'timed_out' }, quiet, { outcome: 'timed_out', exitCode: null, signal: 'SIGKILL' }],
  [{ how: 'flooded' }, quiet, { outcome: 'output_limit', exitCode: null, signal: 'SIGKILL' }],
  [{ how: 'cancelled' }, quiet, { outcome: 'cancelled', exitCode: null, signal: 'SIGKILL' }],
  [
    { how: 'exited', code: null, signal: 'SIGKILL' },
    { oomKilled: true, broken: false },
    { outcome: 'out_of_memory', exitCode: null, signal: 'SIGKILL' },
  ],
  [
    { how: 'done', code: 137, signal: null },
    { oomKilled: true, broken: false },
    { outcome: 'out_of_memory', exitCode: 137, signal: null },
  ],
  [
    { how: 'done', code: 0, signal: null },
    { oomKilled: true, broken: false },
    { outcome: 'completed', exitCode: 0, signal: null },
  ],
  [
    { how: 'exited', code: null, signal: 'SIGKILL' },
    { oomKilled: false, broken: true },
    { outcome: 'killed', exitCode: null, signal: 'SIGKILL' },
  ],
] as const)('%o with %o is %o', (ending, facts, expected) => {
  expect(outcomeOf(ending, facts)).toEqual(expected);
});
