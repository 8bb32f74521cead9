import type { KeptCall } from '../../../agent/index.ts';
import { DragomanError, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { ownDocument } from '../documents.ts';
import { notFound } from '../errors.ts';
import { ownId } from '../ids.ts';
import type { Cited } from './citations.ts';
import type { NumberedWireEvent } from './events.ts';
import type { ListedInput } from './items.ts';
import type { ResponseObject } from './response.ts';

const responseKind = 'response';
const eventsKind = 'response_events';

/** Most events kept of one response; one that has more cannot be streamed again. */
const maxEvents = 200_000;

/** Code that waits for functions of the client's. */
export interface WaitingCode {
  readonly callId: string;
  readonly executionId: string;
  readonly after: number;
  readonly code: string;
  readonly containerId: string;
  /** The ids the execution knows its calls by, by those the client does. */
  readonly calls: Readonly<Record<string, string>>;
  /** What the provider wants back with its call. */
  readonly kept?: KeptCall | undefined;
}

/** What is kept of a response. */
export interface ResponseRecord {
  /** Outputs of code included. */
  readonly response: ResponseObject;
  readonly input: readonly ListedInput[];
  /** What the model read of each run, by the id of its item. */
  readonly shown: Readonly<Record<string, string>>;
  /** What the model's provider wants back with calls, by the id of the item of code and the `call_id` of a function. */
  readonly kept?: Readonly<Record<string, KeptCall>> | undefined;
  readonly waiting?: WaitingCode | undefined;
  /** Files that no message has cited yet, because the client had to act first. */
  readonly uncited?: readonly Cited[] | undefined;
}

export interface StoredRecord extends ResponseRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** Responses as they are kept: each one a document, its events another. */
export class ResponseRecords {
  readonly #context: DialectContext;

  constructor(context: DialectContext) {
    this.#context = context;
  }

  /** A caller's own response; undefined when there is none. */
  async find(principal: Principal, id: string): Promise<StoredRecord | undefined> {
    const document = await ownDocument(this.#context, principal, responseKind, id);
    if (!document) return undefined;
    const { createdAt, expiresAt } = document;
    return { ...(document.body as ResponseRecord), id, createdAt, expiresAt };
  }

  /** @throws WireError 404 */
  async get(principal: Principal, wire: string): Promise<StoredRecord> {
    const id = ownId('response', wire);
    const found = id === undefined ? undefined : await this.find(principal, id);
    if (!found) throw noSuchResponse(wire);
    return found;
  }

  /** Keeps a response, and its events once there are all: without what can be made from the response. */
  async put(
    principal: Principal,
    id: string,
    record: ResponseRecord,
    createdAt: number,
    events?: readonly NumberedWireEvent[],
  ): Promise<void> {
    const { documents, now, retentionMs } = this.#context;
    const expiresAt = now() + retentionMs;
    const common = { id, tenant: principal.tenant, principalId: principal.id, name: null, createdAt, expiresAt };
    const written = [{ ...common, kind: responseKind, body: record as unknown }];
    if (events && events.length <= maxEvents) written.push({ ...common, kind: eventsKind, body: events.map(packed) });
    await documents.putAll(written);
  }

  /** The events of a finished response. @throws DragomanError not_found when they were not kept */
  async events(principal: Principal, { id, response }: StoredRecord): Promise<NumberedWireEvent[]> {
    const document = await ownDocument(this.#context, principal, eventsKind, id);
    if (!document)
      throw new DragomanError('not_found', { message: `The events of response '${response.id}' were not kept.` });
    return (document.body as PackedEvent[]).map((event) => unpacked(event, response));
  }

  /** Lets it stay as long as a response that goes on from it would. */
  async prolong(principal: Principal, record: StoredRecord): Promise<void> {
    const { now, retentionMs } = this.#context;
    if (record.expiresAt - now() > retentionMs / 2) return;
    const { id, createdAt, expiresAt: _, ...body } = record;
    await this.put(principal, id, body, createdAt);
  }

  async delete(id: string): Promise<void> {
    await this.#context.documents.delete(responseKind, id);
    await this.#context.documents.delete(eventsKind, id);
  }
}

export function noSuchResponse(wire: string): DragomanError {
  return notFound(`Response with id '${wire.slice(0, 64)}' not found.`);
}

type PackedEvent = Record<string, unknown> & {
  readonly type: NumberedWireEvent['type'];
  readonly sequence_number: number;
};

function packed(event: NumberedWireEvent): PackedEvent {
  const { type, sequence_number } = event;
  if ('response' in event) return { type, sequence_number, model: event.response.model };
  if (type === 'response.output_item.done') return { type, sequence_number, output_index: event.output_index };
  return { ...event };
}

const beginnings: readonly string[] = ['response.created', 'response.queued', 'response.in_progress'];

function unpacked(event: PackedEvent, response: ResponseObject): NumberedWireEvent {
  const { type, sequence_number, output_index, model } = event;
  if (type === 'response.output_item.done')
    return {
      type,
      sequence_number,
      output_index: output_index as number,
      item: response.output[output_index as number]!,
    };
  if (beginnings.includes(type)) {
    const status = type === 'response.in_progress' || !response.background ? 'in_progress' : 'queued';
    const begun = { output: [], usage: null, completed_at: null, error: null, incomplete_details: null };
    return { type, sequence_number, response: { ...response, ...begun, status, model } } as NumberedWireEvent;
  }
  if (['response.completed', 'response.incomplete', 'response.failed'].includes(type))
    return { type, sequence_number, response } as NumberedWireEvent;
  return event as unknown as NumberedWireEvent;
}
