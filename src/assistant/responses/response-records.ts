import { isId, type Principal } from '../../core/index.ts';
import type { Document, Page } from '../../service/index.ts';
import { ItemLists } from '../item-lists.ts';
import type { Item } from '../items.ts';
import { olderKinds, recordOfOlder } from '../older-items.ts';
import type { OwnedDocuments } from '../owned-documents.ts';
import { Refusal } from '../refusal.ts';
import type { ResponseEvent, ResponseState } from './response.ts';
import type { ResponseRecord } from './response-record.ts';

const responseKind = 'assistant_response';
const inputKind = 'assistant_response_input';
const eventsKind = 'assistant_response_events';

/** Most events that are stored of one response. One that has more cannot be streamed again. */
const maxEvents = 200_000;

export interface AddedToResponse {
  readonly input?: readonly Item[] | undefined;
  readonly events?: readonly ResponseEvent[] | undefined;
  /** The events were stored before in another form, which is removed afterwards: they are no more than that. */
  readonly inPlaceOf?: 'journal' | undefined;
}

export interface StoredResponse extends ResponseRecord {
  readonly expiresAt: number;
}

/** Responses as they are stored: each a document, the items of its input documents of their own, its events one more. */
export class ResponseRecords {
  readonly #documents: OwnedDocuments;
  readonly #inputs: ItemLists;

  constructor(documents: OwnedDocuments) {
    this.#documents = documents;
    this.#inputs = new ItemLists(documents, inputKind);
  }

  async find(principal: Principal, id: string): Promise<StoredResponse | undefined> {
    if (!isId(id)) return undefined;
    const document = await this.#documents.get(principal, responseKind, id);
    if (document) return { ...(document.body as ResponseRecord), expiresAt: document.expiresAt };
    return this.#rewritten(principal, id);
  }

  /** A response that version 0.1 stored, which is stored anew. Its events are not: it cannot be streamed again. */
  async #rewritten(principal: Principal, id: string): Promise<StoredResponse | undefined> {
    const document = await this.#documents.get(principal, olderKinds.response, id);
    if (!document) return undefined;
    const { input, ...record } = recordOfOlder(id, document.createdAt, document.body);
    await this.put(principal, record, { input });
    await this.#documents.delete(olderKinds.response, id);
    await this.#documents.delete(olderKinds.events, id);
    return { ...record, expiresAt: this.#documents.expiry() };
  }

  /** @throws Refusal response_not_found */
  async get(principal: Principal, id: string): Promise<StoredResponse> {
    const found = await this.find(principal, id);
    if (!found) throw new Refusal('response_not_found', 'The response does not exist.', { id });
    return found;
  }

  input(principal: Principal, id: string): Promise<readonly Item[]> {
    return this.#inputs.all(principal, id);
  }

  inputPage(principal: Principal, id: string, page: Page): Promise<{ items: readonly Item[]; more: boolean }> {
    return this.#inputs.page(principal, id, page);
  }

  inputItem(principal: Principal, id: string, itemId: string): Promise<Item | undefined> {
    return this.#inputs.get(principal, id, itemId);
  }

  /** @param added what is stored for the first time: the input, or the events when the response has ended */
  async put(principal: Principal, record: ResponseRecord, added: AddedToResponse = {}): Promise<void> {
    await this.#documents.putAll(this.made(principal, record, added));
  }

  /** The documents that `put` writes. */
  made(principal: Principal, record: ResponseRecord, { input = [], events, inPlaceOf }: AddedToResponse): Document[] {
    const { id, createdAt } = record.response;
    const essential = inPlaceOf ? { essential: true as const } : {};
    return this.#documents.made(
      principal,
      { kind: responseKind, id, createdAt, body: record },
      ...this.#inputs.documentsOf(id, input),
      ...(events && events.length <= maxEvents
        ? [{ kind: eventsKind, id, createdAt, body: events.map(packed), ...essential }]
        : []),
    );
  }

  /** The events of a response that has ended; undefined when they were not stored. */
  async events(principal: Principal, { response }: StoredResponse): Promise<ResponseEvent[] | undefined> {
    const document = await this.#documents.get(principal, eventsKind, response.id);
    return document && (document.body as PackedEvent[]).map((event) => unpacked(event, response));
  }

  /** Lets it stay as long as a response that goes on from it. */
  async prolong(principal: Principal, { expiresAt, ...record }: StoredResponse): Promise<void> {
    if (!this.#documents.isOld({ expiresAt })) return;
    await this.put(principal, record);
    await this.#inputs.prolong(principal, record.response.id);
  }

  async delete(principal: Principal, id: string): Promise<void> {
    await this.#documents.delete(responseKind, id);
    await this.#documents.delete(eventsKind, id);
    await this.#inputs.removeAll(principal, id);
  }
}

/** An event without what the response itself holds. */
type PackedEvent =
  | { readonly type: 'created' | 'queued' | 'in_progress' | 'ended'; readonly model: string }
  | { readonly type: 'item_done'; readonly index: number }
  | Exclude<ResponseEvent, { response: ResponseState } | { type: 'item_done' }>;

function packed(event: ResponseEvent): PackedEvent {
  if ('response' in event) return { type: event.type, model: event.response.model };
  return event.type === 'item_done' ? { type: event.type, index: event.index } : event;
}

function unpacked(event: PackedEvent, response: ResponseState): ResponseEvent {
  if ('model' in event) {
    const { type, model } = event;
    if (type === 'ended') return { type, response };
    const status = type === 'in_progress' || !response.background ? 'in_progress' : 'queued';
    const begun = { items: [], usage: null, completedAt: null, error: null, incompleteReason: null };
    return { type, response: { ...response, ...begun, status, model } };
  }
  if (event.type === 'item_done') return { ...event, item: response.items[event.index]! };
  return event as ResponseEvent;
}
