import type { KeptCall } from '../../../agent/index.ts';
import { DragomanError, type Principal, weightOf } from '../../../core/index.ts';
import { invalid, WireError } from '../errors.ts';
import { ownId } from '../ids.ts';
import type { Cited } from './citations.ts';
import { readCompaction } from './compaction.ts';
import { itemId, placeOf } from './item-ids.ts';
import { type HistoryItem, type InputItem, type InputPart, type ListedInput, withoutImages } from './items.ts';
import type { ResponseRecords, StoredRecord, WaitingCode } from './records.ts';
import type { ResponseBody } from './request.ts';

/** Everything a response goes on from. */
export interface History {
  /** What came before this request, oldest first. */
  readonly before: readonly HistoryItem[];
  /** What this request brought, references resolved. */
  readonly input: readonly ListedInput[];
  /** What the model read of runs, by the id of their items. */
  readonly shown: ReadonlyMap<string, string>;
  /** What the model's provider wants back, by the id of an item of code or the `call_id` of a function. */
  readonly kept: ReadonlyMap<string, KeptCall>;
  /** The container of the newest code there is, as the client knows it. */
  readonly containerId: string | undefined;
  /** The newest code that still waits for functions. */
  readonly waiting: WaitingCode | undefined;
  /** Ids of calls that code made. */
  readonly codeCalls: ReadonlySet<string>;
  /** Files that wait for a message to be cited in. */
  readonly uncited: readonly Cited[];
}

/** Longest chain of responses that is followed. */
const maxChain = 1000;
/** What all of it may hold: it is in memory at once, and no model reads so much. */
const maxChainBytes = 64 * 1024 * 1024;

/**
 * Gathers what a request goes on from: the chain of earlier responses or a conversation's items, and the items it names.
 * @throws WireError 400 for a chain or a reference that cannot be followed
 */
export async function gatherHistory(
  records: ResponseRecords,
  principal: Principal,
  body: ResponseBody,
  responseId: string,
  conversation: readonly HistoryItem[] = [],
): Promise<History> {
  const chain = await followChain(records, principal, body.previous_response_id ?? undefined);
  const known = new Map(chain.map((record) => [record.id, record]));
  const unknown = new Set<string>();
  const find = async (id: string) => {
    const found = known.get(id) ?? (unknown.has(id) ? undefined : await records.find(principal, id));
    if (found) known.set(id, found);
    else unknown.add(id);
    return found;
  };
  // Items of a conversation come from responses, which know more of them, or were added without.
  for (const { id } of conversation) {
    const place = placeOf(id);
    if (place) await find(place.responseId);
  }
  const before = [
    ...conversation,
    ...chain.flatMap(({ input, response }): HistoryItem[] => [...input, ...response.output]),
  ];
  const seen = new Set(before.map(({ id }) => id));
  const input: ListedInput[] = [];
  for (const [index, item] of inputItems(body.input).entries()) {
    if (item.type === 'item_reference' && seen.has(item.id)) continue;
    const listed = await listInput(item, { responseId, list: 'input', index }, find);
    if (seen.has(listed.id)) continue;
    seen.add(listed.id);
    input.push(listed);
  }
  const shown = new Map<string, string>();
  let containerId: string | undefined;
  for (const item of [...before, ...input]) {
    if (item.type === 'code_interpreter_call' && item.container_id) containerId = item.container_id;
    if (item.type === 'compaction') containerId = readCompaction(item.encrypted_content)?.containerId ?? containerId;
  }
  // Responses that were only named by items count as well: a client may name a message and not the code behind it.
  const kept = new Map<string, KeptCall>();
  for (const record of known.values()) {
    for (const [id, text] of Object.entries(record.shown)) shown.set(id, text);
    for (const [id, call] of Object.entries(record.kept ?? {})) kept.set(id, call);
  }
  containerId ??= [...known.values()].flatMap(({ response }) => containersOf(response.output)).at(-1);
  const waits = [...known.values()].flatMap((record) => record.waiting ?? []);
  const uncited = newest(known.values())?.uncited ?? [];
  const codeCalls = new Set(waits.flatMap(({ calls }) => Object.keys(calls)));
  return { before, input, shown, kept, containerId, waiting: waits.at(-1), codeCalls, uncited };
}

function newest(records: Iterable<StoredRecord>): StoredRecord | undefined {
  return [...records].toSorted((a, b) => a.createdAt - b.createdAt).at(-1);
}

function containersOf(items: readonly HistoryItem[]): string[] {
  return items.flatMap((item) =>
    item.type === 'code_interpreter_call' && item.container_id ? [item.container_id] : [],
  );
}

async function followChain(
  records: ResponseRecords,
  principal: Principal,
  newest: string | undefined,
): Promise<StoredRecord[]> {
  const chain: StoredRecord[] = [];
  let bytes = 0;
  for (let wire: string | null | undefined = newest; wire; ) {
    const id = ownId('response', wire);
    const record = id === undefined ? undefined : await records.find(principal, id);
    if (!record || chain.length >= maxChain)
      throw invalid(
        `Previous response with id '${wire.slice(0, 64)}' not found.`,
        'previous_response_id',
        'previous_response_not_found',
      );
    const { status } = record.response;
    if (status === 'queued' || status === 'in_progress')
      throw invalid(`Previous response with id '${wire}' is not complete yet.`, 'previous_response_id');
    bytes += weightOf(record);
    if (bytes > maxChainBytes)
      throw invalid('The conversation has grown too large to go on from.', 'previous_response_id');
    chain.unshift(record);
    await records.prolong(principal, record);
    wire = record.response.previous_response_id;
  }
  return chain;
}

function inputItems(input: ResponseBody['input']): readonly InputItem[] {
  if (typeof input !== 'string') return input ?? [];
  return [{ type: 'message', role: 'user', content: input }];
}

/** Finds a response of the caller's by our id. */
export type Find = (id: string) => Promise<StoredRecord | undefined>;

/** An item as it is kept: with an id, references resolved. @throws WireError 404 for a reference to nothing */
export async function listInput(
  item: InputItem,
  place: { responseId: string; list: 'input'; index: number },
  find: Find,
): Promise<ListedInput> {
  switch (item.type) {
    case 'item_reference': {
      const found = await referredItem(item.id, find);
      if (found) return withoutImages(found);
      throw new WireError('not_found', `Item with id '${item.id.slice(0, 64)}' not found.`, {
        param: `input[${place.index}].id`,
      });
    }
    case 'code_interpreter_call':
      // Known by its own id, under which its response may be kept; some clients leave ids out.
      if (item.id && placeOf(item.id)) await find(placeOf(item.id)!.responseId);
      return withoutImages({ ...item, id: item.id || itemId(item.type, place) });
    case 'function_call':
      // By its id the response is found that made it, and what is kept with the call.
      if (item.id && placeOf(item.id)) await find(placeOf(item.id)!.responseId);
      return { ...item, id: itemId(item.type, place) };
    case 'compaction':
      if (!readCompaction(item.encrypted_content)) {
        const message = 'This compaction was not made here: it cannot be read.';
        throw invalid(message, `input[${place.index}].encrypted_content`);
      }
      return { ...item, id: itemId(item.type, place) };
    case 'function_call_output':
    case 'reasoning':
      return { ...item, id: itemId(item.type, place) };
    default: {
      const { role, content } = item;
      const parts = typeof content === 'string' ? [textPart(role, content)] : content;
      return {
        id: itemId('message', place),
        type: 'message',
        role,
        status: 'completed',
        content: parts.map(whole),
      };
    }
  }
}

/** What clients that list items read unguarded: the annotations of every text of the model's, and the detail of images. */
function whole(part: InputPart): InputPart {
  if (part.type === 'output_text') return { ...part, annotations: part.annotations ?? [] };
  return part.type === 'input_image' ? { ...part, detail: part.detail ?? 'auto' } : part;
}

function textPart(role: string, text: string): InputPart {
  return { type: role === 'assistant' ? 'output_text' : 'input_text', text };
}

async function referredItem(id: string, find: Find): Promise<HistoryItem | undefined> {
  const place = placeOf(id);
  const record = place && (await find(place.responseId));
  const list: readonly HistoryItem[] = (place?.list === 'input' ? record?.input : record?.response.output) ?? [];
  return list.find((item) => item.id === id);
}

/**
 * Checks that calls and outputs of functions belong together, as every model provider demands.
 * @throws WireError 400
 */
export function checkCalls(items: readonly HistoryItem[]): void {
  const calls = new Set<string>();
  const answered = new Set<string>();
  for (const item of items) {
    if (item.type === 'function_call') calls.add(item.call_id);
    if (item.type !== 'function_call_output') continue;
    if (!calls.has(item.call_id))
      throw invalid(`No tool call found for function call output with call_id ${item.call_id.slice(0, 64)}.`, 'input');
    answered.add(item.call_id);
  }
  const open = [...calls].find((id) => !answered.has(id));
  if (open !== undefined) throw invalid(`No tool output found for function call ${open.slice(0, 64)}.`, 'input');
}

/** @throws DragomanError internal when an id was given out that is none */
export function sessionOf(containerId: string): string {
  const id = ownId('container', containerId);
  if (id === undefined) throw new DragomanError('internal');
  return id;
}
