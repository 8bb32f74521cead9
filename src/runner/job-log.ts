import { type EventLog, MemoryEventLog } from '../event-log/index.ts';
import type { JobEvent } from './port.ts';

/** Events kept of one job. */
const maxLogBytes = 8 * 1024 * 1024;
/** Ended jobs of all principals whose events are kept, and for how long. */
const maxLogs = 1000;
const maxBytes = 64 * 1024 * 1024;
const ttlMs = 10 * 60_000;

/** The events of jobs in the memory of this process. Of a job that says too much, the oldest stream output is dropped first. */
export function memoryJobLog(): EventLog<JobEvent> {
  return new MemoryEventLog<JobEvent>({
    maxLogs,
    maxBytes,
    maxLogBytes,
    ttlMs,
    isExpendable: ({ type }) => type === 'stdout' || type === 'stderr',
    // A large result costs none of the history.
    isApart: ({ type }) => type === 'ended',
  });
}
