import type { Agent, AgentEnd, AgentEvent, AgentRequest, ProviderState, TokenUsage } from '../../agent/index.ts';
import { DragomanError, type Principal, weightOf } from '../../core/index.ts';
import type { EventLog, EventWriter } from '../../event-log/index.ts';
import type { Sessions } from '../../service/index.ts';
import type { Item } from '../items.ts';
import type { Workplace } from '../workplace.ts';
import type { Citable } from './citations.ts';
import { failed, type ResponseEvent, type ResponseState, tellable } from './response.ts';
import type { ResponseRecords } from './response-records.ts';
import { Transcriber } from './transcriber.ts';

/** A response that is to be made. */
export interface RunPlan {
  readonly agent: Pick<Agent, 'run'>;
  readonly sessions: Pick<Sessions, 'files' | 'putFile'>;
  readonly records: ResponseRecords;
  readonly log: EventLog<ResponseEvent>;
  readonly principal: Principal;
  /** As it begins. */
  readonly response: ResponseState;
  readonly input: readonly Item[];
  readonly request: AgentRequest;
  readonly workplace: Workplace | undefined;
  /** Where earlier code ran: its files can be cited. */
  readonly earlierSession: string | undefined;
  /** Files of earlier code that no message has cited. */
  readonly uncited: readonly Citable[];
  now(): number;
  /** Adds what went in and came out to the conversation, if the response belongs to one. */
  readonly remember?: ((items: readonly Item[]) => Promise<void>) | undefined;
}

/** How the model's work ended. */
interface Ending {
  readonly end: AgentEnd;
  readonly usage: TokenUsage;
  readonly model: string | undefined;
  readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
}

/** Most bytes of the events of one response. */
const maxResponseBytes = 40 * 1024 * 1024;
/** What the log of one response must hold, so that no reader misses an event: the last event repeats the whole response. */
export const responseLogBytes = 3 * maxResponseBytes;
/** What an event costs besides its content. */
const eventBytes = 100;

const noUsage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** A response while it is made: the model and its code at work, and every event of it in the log. */
export class ResponseRun {
  /** Settles when the model has begun. Rejects when it could not: then nothing was produced or stored. */
  readonly begun: Promise<void>;
  /** Resolves when the response has ended, is stored, and its last event is in the log. Never rejects. */
  readonly finished: Promise<void>;
  /** Resolves when it has finished and no reader holds its events any more. Never rejects. */
  readonly released: Promise<void>;
  readonly #plan: RunPlan;
  readonly #abort = new AbortController();
  readonly #events: AsyncIterator<AgentEvent>;
  readonly #first: Promise<IteratorResult<AgentEvent>>;
  readonly #transcriber: Transcriber;
  readonly #finish = Promise.withResolvers<void>();
  readonly #release = Promise.withResolvers<void>();
  #readers = 0;
  #hasFinished = false;
  #writer: EventWriter<ResponseEvent> | undefined;
  #bytes = 0;
  #response: ResponseState;
  #isStored: boolean;

  /** Asks the model at once. */
  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#response = plan.response;
    this.#isStored = plan.response.stored;
    this.#transcriber = new Transcriber({ ...plan, responseId: plan.response.id });
    this.#events = plan.agent.run(plan.principal, plan.request, this.#abort.signal)[Symbol.asyncIterator]();
    this.#first = this.#events.next();
    this.begun = this.#first.then(() => {});
    this.begun.catch(() => {});
    this.finished = this.#finish.promise;
    this.released = this.#release.promise;
    this.finished.then(() => {
      this.#hasFinished = true;
      this.#releaseUnread();
    });
  }

  get id(): string {
    return this.#response.id;
  }

  get principal(): Principal {
    return this.#plan.principal;
  }

  /** About what its events take in memory. */
  get bytes(): number {
    return this.#bytes;
  }

  get input(): readonly Item[] {
    return this.#plan.input;
  }

  /** The response as it is now. */
  get response(): ResponseState {
    return { ...this.#response, items: [...this.#transcriber.items] };
  }

  /** Its events, past ones first, until it has ended or `signal` aborts. */
  async *events(signal: AbortSignal): AsyncGenerator<ResponseEvent> {
    this.#readers++;
    try {
      for await (const { event } of this.#plan.log.read(this.#key, 0, signal)) yield event;
    } finally {
      this.#readers--;
      this.#releaseUnread();
    }
  }

  /** Goes on to the end, whether or not anyone reads. Called once. */
  start(): void {
    this.#writer = this.#plan.log.create(this.#key);
    this.#work().then(this.#finish.resolve, this.#finish.resolve);
  }

  /** Ends it: code that runs is interrupted. */
  cancel(): void {
    this.#abort.abort();
  }

  /** Ends it, and nothing of it is stored. */
  forget(): void {
    this.#isStored = false;
    this.cancel();
  }

  get #key() {
    const { tenant, id: principalId } = this.#plan.principal;
    return { tenant, principalId, id: this.#response.id };
  }

  #releaseUnread(): void {
    if (this.#hasFinished && this.#readers === 0) this.#release.resolve();
  }

  async #work(): Promise<void> {
    const { background } = this.#response;
    this.#tell('created');
    this.#tell(background ? 'queued' : 'in_progress');
    let ending: Ending;
    try {
      if (background) await this.#store({ input: this.#plan.input });
      ending = await this.#follow();
    } catch (error) {
      const end: AgentEnd = this.#abort.signal.aborted
        ? { reason: 'cancelled' }
        : { reason: 'failed', error: tellable(error, 'internal') };
      ending = { end, usage: noUsage, model: undefined };
    }
    await this.#conclude(ending);
    this.#writer!.end();
  }

  async #follow(): Promise<Ending> {
    try {
      let next = await this.#first;
      if (this.#response.status === 'queued') {
        this.#response = { ...this.#response, status: 'in_progress' };
        this.#tell('in_progress');
      }
      for (; !next.done; next = await this.#events.next()) {
        if (next.value.type === 'end') return next.value;
        for await (const event of this.#transcriber.take(next.value)) this.#append(event);
      }
      throw new DragomanError('internal');
    } finally {
      await this.#events.return?.();
    }
  }

  async #conclude({ end, usage, model, providerStates }: Ending): Promise<void> {
    for await (const event of this.#transcriber.end(end, providerStates)) this.#append(event, true);
    const base: ResponseState = {
      ...this.#response,
      model: this.#plan.request.model ?? model ?? this.#response.model,
      usage,
      items: [...this.#transcriber.items],
    };
    if (end.reason === 'failed') this.#response = failed(base, end.error);
    else if (end.reason === 'cancelled') this.#response = { ...base, status: 'cancelled' };
    else if (end.reason === 'stop' || end.reason === 'functions' || end.reason === 'paused')
      this.#response = { ...base, status: 'completed', completedAt: this.#plan.now() };
    else this.#response = { ...base, status: 'incomplete', incompleteReason: end.reason };
    await this.#storeWhole();
    this.#tell('ended');
  }

  /** Stores the response before its last event is told, so that a client that knows of its end finds it. */
  async #storeWhole(): Promise<void> {
    const { status, background } = this.#response;
    const { input, remember } = this.#plan;
    try {
      if (status === 'completed' || status === 'incomplete') await remember?.([...input, ...this.#transcriber.items]);
      if (!this.#isStored) return;
      const events = [...(await this.#eventsSoFar()), { type: 'ended', response: this.#response } as const];
      await this.#store({ events, ...(background ? {} : { input }) });
    } catch (error) {
      this.#response = failed(this.#response, tellable(error, 'storage_unavailable'));
    }
  }

  async #store(added: { input?: readonly Item[]; events?: readonly ResponseEvent[] }): Promise<void> {
    const { modelViews, providerStates, waiting, uncited } = this.#transcriber;
    const record = {
      response: this.response,
      modelViews,
      ...(providerStates ? { providerStates } : {}),
      ...(waiting ? { waiting } : {}),
      ...(uncited.length > 0 ? { uncited } : {}),
    };
    await this.#plan.records.put(this.#plan.principal, record, added);
  }

  async #eventsSoFar(): Promise<ResponseEvent[]> {
    const events: ResponseEvent[] = [];
    const { last } = this.#writer!;
    for await (const { number, event } of this.#plan.log.read(this.#key, 0)) {
      events.push(event);
      if (number === last) break;
    }
    return events;
  }

  #tell(type: 'created' | 'queued' | 'in_progress' | 'ended'): void {
    this.#writer!.append({ type, response: this.#response });
  }

  /** @throws DragomanError too_large when the response outgrows its bound, but for the events that close it */
  #append(event: ResponseEvent, isClosing = false): void {
    this.#bytes += eventBytes + weightOf(event);
    if (!isClosing && this.#bytes > maxResponseBytes)
      throw new DragomanError('too_large', { message: 'The response has grown too large.' });
    this.#writer!.append(event);
  }
}
