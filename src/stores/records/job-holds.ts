import type { FileQuota, Owner } from './file-records.ts';

/** Content that a job's worker is allowed to store. The hold keeps it as every hold does, and becomes the id of the file. */
export interface JobHold {
  readonly id: string;
  readonly path: string;
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
}

/** A hold of a job, as it is recorded. */
export interface RecordedJobHold extends JobHold {
  /** Its worker was asked to show that it has the bytes. */
  readonly isProven: boolean;
}

/** The job that holds are for, and what bounds them. */
export interface HoldingJob {
  readonly id: string;
  /** Whose files they become, and the most that all files and holds of that owner may take; null: they become no files. */
  readonly owner: (Owner & { readonly quota: FileQuota }) | null;
  /** What all holds of the job may take together; null: the owner's quota alone bounds them. */
  readonly maxBytes: number | null;
}

/** What jobs on workers elsewhere may store and read. Any process finds the holds of a job by its id. */
export interface JobHolds {
  /**
   * Records contents with holds of a job, all or none; a hold of the same job and path is replaced.
   * @returns false while one of the contents is being deleted: nothing is recorded, ask again
   * @throws DragomanError quota_exceeded, too_large
   */
  hold(job: HoldingJob, holds: readonly JobHold[], now: number, expiresAt: number): Promise<boolean>;
  /** Notes that the worker is asked to show that it has the bytes of a hold; undefined: the job has no such hold. */
  prove(jobId: string, path: string, digest: string): Promise<JobHold | undefined>;
  /** The holds of a job, by path. */
  list(jobId: string): Promise<RecordedJobHold[]>;
  /** Ends the holds of a job that have become no files; returns them. */
  release(jobId: string, now: number): Promise<RecordedJobHold[]>;
  /** What all holds of an owner take that have not ended. */
  held(owner: Owner, now: number): Promise<{ readonly bytes: number; readonly files: number }>;
  /**
   * Those of these digests that a session has: its files, replaced ones too, and its saved variables.
   * @throws DragomanError not_found when the session is gone; conflict when it is in another epoch
   */
  ofSession(session: { readonly id: string; readonly epoch: number }, digests: readonly string[]): Promise<string[]>;
}
