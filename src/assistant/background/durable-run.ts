import { createHash } from 'node:crypto';
import type { AgentEnd, AgentJournal, AgentState, ProviderState, TokenUsage } from '../../agent/index.ts';
import { DragomanError, type ErrorCode, type Principal } from '../../core/index.ts';
import type { Document } from '../../service/index.ts';
import type { OwnedDocuments } from '../owned-documents.ts';
import type { ResponseEvent, ResponseState } from '../responses/response.ts';
import type { ResponseRecord } from '../responses/response-record.ts';
import type { ResponseRecords } from '../responses/response-records.ts';
import type { TranscriberState } from '../responses/transcriber.ts';
import type { Claim } from './claims.ts';
import { type KeptEnding, type LeftResponse, ResponseJournal, writePatiently } from './journal.ts';

/** How the model's work ended. */
export interface Ending {
  readonly end: AgentEnd;
  readonly usage: TokenUsage;
  readonly model: string | undefined;
  readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
}

/** What a response lets its durable side do. */
export interface DurableHooks {
  /** These events are written: readers may see them. */
  told(events: readonly ResponseEvent[]): void;
  state(): TranscriberState;
  /** Stops the work. */
  abort(): void;
}

export interface DurableOptions {
  readonly principal: Principal;
  readonly responseId: string;
  readonly documents: OwnedDocuments;
  readonly records: ResponseRecords;
  readonly claim: Claim;
  readonly left: LeftResponse | undefined;
  /** What is written together with the end of the response. */
  atEnd(response: ResponseState): readonly Document[];
  /** Whether the response is gone from the records. */
  isGone(): Promise<boolean>;
  /** The events behind the first `told`, from the records. */
  readOn(told: number, signal: AbortSignal): AsyncIterable<ResponseEvent>;
}

/** The side of a response that lets another process go on with it. */
export class DurableRun {
  readonly journalled: ResponseJournal;
  /** For the agent. */
  readonly journal: AgentJournal;
  readonly #options: DurableOptions;
  readonly #hooks: DurableHooks;
  readonly #keptViews = new Set<string>();
  #isLeaving = false;
  #isLeft = false;

  constructor(options: DurableOptions, hooks: DurableHooks) {
    this.#options = options;
    this.#hooks = hooks;
    const { left } = options;
    this.journalled = new ResponseJournal({
      ...options,
      entries: left?.entries ?? 0,
      told: hooks.told,
      lost: () => void this.lose(),
    });
    for (const item of Object.keys(left?.transcriber?.modelViews ?? {})) this.#keptViews.add(item);
    const isLeft = () => this.#isLeft;
    this.journal = {
      state: left?.agent,
      get isLeft() {
        return isLeft();
      },
      keep: (state) => this.#keep(state),
      executionId: (turn, number) => idOf(options.responseId, turn, number),
    };
  }

  /** What an earlier process left; undefined: it begins here. */
  get left(): LeftResponse | undefined {
    return this.#options.left;
  }

  /** Another process goes on with the response: this one writes nothing more of it. */
  get isLeft(): boolean {
    return this.#isLeft;
  }

  /** Leaves it before code is sent or a model is asked again. */
  leaveSoon(): void {
    this.#isLeaving = true;
  }

  leave(): void {
    this.#isLeft = true;
    this.journalled.stop();
  }

  /** Whether the work ended only because this process stops, or lost the response. */
  goesOnElsewhere({ end: { reason } }: Ending): boolean {
    return this.#isLeft || (this.#isLeaving && (reason === 'failed' || reason === 'cancelled'));
  }

  /** Keeps how the work ended, so that another process asks no model again. */
  async keepEnding(ending: Ending): Promise<void> {
    await this.journalled.keep({ transcriber: this.#newState(), ending: keptEnding(ending) });
  }

  /** Stores the response and its events in place of the journal. @throws DragomanError quota_exceeded … */
  async store(record: ResponseRecord, events: readonly ResponseEvent[]): Promise<void> {
    const { records, principal } = this.#options;
    await this.#write([
      ...records.made(principal, record, { events, inPlaceOf: 'journal' }),
      ...this.#options.atEnd(record.response),
    ]);
  }

  /** Stores that a response failed which could not be stored whole. Never rejects: where that is impossible too, it is begun again later. */
  async storeFailed(response: ResponseState): Promise<void> {
    if (this.#isLeft) return;
    const { records, principal } = this.#options;
    const record = { response: { ...response, items: [] }, modelViews: {} };
    const made = records.made(principal, record, {}).map((document) => ({ ...document, essential: true as const }));
    await this.#write([...made, ...this.#options.atEnd(response)]).catch(() => this.leave());
  }

  readOn(told: number, signal: AbortSignal): AsyncIterable<ResponseEvent> {
    return this.#options.readOn(told, signal);
  }

  async #write(documents: readonly Document[]): Promise<void> {
    const { claim } = this.#options;
    try {
      await writePatiently(this.#options.documents, documents, claim);
    } catch (error) {
      if ((error as DragomanError).code === 'conflict') this.leave();
      throw error;
    }
  }

  async #keep(agent: AgentState): Promise<void> {
    if (this.#isLeaving) {
      this.leave();
      throw new DragomanError('shutting_down');
    }
    await this.journalled.keep({ agent, transcriber: this.#newState() });
  }

  /** Another process has it. Where the response was deleted, its code ends too. */
  async lose(): Promise<void> {
    if (this.#isLeft) return;
    const isGone = await this.#options.isGone().catch(() => false);
    if (!isGone) this.#isLeft = true;
    this.#hooks.abort();
    this.leave();
  }

  /** The state, with what models read that is not kept yet. */
  #newState(): TranscriberState {
    const state = this.#hooks.state();
    const views = Object.entries(state.modelViews).filter(([item]) => !this.#keptViews.has(item));
    for (const [item] of views) this.#keptViews.add(item);
    return { ...state, modelViews: Object.fromEntries(views) };
  }
}

/** The id of a piece of code's execution: the same for whatever process sends it, and for no other piece. */
function idOf(responseId: string, turn: number, number: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify(['background', responseId, turn, number]))
    .digest('base64url');
  // An id never begins with a hyphen.
  return `x${digest.slice(0, 20)}`;
}

function keptEnding({ end, ...rest }: Ending): KeptEnding {
  if (end.reason !== 'failed') return { reason: end.reason, ...rest };
  const { code, message, foreignCode } = end.error;
  return { reason: end.reason, error: { code, message, foreignCode }, ...rest };
}

/** An ending as it was kept. */
export function endingOf({ reason, error, model, ...rest }: KeptEnding): Ending {
  const end = error
    ? { reason: 'failed' as const, error: new DragomanError(error.code as ErrorCode, told(error)) }
    : { reason: reason as Exclude<AgentEnd['reason'], 'failed'> };
  return { end, model, ...rest };
}

function told({ message, foreignCode }: NonNullable<KeptEnding['error']>) {
  return { message, ...(foreignCode === undefined ? {} : { foreignCode }) };
}
