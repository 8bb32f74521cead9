export type { Bytes, DirectBytes, GrantedContent, SignedRequest } from './bytes/bytes.ts';
export { copyBytes } from './bytes/copy-bytes.ts';
export { createDiskBytes } from './bytes/disk.ts';
export { removeUnrecordedContents } from './bytes/disk-inventory.ts';
export { IncomingFile } from './bytes/incoming-file.ts';
export { createMemoryBytes } from './bytes/memory.ts';
export { receiveInto } from './bytes/receive.ts';
export { createRemoteBytes } from './bytes/remote/remote.ts';
export { HttpSender, textOf } from './bytes/remote/send.ts';
export { ByteServer } from './bytes/remote/server.ts';
export { createS3Bytes } from './bytes/s3.ts';
export type { S3Place } from './bytes/s3-place.ts';
export { lockDirectory } from './directory-lock.ts';
export { createFileStore, type FileStore } from './file-store.ts';
export { copyRecords, recordedContents } from './records/copy-records.ts';
export type { Document, Documents } from './records/documents.ts';
export type { FileQuota, FileRecords, FileSetRevision, Once, OwnedStorage, Owner } from './records/file-records.ts';
export type { JobHold, JobHolds, RecordedJobHold } from './records/job-holds.ts';
export type { KeyRecord, KeyRecords } from './records/key-records.ts';
export type { HeldLease, Leases } from './records/leases.ts';
export { createPostgresRecords, lockPostgres } from './records/postgres.ts';
export { examinePostgres } from './records/postgres-facts.ts';
export type { Records } from './records/records.ts';
export {
  fileSetOf,
  type KernelRecord,
  type SessionPlace,
  type SessionRecord,
  type SessionRecords,
} from './records/session-records.ts';
export { createSqliteRecords } from './records/sqlite.ts';
export type { KernelStateRecord } from './records/state-records.ts';
export type { OwnedUsage, UsageAmounts, UsageDay, UsageRecords } from './records/usage-records.ts';
