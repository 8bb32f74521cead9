import type { AgentEnd, AgentEvent, AgentRequest, KeptCall, TokenUsage } from '../../../agent/index.ts';
import { DragomanError, newId, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import type { CellExecution } from '../../../service/index.ts';
import { newWireId, seconds, wireId } from '../ids.ts';
import { type Cited, citation, hasLinks, isForPeople, linkedFiles } from './citations.ts';
import { EventLog } from './event-log.ts';
import type { NumberedWireEvent, ResponseEvent, WireEvent } from './events.ts';
import { sessionOf } from './history.ts';
import { itemId } from './item-ids.ts';
import type { Annotation, HistoryItem, ListedInput } from './items.ts';
import { codeOutputs, outputsSoFar, type ShownImage, type StreamPiece } from './outputs.ts';
import type { ResponseRecord, ResponseRecords, WaitingCode } from './records.ts';
import { type ResponseObject, usageOf } from './response.ts';
import { Sequencer } from './sequencer.ts';
import { containerIdOf, type Workplace } from './workplace.ts';

/** A response to be made. */
export interface RunPlan {
  readonly context: DialectContext;
  readonly records: ResponseRecords;
  readonly principal: Principal;
  readonly id: string;
  /** As it begins. */
  readonly response: ResponseObject;
  readonly input: readonly ListedInput[];
  readonly request: AgentRequest;
  readonly workplace: Workplace | undefined;
  /** The container of earlier code, whose files may be cited. */
  readonly containerId: string | undefined;
  /** Files of earlier code that were not cited yet. */
  readonly uncited: readonly Cited[];
  readonly createdAt: number;
  /** Adds what went in and came out to the conversation, if it is of one. */
  readonly remember?: ((items: readonly HistoryItem[]) => Promise<void>) | undefined;
}

/** How it ended, whoever ended it. */
interface Ending {
  readonly end: AgentEnd;
  readonly usage: TokenUsage;
  readonly model: string | undefined;
  readonly kept?: Readonly<Record<string, KeptCall>> | undefined;
}

const noUsage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

/** A response while it is made: the model and its code at work, what it has come to, and every event of it. */
export class ResponseRun {
  readonly log = new EventLog();
  /** Settles when the model has begun; rejects when it could not, and nothing was produced or kept. */
  readonly begun: Promise<void>;
  /** Resolves when the response has ended, is kept, and its last event is in the log. Never rejects. */
  readonly finished: Promise<void>;
  readonly #plan: RunPlan;
  readonly #abort = new AbortController();
  readonly #events: AsyncIterator<AgentEvent>;
  readonly #first: Promise<IteratorResult<AgentEvent>>;
  readonly #sequencer: Sequencer;
  readonly #finish = Promise.withResolvers<void>();
  #response: ResponseObject;
  #isKept: boolean;
  #sessionId: string | undefined;
  /** Files that were made and not cited, by path. */
  readonly #uncited: Map<string, Cited>;
  #pieces: StreamPiece[] = [];
  /** The item of the code that is open. */
  #codeItem = '';
  readonly #shown: Record<string, string> = {};
  /** Items of code by the agent's ids of their calls. */
  readonly #codeItems = new Map<string, string>();
  #kept: Record<string, KeptCall> | undefined;
  #code = '';
  #waiting: WaitingCode | undefined;

  /** Asks the model at once. */
  constructor(plan: RunPlan) {
    this.#plan = plan;
    this.#uncited = new Map(plan.uncited.map((file) => [file.name, file]));
    this.#response = plan.response;
    this.#isKept = plan.response.store;
    this.#sequencer = new Sequencer((type, index) => itemId(type, { responseId: plan.id, list: 'output', index }));
    this.#events = plan.context.agent.run(plan.principal, plan.request, this.#abort.signal)[Symbol.asyncIterator]();
    this.#first = this.#events.next();
    this.begun = this.#first.then(() => {});
    this.begun.catch(() => {});
    this.finished = this.#finish.promise;
  }

  get id(): string {
    return this.#plan.id;
  }

  get principal(): Principal {
    return this.#plan.principal;
  }

  get input(): readonly ListedInput[] {
    return this.#plan.input;
  }

  /** What it has come to, outputs of code included. */
  get response(): ResponseObject {
    return { ...this.#response, output: [...this.#sequencer.output] };
  }

  /** Goes on to the end, whoever reads along. Called once. */
  follow(): void {
    this.#work().then(this.#finish.resolve, this.#finish.resolve);
  }

  /** Ends it: what runs is interrupted. */
  cancel(): void {
    this.#abort.abort();
  }

  /** Ends it, and nothing of it stays. */
  forget(): void {
    this.#isKept = false;
    this.cancel();
  }

  async #work(): Promise<void> {
    const { background } = this.#response;
    this.#tell('response.created');
    this.#tell(background ? 'response.queued' : 'response.in_progress');
    let ending: Ending;
    try {
      if (background) await this.#keep();
      ending = await this.#follow();
    } catch (error) {
      const failure = error instanceof DragomanError ? error : new DragomanError('internal', { cause: error });
      const end: AgentEnd = this.#abort.signal.aborted ? { reason: 'cancelled' } : { reason: 'failed', error: failure };
      ending = { end, usage: noUsage, model: undefined };
    }
    await this.#conclude(ending);
    this.log.end();
  }

  async #follow(): Promise<Ending> {
    try {
      let next = await this.#first;
      if (this.#response.status === 'queued') {
        this.#response = { ...this.#response, status: 'in_progress' };
        this.#tell('response.in_progress');
      }
      for (; !next.done; next = await this.#events.next()) {
        if (next.value.type === 'end') return next.value;
        await this.#take(next.value);
      }
      throw new DragomanError('internal');
    } finally {
      await this.#events.return?.();
    }
  }

  async #take(event: Exclude<AgentEvent, { type: 'end' }>): Promise<void> {
    const sequencer = this.#sequencer;
    if (sequencer.isOpen && sequencer.isOpen !== event.type)
      this.#emit(sequencer.close(await this.#citations(sequencer.openText, false)));
    switch (event.type) {
      case 'text':
        return this.#emit(sequencer.text(event.delta));
      case 'reasoning':
        return this.#emit(sequencer.reasoning(event.delta));
      case 'code_start': {
        this.#sessionId = await this.#plan.workplace!.session();
        this.#pieces = [];
        this.#emit(sequencer.codeStart(containerIdOf(this.#sessionId)));
        this.#codeItem = sequencer.openCode!;
        this.#codeItems.set(event.callId, this.#codeItem);
        return;
      }
      case 'code_delta':
        return this.#emit(sequencer.codeDelta(event.delta));
      case 'code_ready':
        this.#code = event.code;
        return this.#emit(sequencer.codeReady(event.code));
      case 'code_output':
        if (event.event.type === 'stdout' || event.event.type === 'stderr') this.#pieces.push(event.event);
        return;
      case 'code_waiting':
        return this.#wait(event);
      case 'code_done':
        this.#shown[this.#codeItem] = event.shown;
        return this.#codeDone(event.execution);
      case 'function_start':
        return this.#emit(sequencer.functionStart(event.callId, event.name));
      case 'function_delta':
        return this.#emit(sequencer.functionDelta(event.delta));
      case 'function_call':
        return this.#emit(sequencer.functionCall(event.callId, event.name, event.arguments));
    }
  }

  async #codeDone(execution: CellExecution): Promise<void> {
    const { outputs, images } = codeOutputs(execution.result, this.#pieces);
    for (const path of execution.deleted) this.#uncited.delete(path);
    for (const entry of execution.files) {
      if (entry.change !== 'inherited' && isForPeople(entry.file.name)) this.#uncited.set(entry.file.name, entry.file);
    }
    for (const image of images) await this.#keepImage(image);
    this.#emit(this.#sequencer.codeDone(outputs));
  }

  /** An image that was shown can be downloaded as well. One that cannot be stored is still among the outputs. */
  async #keepImage({ mime, bytes }: ShownImage): Promise<void> {
    const { context, principal } = this.#plan;
    const ending = mime === 'image/svg+xml' ? 'svg' : mime.slice('image/'.length);
    const name = `${newWireId('containerFile')}.${ending}`;
    const file = { name, contentType: mime, content: once(bytes), source: 'program' as const };
    try {
      const stored = await context.sessions.putFile(principal, this.#sessionId!, file);
      this.#uncited.set(stored.name, stored);
    } catch (error) {
      if (!(error instanceof DragomanError)) throw error;
    }
  }

  #wait({ callId, executionId, after, calls }: Extract<AgentEvent, { type: 'code_waiting' }>): void {
    const ids: Record<string, string> = {};
    this.#emit(this.#sequencer.codeWaiting());
    for (const { id, name, input } of calls) {
      const wire = wireId('call', newId());
      ids[wire] = id;
      this.#emit(this.#sequencer.functionStart(wire, name, this.#codeItem));
      this.#emit(this.#sequencer.functionCall(wire, name, JSON.stringify(input)));
    }
    const containerId = containerIdOf(this.#sessionId!);
    this.#waiting = { callId, executionId, after, code: this.#code, containerId, calls: ids };
  }

  /** The files a message links; in the last one also those that were made and never linked: a lost file is worse than one too many. */
  async #citations(text: string | undefined, isLast: boolean): Promise<Annotation[]> {
    if (text === undefined) return [];
    const { context, principal, containerId } = this.#plan;
    const sessionId = this.#sessionId ?? (containerId === undefined ? undefined : sessionOf(containerId));
    const linked: Annotation[] = [];
    if (sessionId !== undefined && hasLinks(text)) {
      const files = await context.sessions.files(principal, sessionId).catch(() => [...this.#uncited.values()]);
      for (const { file, annotation } of linkedFiles(text, files)) {
        linked.push(annotation);
        this.#uncited.delete(file.name);
      }
    }
    if (!isLast) return linked;
    const rest = [...this.#uncited.values()].map((file) => citation(file));
    this.#uncited.clear();
    return [...linked, ...rest];
  }

  async #conclude({ end, usage, model, kept }: Ending): Promise<void> {
    const keptByItem = Object.entries(kept ?? {}).map(([callId, call]) => [
      this.#codeItems.get(callId) ?? callId,
      call,
    ]);
    if (keptByItem.length > 0) this.#kept = Object.fromEntries(keptByItem);
    if (this.#waiting) this.#waiting = { ...this.#waiting, kept: kept?.[this.#waiting.callId] };
    const sequencer = this.#sequencer;
    const isWhole = end.reason === 'stop' || end.reason === 'functions';
    // Files need a message to be cited in; and where a model had nothing to say, clients without a message would ask on and on.
    const isMute = end.reason === 'stop' && sequencer.output.at(-1)?.type !== 'message';
    const isAnswer = end.reason === 'stop' || end.reason === 'length';
    if (sequencer.openText === undefined && (isMute || (isAnswer && this.#uncited.size > 0)))
      this.#emit([...sequencer.close([]), ...sequencer.text('')]);
    this.#emit(sequencer.end(isWhole, await this.#citations(sequencer.openText, true), outputsSoFar(this.#pieces)));
    const { context } = this.#plan;
    const base = {
      ...this.#response,
      model: this.#plan.request.model ?? model ?? this.#response.model,
      usage: usageOf(usage),
      output: [...sequencer.output],
    };
    if (end.reason === 'failed') this.#response = failed(base, end.error);
    else if (end.reason === 'cancelled') this.#response = { ...base, status: 'cancelled' };
    else if (isWhole) this.#response = { ...base, status: 'completed', completed_at: seconds(context.now()) };
    else {
      const reason = end.reason === 'length' ? 'max_output_tokens' : 'content_filter';
      this.#response = { ...base, status: 'incomplete', incomplete_details: { reason } };
    }
    await this.#keepWhole();
    for (const event of this.#lastEvents()) this.log.push(event);
  }

  /** Keeps the response before its last event is sent, so that whoever hears of it finds it. */
  async #keepWhole(): Promise<void> {
    const { status, output } = this.#response;
    const isAnswer = status === 'completed' || status === 'incomplete';
    try {
      if (isAnswer) await this.#plan.remember?.([...this.#plan.input, ...output]);
    } catch (error) {
      this.#response = failed(this.#response, unkept(error));
    }
    if (!this.#isKept) return;
    const last = this.#lastEvents().map((event, at) => ({ ...event, sequence_number: this.log.events.length + at }));
    try {
      await this.#keep([...this.log.events, ...last]);
    } catch (error) {
      this.#response = failed(this.#response, unkept(error));
    }
  }

  async #keep(events?: readonly NumberedWireEvent[]): Promise<void> {
    const { records, principal, id, input, createdAt } = this.#plan;
    const record: ResponseRecord = {
      response: this.response,
      input,
      shown: this.#shown,
      ...(this.#kept ? { kept: this.#kept } : {}),
      ...(this.#waiting ? { waiting: this.#waiting } : {}),
      ...(this.#uncited.size > 0 ? { uncited: [...this.#uncited.values()].map(citedOf) } : {}),
    };
    await records.put(principal, id, record, createdAt, events);
  }

  /** A cancelled stream has no event of its own that clients know. */
  #lastEvents(): WireEvent[] {
    const response = this.#response;
    const { status, error } = response;
    if (error) {
      const { type, code, message, param } = error;
      return [
        { type: 'error', error: { type, code, message, param } },
        { type: 'response.failed', response },
      ];
    }
    return [{ type: status === 'completed' ? 'response.completed' : 'response.incomplete', response }];
  }

  #tell(type: ResponseEvent['type']): void {
    this.log.push({ type, response: this.#response });
  }

  #emit(events: Iterable<WireEvent>): void {
    for (const event of events) this.log.push(event);
  }
}

function failed(response: ResponseObject, { code, message, foreignCode }: DragomanError): ResponseObject {
  const type = code === 'rate_limited' ? 'rate_limit_exceeded' : 'server_error';
  const error = { code: foreignCode ?? type, message, type, param: null };
  return { ...response, status: 'failed', completed_at: null, error };
}

function citedOf({ id, sessionId, name }: Cited): Cited {
  return { id, sessionId, name };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Why a response could not be kept. */
function unkept(error: unknown): DragomanError {
  return error instanceof DragomanError ? error : new DragomanError('storage_unavailable');
}
