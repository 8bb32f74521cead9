import type { Principal } from '../../core/index.ts';
import type { HeldLease } from './leases.ts';

/** A record whose shape only its writer knows: a response, an assistant, a finished execution. */
export interface Document {
  /** What it is: one word per writer. */
  readonly kind: string;
  /** Unique within its kind. */
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  /** To find it by, besides its id. */
  readonly name: string | null;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Any JSON value. */
  readonly body: unknown;
  /** Written also when its owner's documents are more than they may be: what the service itself cannot do without. */
  readonly essential?: true;
}

export interface DocumentPage {
  readonly limit: number;
  /** Goes on behind the document with this id; one that is unknown ends the list. */
  readonly after?: string | undefined;
  readonly order: 'asc' | 'desc';
  /** Only those of exactly this name. */
  readonly name?: string | undefined;
}

/** Documents by kind and id, listed by owner in the order of their creation. Durable as the rest of the records. */
export interface Documents {
  /**
   * Writes it; one with its kind and id is replaced and keeps its place in lists.
   * @throws DragomanError quota_exceeded when it makes its owner's documents more than a records allows
   */
  put(document: Document): Promise<void>;
  /**
   * Writes them all or none.
   * @param held a lease: another holder's from now on cannot get between, and nothing is written when another has it already
   * @throws DragomanError as `put`; conflict when the lease is not held
   */
  putAll(documents: readonly Document[], held?: HeldLease): Promise<void>;
  /** Expired or not. */
  get(kind: string, id: string): Promise<Document | undefined>;
  /** Returns false when there was none. */
  delete(kind: string, id: string): Promise<boolean>;
  /** Removes all of one owner that have this name. */
  deleteNamed(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, name: string): Promise<void>;
  /** Those of one owner. Expired ones are among them until they are removed. */
  list(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, page: DocumentPage): Promise<Document[]>;
  /** Removes all that expired before `now`; returns how many. */
  deleteExpired(now: number): Promise<number>;
}
