import { newId, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import type { Document } from '../../../service/index.ts';
import { ownDocument, ownDocuments } from '../documents.ts';
import { invalid, notFound } from '../errors.ts';
import { ownId, seconds, wireId } from '../ids.ts';
import { type Find, listInput } from '../responses/history.ts';
import { type HistoryItem, type InputItem, withoutImages } from '../responses/items.ts';

type Metadata = Readonly<Record<string, string>>;

const conversationKind = 'openai_conversation';
/** What was added to a conversation at once; its name is the conversation's id, its id that of the response it comes from. */
const batchKind = 'openai_conversation_items';

/** More than any model reads, and than should be read for one question. */
const mostItems = 10_000;
const batchesAtOnce = 100;

/** A conversation and everything in it, oldest first. */
export interface Conversation {
  readonly id: string;
  readonly items: readonly HistoryItem[];
}

/** Conversations: items under an id that responses go on from and add to. They stay as long as something is done with them. */
export class Conversations {
  readonly #context: DialectContext;

  constructor(context: DialectContext) {
    this.#context = context;
  }

  async create(principal: Principal, metadata: Metadata, items: readonly InputItem[], find: Find) {
    const id = newId();
    const conversation = this.#document(principal, id, this.#context.now(), metadata);
    const batch = await this.#batch(principal, id, items, find);
    await this.#context.documents.putAll([conversation, ...batch]);
    return conversationObject(conversation);
  }

  /** @throws WireError 404 */
  async get(principal: Principal, wire: string) {
    return conversationObject(await this.#find(principal, wire));
  }

  /** @throws WireError 404 */
  async update(principal: Principal, wire: string, metadata: Metadata) {
    const { id, createdAt } = await this.#find(principal, wire);
    const document = this.#document(principal, id, createdAt, metadata);
    await this.#context.documents.put(document);
    return conversationObject(document);
  }

  /** Removes it and its items; responses stay. @throws WireError 404 */
  async delete(principal: Principal, wire: string): Promise<void> {
    const { id } = await this.#find(principal, wire);
    for (const batch of await this.#batches(principal, id)) await this.#context.documents.delete(batchKind, batch.id);
    await this.#context.documents.delete(conversationKind, id);
  }

  /** Everything in it. It stays from now on as long as any. @throws WireError 404 */
  async read(principal: Principal, wire: string): Promise<Conversation> {
    const conversation = await this.#find(principal, wire);
    const batches = await this.#batches(principal, conversation.id);
    await this.#prolong([conversation, ...batches]);
    return { id: conversation.id, items: batches.flatMap(itemsOf) };
  }

  /** Adds what a client sent. @returns what was added. @throws WireError 404, 400 for a reference to nothing, or when it is full */
  async add(
    principal: Principal,
    wire: string,
    items: readonly InputItem[],
    find: Find,
  ): Promise<readonly HistoryItem[]> {
    const { id, items: before } = await this.read(principal, wire);
    if (before.length + items.length > mostItems)
      throw invalid(`A conversation has at most ${mostItems} items.`, 'items');
    const batch = await this.#batch(principal, id, items, find);
    await this.#context.documents.putAll(batch);
    return batch.flatMap(itemsOf);
  }

  /** Adds what a response was given and what it came to. One that was removed meanwhile stays removed. */
  async append(principal: Principal, id: string, responseId: string, items: readonly HistoryItem[]): Promise<void> {
    if (!(await ownDocument(this.#context, principal, conversationKind, id))) return;
    await this.#context.documents.put(await this.#batchOf(principal, id, responseId, items.map(withoutImages)));
  }

  /** @throws WireError 404 */
  async removeItem(principal: Principal, wire: string, itemId: string) {
    const conversation = await this.#find(principal, wire);
    const batches = await this.#batches(principal, conversation.id);
    const batch = batches.find((each) => itemsOf(each).some(({ id }) => id === itemId));
    if (!batch) throw noSuchItem(wire, itemId);
    const items = itemsOf(batch).filter(({ id }) => id !== itemId);
    await this.#context.documents.put({ ...batch, body: items });
    return conversationObject(conversation);
  }

  async #find(principal: Principal, wire: string): Promise<Document> {
    const id = ownId('conversation', wire);
    const found = id === undefined ? undefined : await ownDocument(this.#context, principal, conversationKind, id);
    if (!found) throw notFound(`Conversation with id '${wire.slice(0, 64)}' not found.`);
    return found;
  }

  async #batches(principal: Principal, id: string): Promise<Document[]> {
    const all: Document[] = [];
    for (let more = true; more; ) {
      const page = { limit: batchesAtOnce, order: 'asc' as const, name: id, after: all.at(-1)?.id };
      const found = await ownDocuments(this.#context, principal, batchKind, page);
      all.push(...found.documents);
      more = found.more;
    }
    return all;
  }

  /** A batch of what a client sent, if that is anything. */
  async #batch(principal: Principal, id: string, items: readonly InputItem[], find: Find): Promise<Document[]> {
    if (items.length === 0) return [];
    const batchId = newId();
    const listed = [];
    for (const [index, item] of items.entries())
      listed.push(await listInput(item, { responseId: batchId, list: 'input', index }, find));
    return [await this.#batchOf(principal, id, batchId, listed)];
  }

  async #batchOf(principal: Principal, name: string, id: string, items: readonly HistoryItem[]): Promise<Document> {
    const { documents, now, retentionMs } = this.#context;
    const [last] = await documents.list(batchKind, principal, { limit: 1, order: 'desc', name });
    // Batches of the same millisecond would have no order.
    const createdAt = Math.max(now(), (last?.createdAt ?? 0) + 1);
    const owner = { tenant: principal.tenant, principalId: principal.id };
    return { kind: batchKind, id, name, ...owner, createdAt, expiresAt: now() + retentionMs, body: items };
  }

  #document({ tenant, id: principalId }: Principal, id: string, createdAt: number, metadata: Metadata): Document {
    const expiresAt = this.#context.now() + this.#context.retentionMs;
    return { kind: conversationKind, id, tenant, principalId, name: null, createdAt, expiresAt, body: { metadata } };
  }

  async #prolong(all: readonly Document[]): Promise<void> {
    const { documents, now, retentionMs } = this.#context;
    const old = all.filter(({ expiresAt }) => expiresAt - now() < retentionMs / 2);
    if (old.length > 0) await documents.putAll(old.map((each) => ({ ...each, expiresAt: now() + retentionMs })));
  }
}

function itemsOf({ body }: Document): readonly HistoryItem[] {
  return body as HistoryItem[];
}

function conversationObject({ id, createdAt, body }: Document) {
  const { metadata } = body as { metadata: Metadata };
  return { id: wireId('conversation', id), object: 'conversation' as const, created_at: seconds(createdAt), metadata };
}

export function noSuchItem(conversation: string, item: string) {
  return notFound(`Item with id '${item.slice(0, 64)}' not found in conversation '${conversation.slice(0, 64)}'.`);
}
