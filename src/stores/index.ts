export { createDiskFileStore } from './bytes/disk.ts';
export type { FileStore, StoredBytes } from './bytes/file-store.ts';
export { createMemoryFileStore } from './bytes/memory.ts';
export { lockDirectory } from './directory-lock.ts';
export type { Catalogue, KeyRecord, Owner, SessionRevision } from './records/catalogue.ts';
export type { Document, DocumentPage, Documents } from './records/documents.ts';
export { createMemoryCatalogue } from './records/memory.ts';
export { createSqliteCatalogue } from './records/sqlite.ts';
