import type { FileSet, StoredFile } from '../../core/index.ts';
import type { FileQuota } from './file-records.ts';

/** The saved variables of one kernel of a session. Their bytes are the files of a file set that no list shows. */
export interface KernelStateRecord {
  readonly kernel: string;
  /** The file set. */
  readonly setId: string;
  /** sha256 and size of the bytes that name all others. */
  readonly digest: string;
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly savedAt: number;
  /** The last execution that the variables know of; null: not known. */
  readonly execution: string | null;
  /** All bytes. */
  readonly bytes: number;
  /** How many variables are whole, as the kernel claims. */
  readonly variables: number;
  /** Code has run in the kernel since. */
  readonly isBehind: boolean;
  /** How often giving them back has failed. */
  readonly failures: number;
}

/** Saved variables of sessions. They go with their session, and last as long as its files. */
export interface StateRecords {
  /** Of one session, by kernel. */
  list(sessionId: string): Promise<KernelStateRecord[]>;
  /**
   * Saves a kernel's state in place of the one before, all or nothing. Holds with the files' ids end.
   * @throws DragomanError quota_exceeded when the owner's files take too much then; not_found when the session is gone; conflict when it
   *   is in another epoch
   */
  save(
    session: { readonly id: string; readonly epoch: number },
    state: KernelStateRecord,
    stored: { readonly set: FileSet; readonly files: readonly StoredFile[]; readonly quota: FileQuota },
  ): Promise<void>;
  /** Changes what is known of a saved state; does nothing where there is none. */
  note(
    sessionId: string,
    kernel: string,
    change: Partial<Pick<KernelStateRecord, 'isBehind' | 'failures'>>,
  ): Promise<void>;
  /** Removes saved states of a session; absent: all. Returns how many there were. */
  delete(sessionId: string, kernels?: readonly string[]): Promise<number>;
}
