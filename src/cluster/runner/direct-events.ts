import { FairStore } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import { type Job, type JobEvent, type JobRef, WorkerGone } from '../../runner/index.ts';
import { fromLines } from '../calls/lines.ts';
import type { WorkerCalls } from '../calls/worker-calls.ts';
import type { JobEvents } from './job-events.ts';
import { LostEnding } from './lost-ending.ts';

/** Jobs are known for so long: as long as their events are kept on a worker, and their longest run. */
const known = { maxEntries: 20_000, maxBytes: 20_000, ttlMs: 60 * 60_000 };

/** Events of jobs as their workers tell them, to the gateway that has submitted them. They are gone with the worker. */
export class DirectEvents implements JobEvents {
  readonly #calls: WorkerCalls;
  readonly #workers = new FairStore<string>(known);

  constructor(calls: WorkerCalls) {
    this.#calls = calls;
  }

  follow({ id }: Job, worker: string): void {
    this.#workers.set(keyOf(id), worker, 1);
  }

  forget(jobId: string): void {
    this.#workers.delete(keyOf(jobId));
  }

  workerOf(jobId: string): string | undefined {
    return this.#workers.get(keyOf(jobId));
  }

  async *events(job: JobRef, after: number, signal?: AbortSignal): AsyncGenerator<NumberedEvent<JobEvent>> {
    const worker = this.workerOf(job.id);
    if (worker === undefined) return;
    const lost = new LostEnding();
    let last = after;
    let hasEnded = false;
    try {
      const ref = { id: job.id, owner: job.owner };
      const read = await this.#calls.read(worker, 'events', { job: ref, after }, { signal });
      if (!read) return;
      for await (const numbered of fromLines<NumberedEvent<JobEvent>>(read.bytes)) {
        lost.note(numbered.event);
        last = numbered.number;
        hasEnded = numbered.event.type === 'ended' || numbered.event.type === 'failed';
        yield numbered;
      }
    } catch (error) {
      if (!(error instanceof WorkerGone) || hasEnded || signal?.aborted) throw error;
      yield { number: last + 1, event: lost.ending() };
    }
  }
}

/** Ids of jobs are of one gateway alone here. */
function keyOf(id: string) {
  return { tenant: '', principalId: '', id };
}
