import { constants } from 'node:os';
import type { Execution } from '#client';

type Ended = Pick<Execution, 'outcome' | 'exit_code' | 'signal' | 'error'>;

/** The exit code of the command for a program that ended: its own, `128 + signal`, or one that stands for the limit, as `timeout` has it. */
export function exitCodeOf({ outcome, exit_code: code, signal, error }: Ended): number {
  if (outcome === 'timed_out') return 124;
  if (outcome === 'cancelled') return 130;
  if (outcome === 'out_of_memory') return 137;
  if (code !== null) return code === 0 && error ? 1 : code;
  const number = signal === null ? undefined : constants.signals[signal as NodeJS.Signals];
  return number === undefined ? 1 : 128 + number;
}

/** What ended a program, where that was not the program itself. */
export function endingOf({ outcome, signal }: Ended): string | undefined {
  const words: Readonly<Record<Ended['outcome'], string | undefined>> = {
    completed: signal === null ? undefined : `The program was ended by ${signal}.`,
    timed_out: 'The program took longer than its time limit (--timeout sets another one).',
    out_of_memory: 'The program took more memory than it may have.',
    output_limit: 'The program printed more than it may.',
    killed: signal === null ? 'The program was killed.' : `The program was ended by ${signal}.`,
    cancelled: 'The program was cancelled.',
    worker_lost: 'The machine that ran the program was lost. It may have run in part, and is not run again.',
  };
  return words[outcome];
}
