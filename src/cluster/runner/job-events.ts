import type { NumberedEvent } from '../../event-log/index.ts';
import type { Job, JobEvent, JobRef } from '../../runner/index.ts';

/** Where a gateway hears of jobs. */
export interface JobEvents {
  /** Begins to hear of a job, before it is sent to a worker; absent: any worker may get it. */
  follow(job: Job, worker?: string): Promise<void> | void;
  /** The job was not taken, and is sent nowhere else. */
  forget(jobId: string): void;
  /** A worker that was sent the job did not answer: it may have it, and the job is sent to no other. */
  mayHave(jobId: string): void;
  /** The job was told to end: where it does not in time, it is given up. */
  endsSoon(jobId: string): void;
  /** As `Runner.events`. The log of a job whose worker is lost ends with the outcome `worker_lost`. */
  events(job: JobRef, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<JobEvent>>;
  /** The worker that has a job, or had it; undefined: none has it yet, or that is not known. */
  workerOf(jobId: string): Promise<string | undefined> | string | undefined;
}

/** The queue of jobs that any worker may run. */
export interface Lane {
  /** Whether a job fits into it. */
  takes(job: Job): boolean;
  submit(job: Job): Promise<void>;
  /** Ends a job that no worker has begun; false: one has, or it is not known. */
  withdraw(jobId: string): Promise<boolean>;
}
