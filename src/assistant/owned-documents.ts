import type { Principal } from '../core/index.ts';
import type { Document, Documents, HeldLease, Page } from '../service/index.ts';

export interface OwnedDocumentsOptions {
  readonly documents: Documents;
  /** How long a document stays after it was written, in milliseconds. */
  readonly retentionMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** What a writer chooses of a document. */
export interface NewDocument {
  readonly kind: string;
  readonly id: string;
  readonly name?: string | undefined;
  readonly createdAt?: number | undefined;
  readonly expiresAt?: number | undefined;
  /** Any JSON value. */
  readonly body: unknown;
  /** As of `Document`. */
  readonly essential?: true;
}

/** The documents of principals, each seen by its owner alone. An expired document counts as missing. */
export class OwnedDocuments {
  readonly #options: OwnedDocumentsOptions;

  constructor(options: OwnedDocumentsOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.now();
  }

  /** When a document that is written now expires. */
  expiry(): number {
    return this.now() + this.#options.retentionMs;
  }

  /** Less than half of its time is left. */
  isOld({ expiresAt }: Pick<Document, 'expiresAt'>): boolean {
    return expiresAt - this.now() < this.#options.retentionMs / 2;
  }

  /** Writes them all or none. @throws DragomanError quota_exceeded */
  async put(principal: Principal, ...documents: NewDocument[]): Promise<void> {
    await this.putAll(this.made(principal, ...documents));
  }

  /** Documents as they are written. */
  made({ tenant, id: principalId }: Principal, ...documents: NewDocument[]): Document[] {
    return documents.map(({ kind, id, name, createdAt, expiresAt, body, essential }) => ({
      kind,
      id,
      tenant,
      principalId,
      name: name ?? null,
      createdAt: createdAt ?? this.now(),
      expiresAt: expiresAt ?? this.expiry(),
      body,
      ...(essential ? { essential } : {}),
    }));
  }

  /**
   * Writes documents that were made before, all or none.
   * @param held as of `Documents.putAll`
   * @throws DragomanError quota_exceeded, conflict
   */
  async putAll(documents: readonly Document[], held?: HeldLease): Promise<void> {
    await this.#options.documents.putAll(documents, held);
  }

  async get(principal: Principal, kind: string, id: string): Promise<Document | undefined> {
    const document = await this.#own(principal, kind, id);
    return document && document.expiresAt > this.now() ? document : undefined;
  }

  /** It was there, and its time is over. Expired documents are removed some time later. */
  async isExpired(principal: Principal, kind: string, id: string): Promise<boolean> {
    const document = await this.#own(principal, kind, id);
    return document !== undefined && document.expiresAt <= this.now();
  }

  async #own(principal: Principal, kind: string, id: string): Promise<Document | undefined> {
    const document = await this.#options.documents.get(kind, id);
    const isOwn = document?.tenant === principal.tenant && document.principalId === principal.id;
    return isOwn ? document : undefined;
  }

  /** One page. Pages of the store may hold expired documents, which are passed over. */
  async list(
    principal: Principal,
    kind: string,
    page: Page & { readonly name?: string | undefined },
  ): Promise<{ documents: readonly Document[]; more: boolean }> {
    const wanted = page.limit + 1;
    const found: Document[] = [];
    for (let { after } = page; found.length < wanted; ) {
      const batch = await this.#options.documents.list(kind, principal, { ...page, after, limit: wanted });
      found.push(...batch.filter(({ expiresAt }) => expiresAt > this.now()));
      if (batch.length < wanted) break;
      after = batch.at(-1)!.id;
    }
    return { documents: found.slice(0, page.limit), more: found.length >= wanted };
  }

  async delete(kind: string, id: string): Promise<void> {
    await this.#options.documents.delete(kind, id);
  }

  /** Removes all of this name. */
  async deleteNamed(principal: Principal, kind: string, name: string): Promise<void> {
    await this.#options.documents.deleteNamed(kind, principal, name);
  }
}
