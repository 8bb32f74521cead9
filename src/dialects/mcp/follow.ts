import { DragomanError } from '../../core/index.ts';
import type { Execution, RunningExecution } from '../../service/index.ts';
import type { Call } from './call.ts';
import { Printed, reportsOf } from './printed.ts';

/** How a call left a run: over, or going on with what it has printed so far. */
export type Followed = { readonly execution: Execution } | { readonly soFar: string };

/**
 * Waits for a run and reports its last printed line every second.
 * @param waitMs how long; undefined: until it is over, which its own limits bound
 * @throws DragomanError what the run failed with; cancelled when it was cancelled before it began, or the caller cancels
 */
export async function follow(
  running: RunningExecution,
  { signal, report }: Call,
  waitMs: number | undefined,
): Promise<Followed> {
  const printed = new Printed();
  const late = new AbortController();
  const timer = waitMs === undefined ? undefined : setTimeout(() => late.abort(), waitMs);
  const endReports = reportsOf(report, printed, () => (running.status === 'queued' ? 'waiting' : 'running'));
  try {
    for await (const { event } of running.events(0, AbortSignal.any([signal, late.signal])))
      if (event.type === 'stdout' || event.type === 'stderr') printed.add(event.type, event.data);
    if (signal.aborted) throw new DragomanError('cancelled');
    if (late.signal.aborted && running.status !== 'done') return { soFar: printed.text() };
    return { execution: await running.done };
  } finally {
    clearTimeout(timer);
    endReports();
  }
}
