import type { Principal, StoredFile, StoredSession } from '../../core/index.ts';
import type { Documents } from './documents.ts';

/** Superseded files a session keeps: what was cited yesterday can still be downloaded, without end it would fill the disk. */
export const keptSuperseded = 200;

/** An API key as it is kept: never the secret itself. */
export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  /** sha256 of the secret in lower-case hexadecimal: secrets are 256-bit random or chosen by the operator's configuration. */
  readonly hash: string;
  /** Name of its plan; null: the default one. */
  readonly plan: string | null;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

/** Whose a session is. */
export type Owner = Pick<Principal, 'tenant' | 'id'>;

/** What a live session's workspace has become. */
export interface SessionRevision {
  readonly expiresAt: number;
  /** Files to record. */
  readonly added: readonly StoredFile[];
  /** Ids of files that others replace, or that are gone from the workspace: still found by id, no longer listed. */
  readonly superseded: readonly string[];
  /** See `createSession`. */
  readonly quotaBytes?: number | undefined;
}

/**
 * Records: stored sessions, their files, API keys, documents. Every write is a transaction that survives `kill -9` and power loss
 * once it resolves. Every method throws DragomanError storage_unavailable when the database refuses.
 */
export interface Catalogue {
  /**
   * Opens the database and brings its schema up to date. A database that is damaged, foreign or of a newer version is left
   * as it is.
   * @throws DragomanError storage_unavailable, naming the database and what is wrong with it
   */
  start(): Promise<void>;
  /**
   * Records a session and its files, all or nothing. The files name this session as theirs.
   * @param quotaBytes what all files of the session's owner may take together with these; absent: any number
   * @throws DragomanError internal when the session's id, or a file's id within it, is taken; quota_exceeded
   */
  createSession(session: StoredSession, files: readonly StoredFile[], quotaBytes?: number): Promise<void>;
  /**
   * Changes a session, all or nothing. Of its superseded files the latest `keptSuperseded` stay.
   * @throws DragomanError not_found when it is gone; quota_exceeded, never for a change that adds nothing
   */
  reviseSession(id: string, revision: SessionRevision): Promise<void>;
  /** Removes a session and its files. Returns false when there was none. */
  deleteSession(id: string): Promise<boolean>;
  /** The session with this id, expired or not. */
  session(id: string): Promise<StoredSession | undefined>;
  /** One file and the session it belongs to, expired or not. */
  file(sessionId: string, fileId: string): Promise<{ session: StoredSession; file: StoredFile } | undefined>;
  /** The files of exactly this session, in the order they were recorded, without those superseded. */
  files(sessionId: string): Promise<StoredFile[]>;
  /** Returns false when there was no such file. */
  deleteFile(sessionId: string, fileId: string): Promise<boolean>;
  /** Removes every session that expired before `now` with its files; returns how many sessions. */
  deleteExpired(now: number): Promise<number>;
  /** What the files of one owner take, each at its full size, superseded ones too. Costs the same however many they are. */
  storedBytes(owner: Owner): Promise<number>;
  /** Tells whether any file record refers to these bytes. */
  isReferenced(digest: string): Promise<boolean>;
  /**
   * Records a key. Two keys never have the same id or hash, revoked or not; two live keys never have the same name.
   * @throws DragomanError invalid_request when one of them is taken
   */
  createKey(key: KeyRecord): Promise<void>;
  /** A key by the hash of its secret, unless revoked. */
  keyByHash(hash: string): Promise<KeyRecord | undefined>;
  /** All keys, oldest first, revoked ones too. */
  keys(): Promise<KeyRecord[]>;
  /** Gives the live key with this id, else the one with this name, another plan. Returns false when there is neither. */
  planKey(idOrName: string, plan: string | null): Promise<boolean>;
  /** Revokes the live key with this id, else the one with this name. Returns false when there is neither. */
  revokeKey(idOrName: string, now: number): Promise<boolean>;
  readonly documents: Documents;
  close(): Promise<void>;
}
