import type { Ending } from '../api/types.ts';
import { bytes, duration } from '../app/words.ts';

/** What ended a run besides its own end, and what helps; undefined for one that simply ended. */
export function outcomeWords(ending: Ending, wasInterrupted: boolean): string | undefined {
  const { outcome, usage, signal, exit_code: code, interpreter } = ending;
  const kept = interpreter === 'kept' ? 'Variables kept.' : interpreter === 'lost' ? 'The variables are lost.' : '';
  switch (outcome) {
    case 'timed_out':
      return `Stopped after ${duration(usage.wall_ms)}, its limit. What it printed and wrote is kept. ${kept}`;
    case 'out_of_memory':
      return `Ran out of memory at ${bytes(usage.peak_memory_bytes)}. What it printed and wrote is kept. ${kept}`;
    case 'output_limit':
      return `Printed more than may be kept, and was stopped. ${kept}`;
    case 'killed':
      return `Ended by ${signal ?? 'a signal'}. ${kept}`;
    case 'cancelled':
      return `Ended after ${duration(usage.wall_ms)}. ${kept}`;
    case 'worker_lost':
      return `The machine that ran it was lost. It may have run in part. ${kept}`;
    case 'completed':
      if (wasInterrupted) return `Interrupted after ${duration(usage.wall_ms)}. ${kept}`;
      return code !== null && code !== 0 ? `Ended with exit code ${code}.` : undefined;
  }
}
