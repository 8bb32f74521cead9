import { isId, newId, type Principal } from '../../core/index.ts';
import type { Document, Page } from '../../service/index.ts';
import { ItemLists } from '../item-lists.ts';
import { type Item, withoutImages } from '../items.ts';
import { itemOfOlder, olderKinds } from '../older-items.ts';
import type { NewDocument, OwnedDocuments } from '../owned-documents.ts';
import { Refusal } from '../refusal.ts';
import { ItemFinder, type RequestItem } from '../responses/history.ts';
import type { ResponseRecords } from '../responses/response-records.ts';
import { SerialByKey } from './serial-by-key.ts';

type Metadata = Readonly<Record<string, string>>;

/** A conversation: items under an id, which responses go on from and add to. */
export interface Conversation {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly metadata: Metadata;
}

interface Body {
  readonly metadata: Metadata;
  /** Of its items. */
  readonly count?: number | undefined;
  readonly bytes?: number | undefined;
}

const conversationKind = 'openai_conversation';
const itemKind = 'assistant_conversation_item';

/** More than any model reads, and than one question should read. */
const maxItems = 10_000;
const maxBytes = 32 * 1024 * 1024;

/** The conversations of principals. They stay as long as they are used. */
export class Conversations {
  readonly #documents: OwnedDocuments;
  readonly #records: ResponseRecords;
  readonly #items: ItemLists;
  /** Changes of one conversation follow each other, so that its counts are right. */
  readonly #changes = new SerialByKey();

  constructor(documents: OwnedDocuments, records: ResponseRecords) {
    this.#documents = documents;
    this.#records = records;
    this.#items = new ItemLists(documents, itemKind);
  }

  /** @throws Refusal for a reference to nothing, or when the items are too many */
  async create(principal: Principal, metadata: Metadata, items: readonly RequestItem[]): Promise<Conversation> {
    const id = newId();
    const listed = await this.#listed(principal, items);
    const { body, documents } = this.#grown({ metadata }, id, listed);
    const createdAt = this.#documents.now();
    await this.#documents.put(principal, { kind: conversationKind, id, createdAt, body }, ...documents);
    return { id, createdAt, metadata };
  }

  /** @throws Refusal conversation_not_found */
  async get(principal: Principal, id: string): Promise<Conversation> {
    return conversationOf(await this.#find(principal, id));
  }

  /** @throws Refusal conversation_not_found */
  update(principal: Principal, id: string, metadata: Metadata): Promise<Conversation> {
    return this.#changes.run(id, async () => {
      const found = await this.#find(principal, id);
      await this.#put(principal, found, { ...(found.body as Body), metadata });
      return { id, createdAt: found.createdAt, metadata };
    });
  }

  /** Removes it and its items; responses stay. @throws Refusal conversation_not_found */
  delete(principal: Principal, id: string): Promise<void> {
    return this.#changes.run(id, async () => {
      await this.#find(principal, id);
      await this.#documents.delete(conversationKind, id);
      await this.#items.removeAll(principal, id);
    });
  }

  /** Everything in it, oldest first. @throws Refusal conversation_not_found */
  async read(principal: Principal, id: string): Promise<readonly Item[]> {
    await this.#use(principal, id);
    return this.#items.all(principal, id);
  }

  /** A page of it. @throws Refusal conversation_not_found */
  async page(
    principal: Principal,
    id: string,
    page: Page,
  ): Promise<{ readonly items: readonly Item[]; readonly more: boolean }> {
    await this.#use(principal, id);
    return this.#items.page(principal, id, page);
  }

  /** @param named the item's id as the client has it. @throws Refusal conversation_not_found, item_not_found */
  async item(principal: Principal, id: string, itemId: string, named = itemId): Promise<Item> {
    await this.#use(principal, id);
    const found = await this.#items.get(principal, id, itemId);
    if (!found) throw noSuchItem(id, named);
    return found;
  }

  /**
   * Adds what a client sent.
   * @returns what was added
   * @throws Refusal conversation_not_found, conversation_full; item_not_found for a reference to nothing
   */
  add(principal: Principal, id: string, items: readonly RequestItem[]): Promise<readonly Item[]> {
    return this.#changes.run(id, async () => {
      const found = await this.#use(principal, id);
      const listed = await this.#listed(principal, items);
      await this.#append(principal, found, listed);
      return listed;
    });
  }

  /** Adds what a response was given and what it came to. One that was removed meanwhile stays removed. @throws as `add` */
  append(principal: Principal, id: string, items: readonly Item[]): Promise<void> {
    return this.#changes.run(id, async () => {
      const found = await this.#documents.get(principal, conversationKind, id);
      // Another process may have added them before it died.
      const last = items.at(-1);
      if (last && (await this.#items.get(principal, id, last.id))) return;
      if (found) await this.#append(principal, found, items.map(withoutImages));
    });
  }

  /** @param named the item's id as the client has it. @throws Refusal conversation_not_found, item_not_found */
  removeItem(principal: Principal, id: string, itemId: string, named = itemId): Promise<Conversation> {
    return this.#changes.run(id, async () => {
      const found = await this.#find(principal, id);
      const item = await this.#items.get(principal, id, itemId);
      if (!item) throw noSuchItem(id, named);
      await this.#items.remove(id, itemId);
      const { metadata, count = 0, bytes = 0 } = found.body as Body;
      await this.#put(principal, found, { metadata, count: count - 1, bytes: bytes - bytesOf(item) });
      return conversationOf(found);
    });
  }

  async #find(principal: Principal, id: string): Promise<Document> {
    const found = isId(id) ? await this.#documents.get(principal, conversationKind, id) : undefined;
    if (!found) throw new Refusal('conversation_not_found', 'The conversation does not exist.', { id });
    return (found.body as Body).count === undefined ? this.#rewritten(principal, found) : found;
  }

  /** A conversation of version 0.1, whose items were stored together. They are stored anew, each on its own. */
  async #rewritten(principal: Principal, found: Document): Promise<Document> {
    const page = { limit: 100, order: 'asc', name: found.id } as const;
    const { metadata } = found.body as Body;
    let count = 0;
    let bytes = 0;
    for (let more = true; more; ) {
      const batches = await this.#documents.list(principal, olderKinds.conversationItems, page);
      for (const { id, body } of batches.documents) {
        const items = (body as unknown[]).map(itemOfOlder);
        await this.#documents.put(principal, ...this.#items.documentsOf(found.id, items));
        await this.#documents.delete(olderKinds.conversationItems, id);
        count += items.length;
        bytes += items.reduce((sum, item) => sum + bytesOf(item), 0);
      }
      more = batches.more;
    }
    const body: Body = { metadata, count, bytes };
    await this.#put(principal, found, body);
    return { ...found, body };
  }

  /** Finds it, and lets everything in it stay from now on as long as a new one. */
  async #use(principal: Principal, id: string): Promise<Document> {
    const found = await this.#find(principal, id);
    if (!this.#documents.isOld(found)) return found;
    await this.#items.prolong(principal, id);
    await this.#put(principal, found, found.body as Body);
    return found;
  }

  async #put(principal: Principal, { id, createdAt }: Document, body: Body, ...added: NewDocument[]): Promise<void> {
    await this.#documents.put(principal, { kind: conversationKind, id, createdAt, body }, ...added);
  }

  async #append(principal: Principal, found: Document, items: readonly Item[]): Promise<void> {
    const { body, documents } = this.#grown(found.body as Body, found.id, items);
    await this.#put(principal, found, body, ...documents);
  }

  /** @throws Refusal conversation_full */
  #grown({ metadata, count = 0, bytes = 0 }: Body, id: string, items: readonly Item[]) {
    const total = { count: count + items.length, bytes: items.reduce((sum, item) => sum + bytesOf(item), bytes) };
    if (total.count > maxItems)
      throw new Refusal('conversation_full', `A conversation has at most ${maxItems} items.`, { id });
    if (total.bytes > maxBytes) {
      const message = `A conversation has at most ${maxBytes / 1024 / 1024} MiB. Upload large files and name them by their ids.`;
      throw new Refusal('conversation_full', message, { id });
    }
    return { body: { metadata, ...total }, documents: this.#items.documentsOf(id, items) };
  }

  async #listed(principal: Principal, items: readonly RequestItem[]): Promise<Item[]> {
    const finder = new ItemFinder(this.#records, principal);
    const listId = newId();
    const listed: Item[] = [];
    for (const [index, item] of items.entries()) listed.push(await finder.listed(item, listId, index));
    return listed;
  }
}

/** About what an item takes in the store. A large one is measured, not made JSON of: that would hold up the event loop. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return 2 + Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 5;
  const entries = Object.entries(value);
  return entries.reduce((bytes, [name, member]) => bytes + name.length + 4 + bytesOf(member), 2);
}

function conversationOf({ id, createdAt, body }: Document): Conversation {
  return { id, createdAt, metadata: (body as Body).metadata };
}

function noSuchItem(within: string, id: string): Refusal {
  return new Refusal('item_not_found', 'The item is not in this conversation.', { id, within });
}
