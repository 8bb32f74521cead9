import type { ExecutionResult } from '../core/index.ts';

/** What ended the wait for a program. */
export type Ending =
  | { readonly how: 'done'; readonly code: number | null; readonly signal: string | null }
  | { readonly how: 'exited'; readonly code: number | null; readonly signal: string | null }
  | { readonly how: 'timed_out' }
  | { readonly how: 'flooded' }
  | { readonly how: 'cancelled' };

/** How a first process ends that has lost what waited to become the program (guest/native/programs.h): none of the user's code has run. */
const lostCode = 96;

/**
 * Names the outcome.
 * @param facts.oomKilled the kernel killed a process of the sandbox for memory while the program ran
 * @param facts.broken the sandbox was ended because it broke the protocol
 */
export function outcomeOf(
  ending: Ending,
  facts: { oomKilled: boolean; broken: boolean },
): Pick<ExecutionResult, 'outcome' | 'exitCode' | 'signal'> {
  const killed = { exitCode: null, signal: 'SIGKILL' };
  if (ending.how === 'timed_out') return { outcome: 'timed_out', ...killed };
  if (ending.how === 'flooded') return { outcome: 'output_limit', ...killed };
  if (ending.how === 'cancelled') return { outcome: 'cancelled', ...killed };
  const { how, code, signal } = ending;
  const status = { exitCode: code, signal };
  // A program may survive the loss of a child: only a program that fails ran out of memory itself.
  if (facts.oomKilled && code !== 0) return { outcome: 'out_of_memory', ...status };
  if (facts.broken) return { outcome: 'killed', ...killed };
  // The first process of a sandbox cannot kill itself this way, so the kill came from outside.
  if (how === 'exited' && (signal === 'SIGKILL' || code === lostCode)) return { outcome: 'killed', ...killed };
  return { outcome: 'completed', ...status };
}
