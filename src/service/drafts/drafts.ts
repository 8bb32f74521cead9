import { DragomanError, type Principal } from '../../core/index.ts';
import type { Document, Documents } from '../../stores/index.ts';
import type { Page } from '../sessions/sessions.ts';

/** What a person writes in the pages: a notebook's cells, or a chat. It is replaced whole, and its revision counts that. */
export interface Draft {
  readonly id: string;
  readonly revision: number;
  /** Any JSON value. */
  readonly content: unknown;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly expiresAt: number;
}

export type DraftKind = 'notebook' | 'chat';

export interface DraftsOptions {
  readonly documents: Documents;
  /** How long a draft stays after it was written, in milliseconds. */
  readonly retentionMs: number;
  readonly now: () => number;
}

export interface DraftWrite {
  readonly content: unknown;
  /** The revision that the writer has read; 0: there is none yet. Absent: any. */
  readonly from?: number | undefined;
  /** To list it by. */
  readonly name?: string | undefined;
  readonly expiresAt?: number | undefined;
}

interface Body {
  readonly revision: number;
  readonly updatedAt: number;
  readonly content: unknown;
}

/** Drafts by owner. Two writers of one draft take turns within this process. */
export class Drafts {
  readonly #options: DraftsOptions;
  readonly #writing = new Map<string, Promise<unknown>>();

  constructor(options: DraftsOptions) {
    this.#options = options;
  }

  /** Undefined: none, expired, or another owner's. */
  async get(principal: Principal, kind: DraftKind, id: string): Promise<Draft | undefined> {
    const found = await this.#options.documents.get(kind, id);
    const isOwn = found?.tenant === principal.tenant && found.principalId === principal.id;
    return isOwn && found.expiresAt > this.#options.now() ? draftOf(found) : undefined;
  }

  /** @throws DragomanError conflict when another writer was faster, quota_exceeded, not_found for an id of another owner */
  put(principal: Principal, kind: DraftKind, id: string, write: DraftWrite): Promise<Draft> {
    const key = `${kind} ${id}`;
    const before = this.#writing.get(key) ?? Promise.resolve();
    const written = before.then(() => this.#put(principal, kind, id, write));
    const over = written.catch(() => {});
    this.#writing.set(key, over);
    void over.then(() => {
      if (this.#writing.get(key) === over) this.#writing.delete(key);
    });
    return written;
  }

  /** By creation. Expired drafts are passed over, so that a page may be short. */
  async list(principal: Principal, kind: DraftKind, page: Page & { readonly name?: string | undefined }) {
    const { documents, now } = this.#options;
    const found = await documents.list(kind, principal, { ...page, limit: page.limit + 1 });
    const drafts = found.slice(0, page.limit).filter(({ expiresAt }) => expiresAt > now());
    return { drafts: drafts.map(draftOf), more: found.length > page.limit };
  }

  /** Returns false when there was none. */
  async delete(principal: Principal, kind: DraftKind, id: string): Promise<boolean> {
    const found = await this.get(principal, kind, id);
    return found !== undefined && this.#options.documents.delete(kind, id);
  }

  async #put(
    principal: Principal,
    kind: DraftKind,
    id: string,
    { content, from, name, expiresAt }: DraftWrite,
  ): Promise<Draft> {
    const { documents, now, retentionMs } = this.#options;
    const { tenant, id: principalId } = principal;
    const there = await documents.get(kind, id);
    if (there && (there.tenant !== tenant || there.principalId !== principalId)) throw new DragomanError('not_found');
    const revision = there ? draftOf(there).revision : 0;
    if (from !== undefined && from !== revision)
      throw new DragomanError('conflict', { message: 'It has been changed since it was read. Read it again.' });
    const updatedAt = now();
    const document: Document = {
      kind,
      id,
      tenant,
      principalId,
      name: name ?? null,
      createdAt: there?.createdAt ?? updatedAt,
      expiresAt: expiresAt ?? updatedAt + retentionMs,
      body: { revision: revision + 1, updatedAt, content } satisfies Body,
    };
    await documents.put(document);
    return draftOf(document);
  }
}

function draftOf({ id, createdAt, expiresAt, body }: Document): Draft {
  const { revision, updatedAt, content } = body as Body;
  return { id, revision, content, createdAt, updatedAt, expiresAt };
}
