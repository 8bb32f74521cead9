import type { ProviderState } from '../../agent/index.ts';
import { type Principal, weightOf } from '../../core/index.ts';
import { readCompaction } from '../compaction.ts';
import { itemId, placeOf } from '../item-ids.ts';
import { type Item, isOfModel, type NewItem, withoutImages } from '../items.ts';
import { Refusal } from '../refusal.ts';
import type { Citable } from './citations.ts';
import { isUnderWay } from './response.ts';
import type { ResponseRecords, StoredResponse } from './response-records.ts';
import type { WaitingCode } from './waiting-code.ts';

/** Everything a response goes on from. */
export interface History {
  /** What came before this request, oldest first. */
  readonly before: readonly Item[];
  /** What this request brought, references resolved. */
  readonly input: readonly Item[];
  /** What the model read of runs, by the id of their items. */
  readonly modelViews: ReadonlyMap<string, string>;
  /** What the model's provider wants back, by the id of a code item or the `callId` of a function call. */
  readonly providerStates: ReadonlyMap<string, ProviderState>;
  /** Where the newest code ran. */
  readonly sessionId: string | undefined;
  /** The newest code that still waits for functions. */
  readonly waiting: WaitingCode | undefined;
  /** Ids of calls that code made. */
  readonly codeCalls: ReadonlySet<string>;
  /** Files that wait for a message to be cited in. */
  readonly uncited: readonly Citable[];
}

/** An item of a request, and where the client wrote it, for refusals. */
export interface RequestItem {
  readonly item: NewItem;
  readonly where: string;
}

export interface HistoryRequest {
  readonly input: readonly RequestItem[];
  /** The response this one goes on from. */
  readonly previousId?: string | undefined;
}

/** Longest chain of responses that is followed. */
const maxChain = 1000;
/** What a chain may hold in bytes: it is in memory at once, and no model reads as much. */
const maxChainBytes = 64 * 1024 * 1024;

/**
 * Gathers what a request goes on from: earlier responses or a conversation's items, and the items it names.
 * @param newListId the id under which the items of the input are stored
 * @throws Refusal for a chain or a reference that cannot be followed
 */
export async function gatherHistory(
  records: ResponseRecords,
  principal: Principal,
  { input: requested, previousId }: HistoryRequest,
  newListId: string,
  conversation: readonly Item[] = [],
): Promise<History> {
  const chain = await followChain(records, principal, previousId);
  const finder = new ItemFinder(records, principal, chain);
  // Items of a conversation come from responses, which know more about them, or from the client.
  for (const { id } of conversation) await finder.responseOf(id);
  const before = [...conversation, ...chain.flatMap(({ input, stored }) => [...input, ...stored.response.items])];
  const seen = new Set(before.map(({ id }) => id));
  const input: Item[] = [];
  for (const [index, request] of requested.entries()) {
    if (request.item.type === 'reference' && seen.has(request.item.id)) continue;
    const item = await finder.listed(request, newListId, index);
    if (seen.has(item.id)) continue;
    seen.add(item.id);
    input.push(item);
  }
  return { before, input, ...finder.knowledge([...before, ...input]) };
}

interface ChainLink {
  readonly stored: StoredResponse;
  readonly input: readonly Item[];
}

async function followChain(
  records: ResponseRecords,
  principal: Principal,
  newest: string | undefined,
): Promise<ChainLink[]> {
  const chain: ChainLink[] = [];
  let bytes = 0;
  for (let id: string | null | undefined = newest; id; ) {
    const stored = await records.find(principal, id);
    if (!stored || chain.length >= maxChain)
      throw new Refusal('previous_not_found', 'The previous response does not exist.', { id });
    if (isUnderWay(stored.response))
      throw new Refusal('previous_unfinished', 'The previous response is not complete yet.', { id });
    const input = await records.input(principal, id);
    bytes += weightOf(stored) + weightOf(input);
    if (bytes > maxChainBytes)
      throw new Refusal('history_too_large', 'The conversation has grown too large to go on from.');
    chain.unshift({ stored, input });
    await records.prolong(principal, stored);
    id = stored.response.previousId;
  }
  return chain;
}

/** Finds items by their ids, and remembers the responses they belong to. */
export class ItemFinder {
  readonly #records: ResponseRecords;
  readonly #principal: Principal;
  readonly #known: Map<string, StoredResponse>;
  readonly #unknown = new Set<string>();

  constructor(records: ResponseRecords, principal: Principal, chain: readonly ChainLink[] = []) {
    this.#records = records;
    this.#principal = principal;
    this.#known = new Map(chain.map(({ stored }) => [stored.response.id, stored]));
  }

  /** The response an item belongs to. */
  async responseOf(itemId: string | undefined): Promise<StoredResponse | undefined> {
    const id = itemId === undefined ? undefined : placeOf(itemId)?.listId;
    if (id === undefined) return undefined;
    const known = this.#known.get(id);
    if (known || this.#unknown.has(id)) return known;
    const found = await this.#records.find(this.#principal, id);
    if (found) this.#known.set(id, found);
    else this.#unknown.add(id);
    return found;
  }

  /** An item as it is stored: with an id, references resolved. @throws Refusal item_not_found, compaction_unreadable */
  async listed({ item, where }: RequestItem, listId: string, index: number): Promise<Item> {
    const id = itemId({ listId, side: 'input', index });
    switch (item.type) {
      case 'reference': {
        const found = await this.#referred(item.id);
        if (found) return withoutImages(found);
        throw new Refusal('item_not_found', 'The item does not exist.', { id: item.name, where: `${where}.id` });
      }
      case 'code':
        // It keeps its id, by which its response is found. Some clients leave the id out.
        await this.responseOf(item.id);
        return withoutImages({ ...item, id: item.id || id });
      case 'function_call':
        // What is stored with the call is found by its id.
        await this.responseOf(item.id);
        return { ...item, id };
      case 'compaction':
        if (readCompaction(item.content)) return { ...item, id };
        throw new Refusal('compaction_unreadable', 'This compaction was not made here: it cannot be read.', { where });
      default:
        return { ...item, id };
    }
  }

  /** What the known responses hold besides items. A client may name a message and not the code behind it: those count too. */
  knowledge(items: readonly Item[]): Omit<History, 'before' | 'input'> {
    const stored = [...this.#known.values()];
    const modelViews = new Map(stored.flatMap((each) => Object.entries(each.modelViews)));
    const providerStates = new Map(stored.flatMap((each) => Object.entries(each.providerStates ?? {})));
    const sessionId =
      newestSession(items) ?? stored.flatMap(({ response }) => newestSession(response.items) ?? []).at(-1);
    const waits = stored.flatMap(({ waiting }) => waiting ?? []);
    const codeCalls = new Set(waits.flatMap(({ calls }) => Object.keys(calls)));
    const newest = stored.toSorted((a, b) => a.response.createdAt - b.response.createdAt).at(-1);
    return { modelViews, providerStates, sessionId, waiting: waits.at(-1), codeCalls, uncited: newest?.uncited ?? [] };
  }

  async #referred(id: string): Promise<Item | undefined> {
    const place = placeOf(id);
    if (!place) return undefined;
    if (place.side === 'input') return this.#records.inputItem(this.#principal, place.listId, id);
    return (await this.responseOf(id))?.response.items.find((item) => item.id === id);
  }
}

function newestSession(items: readonly Item[]): string | undefined {
  let sessionId: string | undefined;
  for (const item of items) {
    if (item.type === 'code') sessionId = item.sessionId || sessionId;
    if (item.type === 'compaction') sessionId = readCompaction(item.content)?.sessionId ?? sessionId;
  }
  return sessionId;
}

/** Checks that calls and results of functions belong together, as every model provider demands. @throws Refusal */
export function checkCalls(items: readonly Item[]): void {
  const calls = new Set<string>();
  const answered = new Set<string>();
  for (const item of items) {
    if ('status' in item && item.status === 'incomplete') continue;
    if (item.type === 'function_call') calls.add(item.callId);
    if (item.type !== 'function_result') continue;
    if (!calls.has(item.callId))
      throw new Refusal('call_not_found', 'A function result has no call.', { id: item.callId });
    answered.add(item.callId);
  }
  const open = [...calls].find((id) => !answered.has(id));
  if (open !== undefined) throw new Refusal('result_not_found', 'A function call has no result.', { id: open });
}

/** How many items were answered already: those before the request, and of its input those up to the model's last. */
export function answeredCount({ before, input }: Pick<History, 'before' | 'input'>): number {
  return Math.max(before.length, [...before, ...input].findLastIndex(isOfModel) + 1);
}
