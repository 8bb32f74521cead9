import type { StoredFile, StoredSession } from '../core/index.ts';

/** An API key as it is kept: never the secret itself. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** sha256 of the secret in lower-case hexadecimal: secrets are 256-bit random or chosen by the operator's configuration. */
  readonly hash: string;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** Records: stored sessions, their files, API keys. Every write is a transaction that survives `kill -9` once it resolves. */
export interface Catalogue {
  /** Opens the database and brings its schema up to date. */
  start(): Promise<void>;
  /** Records a session and its files, all or nothing. */
  createSession(session: StoredSession, files: readonly StoredFile[]): Promise<void>;
  session(id: string): Promise<StoredSession | undefined>;
  /** One file and the session it belongs to, expired or not. */
  file(sessionId: string, fileId: string): Promise<{ session: StoredSession; file: StoredFile } | undefined>;
  /** The files of exactly this session, in the order they were recorded. */
  files(sessionId: string): Promise<StoredFile[]>;
  /** Returns false when there was no such file. */
  deleteFile(sessionId: string, fileId: string): Promise<boolean>;
  /** Removes every session that expired before `now` with its files; returns how many sessions. */
  deleteExpired(now: number): Promise<number>;
  /** Tells whether any file record refers to these bytes. */
  isReferenced(digest: string): Promise<boolean>;
  createKey(key: KeyRecord): Promise<void>;
  /** A key by the hash of its secret, unless revoked. */
  keyByHash(hash: string): Promise<KeyRecord | undefined>;
  /** All keys, oldest first. */
  keys(): Promise<KeyRecord[]>;
  /** Returns false when no live key has this id or name. */
  revokeKey(idOrName: string, now: number): Promise<boolean>;
  close(): Promise<void>;
}
