import type { ContentRecords } from './content-records.ts';
import type { Documents } from './documents.ts';
import type { FileRecords } from './file-records.ts';
import type { JobHolds } from './job-holds.ts';
import type { KeyRecords } from './key-records.ts';
import type { Leases } from './leases.ts';
import type { SessionRecords } from './session-records.ts';
import type { StateRecords } from './state-records.ts';
import type { UsageRecords } from './usage-records.ts';

/**
 * What lasts besides bytes, in one database. Every write is a transaction that survives `kill -9` and power loss once it
 * resolves. Every method of every part throws DragomanError storage_unavailable when the database refuses.
 */
export interface Records {
  readonly files: FileRecords;
  readonly contents: ContentRecords;
  readonly jobHolds: JobHolds;
  readonly keys: KeyRecords;
  readonly sessions: SessionRecords;
  readonly states: StateRecords;
  readonly documents: Documents;
  readonly usage: UsageRecords;
  readonly leases: Leases;
  /**
   * Opens the database and brings its schema up to date. A database that is damaged, of another program or of a newer
   * version is left as it is.
   * @throws DragomanError storage_unavailable, naming the database and the reason
   */
  start(): Promise<void>;
  close(): Promise<void>;
}
