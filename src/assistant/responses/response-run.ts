import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent, AgentEnd, AgentEvent, AgentRequest, TokenUsage } from '../../agent/index.ts';
import { DragomanError, type Principal, weightOf } from '../../core/index.ts';
import type { EventLog, EventWriter } from '../../event-log/index.ts';
import type { Sessions } from '../../service/index.ts';
import { type DurableHooks, type DurableRun, type Ending, endingOf } from '../background/durable-run.ts';
import type { LeftResponse } from '../background/journal.ts';
import type { Item } from '../items.ts';
import type { Workplace } from '../workplace.ts';
import type { Citable } from './citations.ts';
import { failed, type ResponseEvent, type ResponseState, tellable } from './response.ts';
import type { ResponseRecord } from './response-record.ts';
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
  /** Makes it outlast this process; absent: it ends with it. */
  readonly durable?: ((run: DurableHooks) => DurableRun) | undefined;
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
  readonly #events: AsyncIterator<AgentEvent> | undefined;
  readonly #first: Promise<IteratorResult<AgentEvent>> | undefined;
  readonly #transcriber: Transcriber;
  readonly #finish = Promise.withResolvers<void>();
  readonly #release = Promise.withResolvers<void>();
  #readers = 0;
  readonly #durable: DurableRun | undefined;
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
    this.#durable = plan.durable?.({
      told: (events) => {
        for (const event of events) this.#writer!.append(event);
      },
      state: () => this.#transcriber.state,
      abort: () => this.cancel(),
    });
    const left = this.#durable?.left;
    this.#transcriber = new Transcriber({
      ...plan,
      responseId: plan.response.id,
      left: left && { state: left.transcriber, events: left.events },
    });
    if (this.#durable) this.#writer = plan.log.create(this.#key);
    if (left) this.#takeOver(left);
    if (!left?.ending)
      this.#events = plan.agent
        .run(plan.principal, plan.request, this.#abort.signal, this.#durable?.journal)
        [Symbol.asyncIterator]();
    this.#first = this.#events?.next();
    this.begun = Promise.resolve(this.#first).then(() => {});
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
      let told = 0;
      let latest: ResponseEvent | undefined;
      for await (const { event } of this.#plan.log.read(this.#key, 0, signal)) {
        told++;
        latest = event;
        yield event;
      }
      // Another process goes on with it.
      if (this.#durable && latest?.type !== 'ended') yield* this.#durable.readOn(told, signal);
    } finally {
      this.#readers--;
      this.#releaseUnread();
    }
  }

  /** Goes on to the end, whether or not anyone reads. Called once. */
  start(): void {
    this.#writer ??= this.#plan.log.create(this.#key);
    this.#work().then(this.#finish.resolve, this.#finish.resolve);
  }

  /** Ends it: code that runs is interrupted. */
  cancel(): void {
    this.#abort.abort();
  }

  /** Lets another process go on with it where it can be, and ends it where it cannot. Code that runs now may end first. */
  async leave(patienceMs: number): Promise<void> {
    this.#durable?.leaveSoon();
    const late = this.#durable ? sleep(patienceMs, undefined, { ref: false }) : Promise.resolve();
    await Promise.race([this.finished, late]);
    this.#durable?.leave();
    this.cancel();
  }

  /** It is under way in the records, and another process goes on with it. */
  get isLeft(): boolean {
    return this.#durable?.isLeft ?? false;
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

  /** Goes on behind what an earlier process told. */
  #takeOver({ events, beyond, ending }: LeftResponse): void {
    for (const event of events) {
      this.#bytes += eventBytes + weightOf(event);
      this.#writer!.append(event);
    }
    if (events.some(({ type }) => type === 'in_progress'))
      this.#response = { ...this.#response, status: 'in_progress' };
    if (beyond > 0 && !ending) for (const event of this.#transcriber.abandon()) this.#append(event, true);
  }

  async #work(): Promise<void> {
    const left = this.#durable?.left;
    try {
      const ending = left?.ending ? endingOf(left.ending) : await this.#ending();
      if (this.#durable?.goesOnElsewhere(ending)) this.#durable.leave();
      else await this.#conclude(ending, left?.ending !== undefined);
    } finally {
      this.#writer!.end();
    }
  }

  async #ending(): Promise<Ending> {
    const left = this.#durable?.left;
    try {
      if (!left || left.events.length === 0) {
        this.#tell('created');
        this.#tell(this.#response.background ? 'queued' : 'in_progress');
      }
      return await this.#follow();
    } catch (error) {
      const end: AgentEnd = this.#abort.signal.aborted
        ? { reason: 'cancelled' }
        : { reason: 'failed', error: tellable(error, 'internal') };
      return { end, usage: noUsage, model: undefined };
    }
  }

  async #follow(): Promise<Ending> {
    try {
      let next = await this.#first!;
      if (this.#response.status === 'queued') {
        this.#response = { ...this.#response, status: 'in_progress' };
        this.#tell('in_progress');
      }
      for (; !next.done; next = await this.#events!.next()) {
        if (next.value.type === 'end') return next.value;
        for await (const event of this.#transcriber.take(next.value)) this.#append(event);
        if (next.value.type === 'code_done' || next.value.type === 'code_lost') this.#durable?.journalled.hold();
      }
      throw new DragomanError('internal');
    } finally {
      await this.#events?.return?.();
    }
  }

  /** @param isTold an earlier process told everything but the end */
  async #conclude(ending: Ending, isTold: boolean): Promise<void> {
    const { end, usage, model, providerStates } = ending;
    let fault: DragomanError | undefined;
    try {
      if (!isTold) for await (const event of this.#transcriber.end(end, providerStates)) this.#append(event, true);
    } catch (error) {
      fault = tellable(error, 'storage_unavailable');
    }
    const base: ResponseState = {
      ...this.#response,
      model: this.#plan.request.model ?? model ?? this.#response.model,
      usage,
      items: [...this.#transcriber.items],
    };
    if (fault) this.#response = failed(base, fault);
    else if (end.reason === 'failed') this.#response = failed(base, end.error);
    else if (end.reason === 'cancelled') this.#response = { ...base, status: 'cancelled' };
    else if (end.reason === 'stop' || end.reason === 'functions' || end.reason === 'paused')
      this.#response = { ...base, status: 'completed', completedAt: this.#plan.now() };
    else this.#response = { ...base, status: 'incomplete', incompleteReason: end.reason };
    await this.#storeWhole(isTold ? undefined : ending);
    if (!this.isLeft) this.#writer!.append({ type: 'ended', response: this.#response });
  }

  /** Stores the response before its last event is told, so that a client that knows of its end finds it. */
  async #storeWhole(ending: Ending | undefined): Promise<void> {
    const { status } = this.#response;
    const { input, remember } = this.#plan;
    try {
      if (ending) await this.#durable?.keepEnding(ending);
      if (status === 'completed' || status === 'incomplete') await remember?.([...input, ...this.#transcriber.items]);
      if (!this.#isStored) return;
      const events = [...(await this.#eventsSoFar()), { type: 'ended', response: this.#response } as const];
      const { principal, records } = this.#plan;
      if (this.#durable) await this.#durable.store(this.#record, events);
      else await records.put(principal, this.#record, { events, input });
    } catch (error) {
      this.#response = failed(this.#response, tellable(error, 'storage_unavailable'));
      await this.#durable?.storeFailed(this.#response);
    }
  }

  get #record(): ResponseRecord {
    const { modelViews, providerStates, waiting, uncited } = this.#transcriber;
    return {
      response: this.response,
      modelViews,
      ...(providerStates ? { providerStates } : {}),
      ...(waiting ? { waiting } : {}),
      ...(uncited.length > 0 ? { uncited } : {}),
    };
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

  #tell(type: 'created' | 'queued' | 'in_progress'): void {
    this.#write({ type, response: this.#response });
  }

  #write(event: ResponseEvent): void {
    if (this.#durable) this.#durable.journalled.append(event);
    else this.#writer!.append(event);
  }

  /** @throws DragomanError too_large when the response outgrows its bound, but for the events that close it */
  #append(event: ResponseEvent, isClosing = false): void {
    this.#bytes += eventBytes + weightOf(event);
    if (!isClosing && this.#bytes > maxResponseBytes)
      throw new DragomanError('too_large', { message: 'The response has grown too large.' });
    this.#write(event);
  }
}
