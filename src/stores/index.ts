export { createDiskFileStore } from './bytes/disk.ts';
export type { FileStore, StoredBytes } from './bytes/file-store.ts';
export { createMemoryFileStore } from './bytes/memory.ts';
export { lockDirectory } from './directory-lock.ts';
export type { Document, DocumentPage, Documents } from './records/documents.ts';
export type { FileRecords, FileSetRevision, Owner } from './records/file-records.ts';
export type { KeyRecord, KeyRecords } from './records/key-records.ts';
export type { Records } from './records/records.ts';
export { createSqliteRecords } from './records/sqlite.ts';
