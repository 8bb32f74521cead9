import type { StoredFile } from '../../core/index.ts';
import type { SessionRef } from '../../runner/index.ts';
import type { OpenFileSet } from '../files/file-service.ts';

/** What a job may read. */
export interface JobReads {
  /** Everything that is stored of this session, for as long as it is in this epoch. */
  readonly session: SessionRef | null;
  /** Digests of what else it may read. */
  readonly digests: readonly string[];
}

/** What a job may store. */
export interface JobRoom {
  /** What its files are stored for, and the most that all files of that owner may take. */
  readonly set: OpenFileSet;
  /** Of one file. */
  readonly maxBytes: number;
}

/** A file that a job has handed over. */
export interface CollectedFile {
  readonly bytes: Buffer;
  readonly digest: string;
}

/**
 * What jobs may read and store, and what they have stored. A job's files are invisible until they are recorded. Where a method returns a
 * pass, the job carries it to its worker (`Job.pass`); undefined: it needs none.
 */
export interface JobStorage {
  /** Lets a job store files within its owner's quota, from now to `end`. */
  begin(jobId: string, room: JobRoom, reads: JobReads): string | undefined;
  /** Lets a job hand files over without storing them, from now to `collected`. @param maxBytes of all of them */
  collect(jobId: string, maxBytes: number, reads: JobReads): string | undefined;
  /** Lets a job read and store nothing. */
  read(jobId: string, reads: JobReads): string | undefined;
  /** What a job has stored, by path. @throws DragomanError storage_unavailable */
  stored(jobId: string): Promise<ReadonlyMap<string, StoredFile>>;
  /** The job is over: what it has handed over, by path. @throws DragomanError storage_unavailable */
  collected(jobId: string): Promise<ReadonlyMap<string, CollectedFile>>;
  /** The job is over: what of its files is not recorded is given up. */
  end(jobId: string): void;
  /** The files of the job are another gateway's to record: nothing is given up, and what nobody records ends by itself. */
  leave(jobId: string): void;
}
