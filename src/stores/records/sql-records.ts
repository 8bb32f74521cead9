import type { ContentRecords } from './content-records.ts';
import type { Documents } from './documents.ts';
import type { FileRecords } from './file-records.ts';
import type { JobHolds } from './job-holds.ts';
import type { KeyRecords } from './key-records.ts';
import type { Leases } from './leases.ts';
import type { Records } from './records.ts';
import type { SessionRecords } from './session-records.ts';
import { SqlContentRecords } from './sql-contents.ts';
import { SqlDatabase, type SqlDriver } from './sql-database.ts';
import { SqlDocuments } from './sql-documents.ts';
import { SqlFileRecords } from './sql-file-records.ts';
import { SqlJobHolds } from './sql-job-holds.ts';
import { SqlKeyRecords } from './sql-key-records.ts';
import { SqlLeases } from './sql-leases.ts';
import { SqlSessionRecords } from './sql-sessions.ts';
import { SqlStateRecords } from './sql-states.ts';
import { SqlUsageRecords } from './sql-usage-records.ts';
import type { StateRecords } from './state-records.ts';
import type { UsageRecords } from './usage-records.ts';

/** Keeps records in any SQL database that kysely speaks. */
export class SqlRecords implements Records {
  /** For what concerns all parts at once. */
  readonly database: SqlDatabase;
  readonly files: FileRecords;
  readonly contents: ContentRecords;
  readonly jobHolds: JobHolds;
  readonly keys: KeyRecords;
  readonly sessions: SessionRecords;
  readonly states: StateRecords;
  readonly documents: Documents;
  readonly usage: UsageRecords;
  readonly leases: Leases;

  /** @param documentBytes the most that the documents and sessions of one owner may take together; absent: no limit */
  constructor(driver: SqlDriver, documentBytes: number | undefined) {
    this.database = new SqlDatabase(driver);
    this.files = new SqlFileRecords(this.database);
    this.contents = new SqlContentRecords(this.database);
    this.jobHolds = new SqlJobHolds(this.database);
    this.keys = new SqlKeyRecords(this.database);
    this.sessions = new SqlSessionRecords(this.database, documentBytes);
    this.states = new SqlStateRecords(this.database);
    this.documents = new SqlDocuments(this.database, documentBytes);
    this.usage = new SqlUsageRecords(this.database);
    this.leases = new SqlLeases(this.database);
  }

  start(): Promise<void> {
    return this.database.start();
  }

  close(): Promise<void> {
    return this.database.close();
  }
}
