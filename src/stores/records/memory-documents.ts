import type { Principal } from '../../core/index.ts';
import type { Document, DocumentPage, Documents } from './documents.ts';

/** Documents in memory; what is read is a copy, as from a database. */
export class MemoryDocuments implements Documents {
  readonly #documents = new Map<string, Document>();

  async put(document: Document): Promise<void> {
    const key = keyOf(document.kind, document.id);
    const old = this.#documents.get(key);
    this.#documents.set(key, structuredClone(old ? { ...document, createdAt: old.createdAt } : document));
  }

  async putAll(documents: readonly Document[]): Promise<void> {
    for (const document of documents) await this.put(document);
  }

  async get(kind: string, id: string): Promise<Document | undefined> {
    return structuredClone(this.#documents.get(keyOf(kind, id)));
  }

  async delete(kind: string, id: string): Promise<boolean> {
    return this.#documents.delete(keyOf(kind, id));
  }

  async list(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, page: DocumentPage): Promise<Document[]> {
    const all = [...this.#documents.values()].filter(
      (document) =>
        document.kind === kind &&
        document.tenant === owner.tenant &&
        document.principalId === owner.id &&
        (page.name === undefined || document.name === page.name || document.id === page.after),
    );
    if (page.order === 'desc') all.reverse();
    const from = page.after === undefined ? 0 : all.findIndex(({ id }) => id === page.after) + 1;
    if (from === 0 && page.after !== undefined) return [];
    const rest = all.slice(from).filter(({ name }) => page.name === undefined || name === page.name);
    return structuredClone(rest.slice(0, page.limit));
  }

  async deleteExpired(now: number): Promise<number> {
    const expired = [...this.#documents].filter(([, { expiresAt }]) => expiresAt < now);
    for (const [key] of expired) this.#documents.delete(key);
    return expired.length;
  }
}

function keyOf(kind: string, id: string): string {
  return JSON.stringify([kind, id]);
}
