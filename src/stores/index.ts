export type { Catalogue, KeyRecord, Owner, SessionRevision } from './catalogue/catalogue.ts';
export type { Document, DocumentPage, Documents } from './catalogue/documents.ts';
export { createMemoryCatalogue } from './catalogue/memory.ts';
export { createSqliteCatalogue } from './catalogue/sqlite.ts';
export { lockDirectory } from './directory-lock.ts';
export { createDiskFileStore } from './files/disk.ts';
export type { FileStore, StoredBytes } from './files/file-store.ts';
export { createMemoryFileStore } from './files/memory.ts';
