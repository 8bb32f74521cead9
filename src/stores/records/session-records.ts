import type { FileSet, Tier } from '../../core/index.ts';
import type { DocumentPage } from './documents.ts';
import type { Owner } from './file-records.ts';

/** One of several kernels of a session, besides the usual one of each language. */
export interface KernelRecord {
  readonly id: string;
  /** Canonical name. */
  readonly language: string;
  /** Relative to the workspace; empty: the workspace itself. */
  readonly directory: string;
  readonly createdAt: number;
}

/** Where a session's sandbox is. */
export interface SessionPlace {
  /** The worker that its sandbox is or will be on; null: it was never placed. */
  worker: string | null;
  /** Grows with each change of worker. What an earlier worker says of the session does not count. */
  epoch: number;
}

/** Which of several gateways works with a session. */
export interface SessionTurn {
  /** Id of the gateway whose turn it is; null: none, or there is only one. */
  holder: string | null;
  /** Grows with each change of the gateway. What a gateway does in an earlier turn does not count. */
  turn: number;
}

/** What is kept of a session besides its files, which are the file set with its id. Times are milliseconds since the epoch. */
export interface SessionRecord extends SessionPlace, SessionTurn {
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  readonly createdAt: number;
  name: string | null;
  lastActiveAt: number;
  /** When it ends, files and all. */
  expiresAt: number;
  /** How long its sandbox is kept without use. */
  idleMs: number;
  /** It ends after so long without use. */
  readonly lifeMs: number;
  readonly memoryBytes: number;
  /** It ends at this moment, however it is used. Null: when it was not used for long enough. */
  endsAt: number | null;
  /** The dialect that lists it among its own. Null: none. */
  readonly face: string | null;
  /** What that dialect keeps of it: plain JSON. */
  notes: Readonly<Record<string, unknown>>;
  /** The plan of the principal that made it. Null: the default one. */
  readonly plan: string | null;
  /** What its sandbox is behind. Null: the session is older than tiers. */
  readonly tier: Tier | null;
  metadata: Readonly<Record<string, string>>;
  /** Kernels that have held variables of this session: what a new sandbox cannot give back. */
  ran: readonly string[];
  kernels: readonly KernelRecord[];
  /** Paths of the folders of its workspace that hold nothing, sorted. They are no files: no list shows them. */
  folders: readonly string[];
}

export interface SessionPage extends DocumentPage {
  /** Only those of this dialect. */
  readonly face?: string | undefined;
}

/** Sessions, listed by owner in the order of their creation. */
export interface SessionRecords {
  /**
   * Records a session and its file set, which has no files yet: both or neither.
   * @throws DragomanError quota_exceeded when the owner's records are more than they may be; internal when the id is taken
   */
  create(session: SessionRecord): Promise<void>;
  /**
   * Records a session, unless its owner has one of its name that ends later than `now`: of callers that do this at once, one makes it.
   * @returns the latest session of that name: this one or the one that was there
   * @throws DragomanError as `create`
   */
  ensure(session: SessionRecord, now: number): Promise<SessionRecord>;
  /** Expired or not. */
  find(id: string): Promise<SessionRecord | undefined>;
  /** Those of one owner. Expired ones are among them until they are removed. */
  list(owner: Owner, page: SessionPage): Promise<SessionRecord[]>;
  /** Ids of the sessions of a dialect, of every owner, that end later than `now`: the latest ones. */
  ofFace(face: string, now: number, limit: number): Promise<string[]>;
  /** Those of all owners, newest first, from behind the one with the id `after`. Expired ones are among them. */
  page(limit: number, after?: string): Promise<SessionRecord[]>;
  /**
   * Writes what use and its owner change of a session, and makes its files last as long as it does. Its place and its turn stay what they are.
   * @param since what it was when it was read: only what has changed since then is written. Absent: all of it
   * @returns false when the session is gone
   */
  save(session: SessionRecord, since?: SessionRecord): Promise<boolean>;
  /**
   * Gives the turn of a session to a gateway, if it is still in the turn `from`: of gateways that try at once, one gets it.
   * @returns the session as it is now; undefined when another was first, or it is gone
   */
  passTurn(id: string, from: SessionTurn, to: string): Promise<SessionRecord | undefined>;
  /**
   * Moves a session to a worker and raises its epoch, if its epoch is still this one: of processes that try at once, one wins.
   * The session may be used in its new epoch once this resolves.
   * @returns where the session is now, on another worker when another process was first; undefined when it is gone
   */
  place(id: string, epoch: number, worker: string): Promise<SessionPlace | undefined>;
  /** Removes a session and its files. Returns false when there was none. */
  delete(id: string): Promise<boolean>;
  /** Removes the sessions that ended before this time; returns how many. Their files go with `FileRecords.deleteExpired`. */
  deleteExpired(before: number): Promise<number>;
}

/** A session's file set. */
export function fileSetOf({ id, tenant, principalId, createdAt, expiresAt }: SessionRecord): FileSet {
  return { id, tenant, principalId, scope: { kind: 'user' }, createdAt, expiresAt };
}
