import type { Principal } from '../core/index.ts';
import type { Document, Page } from '../service/index.ts';
import type { Item } from './items.ts';
import type { NewDocument, OwnedDocuments } from './owned-documents.ts';

const itemsAtOnce = 50;

/** Lists of items, each item a document of its own, so that reading a page reads nothing else. */
export class ItemLists {
  readonly #documents: OwnedDocuments;
  readonly #kind: string;

  /** @param kind of the documents: lists of one kind share nothing with those of another */
  constructor(documents: OwnedDocuments, kind: string) {
    this.#documents = documents;
    this.#kind = kind;
  }

  /** The documents that append items to a list once they are written. An item with an id that is there replaces it. */
  documentsOf(listId: string, items: readonly Item[]): NewDocument[] {
    return items.map((item) => ({ kind: this.#kind, id: key(listId, item.id), name: listId, body: item }));
  }

  async page(principal: Principal, listId: string, page: Page): Promise<{ items: readonly Item[]; more: boolean }> {
    const after = page.after === undefined ? undefined : key(listId, page.after);
    const { documents, more } = await this.#documents.list(principal, this.#kind, { ...page, after, name: listId });
    return { items: documents.map(itemOf), more };
  }

  /** Every item, oldest first. The writer of a list bounds it. */
  async all(principal: Principal, listId: string): Promise<Item[]> {
    const items: Item[] = [];
    for await (const document of this.#each(principal, listId)) items.push(itemOf(document));
    return items;
  }

  async get(principal: Principal, listId: string, itemId: string): Promise<Item | undefined> {
    const document = await this.#documents.get(principal, this.#kind, key(listId, itemId));
    return document && itemOf(document);
  }

  async remove(listId: string, itemId: string): Promise<void> {
    await this.#documents.delete(this.#kind, key(listId, itemId));
  }

  async removeAll(principal: Principal, listId: string): Promise<void> {
    // Always the first page: a cursor would be removed with its page.
    for (let more = true; more; ) {
      const page = await this.#documents.list(principal, this.#kind, {
        limit: itemsAtOnce,
        order: 'asc',
        name: listId,
      });
      for (const { id } of page.documents) await this.#documents.delete(this.#kind, id);
      more = page.more;
    }
  }

  /** Lets every item stay as long as one that is written now. */
  async prolong(principal: Principal, listId: string): Promise<void> {
    for await (const { kind, id, name, createdAt, body } of this.#each(principal, listId))
      await this.#documents.put(principal, { kind, id, name: name!, createdAt, body });
  }

  async *#each(principal: Principal, listId: string): AsyncGenerator<Document> {
    for (let after: string | undefined, more = true; more; ) {
      const page = { limit: itemsAtOnce, order: 'asc', name: listId, after } as const;
      const found = await this.#documents.list(principal, this.#kind, page);
      yield* found.documents;
      after = found.documents.at(-1)?.id;
      more = found.more;
    }
  }
}

function key(listId: string, itemId: string): string {
  return `${listId} ${itemId}`;
}

function itemOf({ body }: Document): Item {
  return body as Item;
}
