export type { Catalogue, KeyRecord } from './catalogue.ts';
export type { FileStore, StoredBytes } from './file-store.ts';
