import { DragomanError, type ErrorCode, newId, type Principal } from '../core/index.ts';
import type { Executions } from '../service/index.ts';
import type { AssistantContent, Model, TurnEvent } from '../upstreams/index.ts';
import type {
  AgentEnd,
  AgentEvent,
  AgentJournal,
  AgentRequest,
  ProviderState,
  Resumption,
  TokenUsage,
} from './agent.ts';
import { Blocks, type Call } from './blocks.ts';
import { CodeRun } from './code-run.ts';
import type { LoopPlace, LoopState, Unserved } from './journal.ts';
import { type ModelView, modelViewOf } from './model-view.ts';
import { Offer, unreadText } from './offer.ts';
import { imageFile, PromptBuilder, toPrompt } from './prompt.ts';
import { providerStates } from './provider-state.ts';

/** What the loop of one request uses. */
export interface LoopOptions {
  readonly principal: Principal;
  readonly request: AgentRequest;
  readonly model: Model;
  readonly executions: Executions;
  readonly signal: AbortSignal;
  /** Most runs of one request, also when it asks for more. */
  readonly maxCalls: number;
  readonly shownChars: number;
  /** The time limit of a run. */
  readonly wallMs: number;
  readonly journal?: AgentJournal | undefined;
}

/** After so many turns with only calls that cannot be served, the model is asked without tools. */
const mostFaults = 3;
/** Code that a model repeats so often in a row gets a remark, and later is not run. */
const remarkedRepeats = 3;
const mostRepeats = 6;

/** Base64 of pictures in one request's conversation: providers take some ten megabytes. */
const mostPictureCharacters = 12 * 1024 * 1024;

/** Of an execution that found no place: the model may go on without it. */
const placeless: ReadonlySet<ErrorCode> = new Set([
  'overloaded',
  'sandbox_unavailable',
  'rate_limited',
  'session_busy',
  'storage_unavailable',
]);

/** What a model reads of code of which nothing is known. */
const lostText =
  'It is not known how this code ended: the service was restarted while it ran. It may have run in part, and it is not run again. ' +
  'Variables may be gone or older, and files as before it: look before you go on.';

type Ending = Extract<AgentEnd, { reason: 'stop' | 'length' | 'content_filter' | 'functions' | 'paused' }>;

/** The turns of one request: asks the model, runs its code, and shows it the results, until it has an answer. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #offer: Offer;
  readonly #prompt: PromptBuilder;
  readonly #ids = new Set<string>();
  #session: Promise<string> | undefined;
  #left: number;
  #faults = 0;
  #last = { code: '', times: 0 };
  #pictureCharacters: number;
  readonly #providerStates: Record<string, ProviderState> = {};
  /** Messages of the prompt that are the request's own, and those that a journal has. */
  readonly #ownMessages: number;
  #keptMessages: number;
  readonly #startedAt = performance.now();
  #stopSequence: string | undefined;
  #usage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

  constructor(options: LoopOptions) {
    const { request } = options;
    this.#options = options;
    this.#offer = new Offer(request, options.wallMs);
    this.#pictureCharacters = options.model.vision ? mostPictureCharacters : 0;
    this.#left = Math.min(request.code?.maxCalls ?? options.maxCalls, options.maxCalls);
    this.#prompt = new PromptBuilder();
    const isBlind = request.notesUnseenImages === true && !options.model.vision;
    this.#prompt.messages.push(...toPrompt(request.messages, this.#offer.tool, isBlind));
    for (const message of request.messages)
      if (message.role === 'assistant')
        for (const part of message.content) if ('callId' in part) this.#ids.add(part.callId);
    // What a model says after the request's last message may become part of that message.
    const { messages } = this.#prompt;
    this.#ownMessages = messages.length - (['assistant', 'tool'].includes(messages.at(-1)?.role ?? '') ? 1 : 0);
    this.#keptMessages = this.#ownMessages;
    this.#restore();
  }

  get usage(): TokenUsage {
    return this.#usage;
  }

  /** What ended the last turn, where the provider tells. */
  get stopSequence(): string | undefined {
    return this.#stopSequence;
  }

  /** What the provider wants back with the calls of this answer. */
  get providerStates(): Readonly<Record<string, ProviderState>> {
    return this.#providerStates;
  }

  /** @returns how it ended. @throws DragomanError for the service's and the provider's own failures */
  async *run(): AsyncGenerator<AgentEvent, Ending> {
    const { pauseAfterMs = Infinity, resume } = this.#options.request;
    const place = this.#kept?.place;
    let turn = place?.type === 'turn' ? place.turn : 0;
    if (place?.type === 'code') {
      const ending = yield* this.#goOn(place);
      if (ending) return ending;
      turn = place.turn + 1;
    } else if (!place && resume) {
      if ((yield* this.#resumed(resume)) === 'waiting') return { reason: 'functions' };
    }
    for (; ; turn++) {
      const mayPause = turn > 0 || resume !== undefined;
      if (mayPause && performance.now() - this.#startedAt > pauseAfterMs) return { reason: 'paused' };
      if (mayPause) await this.#keep({ type: 'turn', turn });
      const withCode =
        this.#offer.hasCode && this.#left > 0 && this.#faults < mostFaults && this.#last.times < mostRepeats;
      const ending = yield* this.#turn(turn, withCode);
      if (ending) return ending;
    }
  }

  /** Goes on with code that waited for the client. */
  async *#resumed(resume: Resumption): AsyncGenerator<AgentEvent, 'done' | 'waiting'> {
    const { callId, code, providerState, executionId, after } = resume;
    const call: Call = { modelId: callId, callId, name: this.#offer.tool, kind: 'code', tool: undefined, code };
    this.#ids.add(callId);
    this.#prompt.call(callId, this.#offer.tool, { code }, providerState);
    // The code may wait again, and its state is needed then.
    if (providerState) this.#providerStates[callId] = providerState;
    const run = new CodeRun(this.#options, call, this.#offer.callable);
    const place = { type: 'code', turn: -1, call, executionId, after, sent: 1, rest: [], hasFunctions: false } as const;
    return yield* this.#served(
      call,
      run.resume(resume, () => this.#keep(place)),
    );
  }

  /** Goes on with code that an earlier process has sent, and with what follows it in its turn. */
  async *#goOn(place: Extract<LoopPlace, { type: 'code' }>): AsyncGenerator<AgentEvent, Ending | undefined> {
    const run = new CodeRun(this.#options, place.call, this.#offer.callable);
    const waiting = (yield* this.#served(place.call, run.follow(place.executionId, place.after))) === 'waiting';
    return yield* this.#rest({ ...place, waiting });
  }

  /** One question and what follows from its answer. @returns the ending, or undefined when the model is to be asked again */
  async *#turn(turn: number, withCode: boolean): AsyncGenerator<AgentEvent, Ending | undefined> {
    const { model, signal } = this.#options;
    const blocks = new Blocks({
      kind: (name) => this.#offer.kindOf(name, withCode),
      tool: (name) => this.#offer.sessionTool(name),
      uniqueId: (id) => this.#uniqueId(id),
    });
    let end: Extract<TurnEvent, { type: 'end' }> | undefined;
    for await (const event of model.turn(this.#offer.question(this.#prompt.messages, turn, withCode), signal)) {
      if (event.type === 'end') end = event;
      else {
        for (const told of blocks.take(event)) {
          if (told.type === 'code_start') this.#openSession();
          yield told;
        }
      }
    }
    this.#count(end!.usage);
    this.#stopSequence = end!.stopSequence;
    // Code that was cut off is not run: the model meant to write more.
    if (end!.finish !== 'stop') {
      for (const { events, code } of blocks.rest()) if (!code) yield* events;
      return { reason: end!.finish };
    }
    const { calls } = blocks;
    if (calls.length > 0) {
      const said = this.#said(end!.content, calls);
      this.#prompt.assistant(said);
      Object.assign(this.#providerStates, providerStates(said));
    }
    const served = calls.some(({ kind, code }) => kind === 'function' || (kind === 'code' && code !== undefined));
    this.#faults = served ? 0 : this.#faults + 1;
    for (const call of calls)
      if (call.kind !== 'function' && call.code === undefined) yield* this.#refuse(call, withCode);
    const hasFunctions = calls.some(({ kind }) => kind === 'function');
    const ending = yield* this.#rest({ turn, rest: [...blocks.rest()], hasFunctions, sent: 0, waiting: false });
    // A model that calls tools it was not given is told so, a few times.
    return ending ?? (calls.length === 0 || (!withCode && this.#faults >= mostFaults) ? { reason: 'stop' } : undefined);
  }

  /** Serves what is left of a complete turn. @returns the ending when the client must act */
  async *#rest({
    turn,
    rest,
    hasFunctions,
    sent,
    waiting,
  }: {
    readonly turn: number;
    readonly rest: readonly Unserved[];
    readonly hasFunctions: boolean;
    /** Pieces of code of this turn that were sent before. */
    sent: number;
    waiting: boolean;
  }): AsyncGenerator<AgentEvent, Ending | undefined> {
    for (const [index, { events, code }] of rest.entries()) {
      // Code that follows waiting code is dropped: the model can write it again when it knows more.
      if (code && waiting) continue;
      if (code && this.#left <= 0) {
        const message = 'Not run: no further calls are allowed in this answer.';
        this.#result(code, { text: message, pictures: [] });
        const error = new DragomanError('rate_limited', { message });
        yield { type: 'code_refused', callId: code.callId, ...named(code), error };
        continue;
      }
      yield* events;
      if (!code) continue;
      const executionId = this.#options.journal?.executionId(turn, sent++);
      const place = { turn, call: code, after: 0, sent, rest: rest.slice(index + 1), hasFunctions };
      const sending =
        executionId === undefined
          ? undefined
          : { executionId, keep: () => this.#keep({ type: 'code', executionId, ...place }) };
      const run = new CodeRun(this.#options, code, this.#offer.callable).start(this.#openSession(), sending);
      waiting = (yield* this.#served(code, run)) === 'waiting';
    }
    return waiting || hasFunctions ? { reason: 'functions' } : undefined;
  }

  /** Runs code and keeps its result for the model. */
  async *#served(call: Call, run: ReturnType<CodeRun['follow']>): AsyncGenerator<AgentEvent, 'done' | 'waiting'> {
    const { request, shownChars, wallMs } = this.#options;
    let execution: Awaited<ReturnType<typeof run.next>>['value'] | undefined;
    try {
      execution = yield* run;
    } catch (error) {
      if (!request.code?.goesOnWithout || !(error instanceof DragomanError) || !placeless.has(error.code)) throw error;
      this.#left--;
      this.#result(call, { text: `Not run: ${error.message}`, pictures: [] });
      yield { type: 'code_refused', callId: call.callId, ...named(call), error };
      return 'done';
    }
    if (!execution) return 'waiting';
    if (execution === 'lost') {
      this.#left--;
      this.#result(call, { text: lostText, pictures: [] });
      yield { type: 'code_lost', callId: call.callId, modelView: lostText };
      return 'done';
    }
    const form = request.code?.viewForm ?? 'notebook';
    const view = modelViewOf(execution, {
      form,
      characters: shownChars,
      pictureCharacters: this.#pictureCharacters,
      wallMs,
    });
    for (const { data } of view.pictures) this.#pictureCharacters -= data.length;
    const remark = this.#repeated(call);
    const text = (call.tool?.view?.(execution) ?? view.text) + remark;
    this.#left--;
    this.#result(call, { ...view, text });
    yield { type: 'code_done', callId: call.callId, execution, modelView: text };
    return 'done';
  }

  /** Some providers number the calls of every turn from zero. */
  #uniqueId(id: string): string {
    const unique = /^[\w.:-]{1,64}$/.test(id) && !this.#ids.has(id) ? id : `call_${newId()}`;
    this.#ids.add(unique);
    return unique;
  }

  /** The model's turn for the next prompt: with our names and ids, and with the arguments as we understood them. */
  #said(content: AssistantContent, calls: readonly Call[]): AssistantContent {
    return content.map((part) => {
      const call = part.type === 'tool-call' && calls.find(({ modelId }) => modelId === part.toolCallId);
      if (!call) return part;
      const ours =
        call.kind === 'code' ? { toolName: this.#nameOf(call), input: call.input ?? { code: call.code ?? '' } } : {};
      return { ...part, toolCallId: call.callId, ...ours };
    });
  }

  #nameOf({ tool }: Call): string {
    return tool?.name ?? this.#offer.tool;
  }

  *#refuse(call: Call, withCode: boolean): Iterable<AgentEvent> {
    const value = this.#offer.refusal(call, withCode);
    this.#prompt.result(call.callId, call.kind === 'code' ? this.#nameOf(call) : call.name, {
      type: 'error-text',
      value,
    });
    if (call.kind !== 'code') return;
    const error = new DragomanError('invalid_request', { message: unreadText });
    yield { type: 'code_refused', callId: call.callId, ...named(call), error };
  }

  #result(call: Call, { text, pictures }: ModelView): void {
    const files = pictures.map(({ mime, data }) => imageFile(mime, data));
    const value = text;
    this.#prompt.result(
      call.callId,
      this.#nameOf(call),
      files.length === 0 ? { type: 'text', value } : { type: 'content', value: [{ type: 'text', text }, ...files] },
    );
  }

  #repeated(call: Call): string {
    const code = call.input ? JSON.stringify(call.input) : call.code!;
    const times = this.#last.code === code ? this.#last.times + 1 : 1;
    this.#last = { code, times };
    if (times < remarkedRepeats) return '';
    return `\n[You have run exactly this code ${times} times in a row. Do something else, or answer with what you know.]`;
  }

  /** Opened as soon as the model begins to write code, so that it is ready when the code is. */
  #openSession(): Promise<string> {
    if (!this.#session) {
      this.#session = this.#options.request.code!.session();
      this.#session.catch(() => {});
    }
    return this.#session;
  }

  /** Keeps where the loop is, if another process may go on with it. */
  async #keep(place: LoopPlace): Promise<void> {
    const { journal } = this.#options;
    if (!journal) return;
    const { messages } = this.#prompt;
    // The message that was the last one may have grown.
    const from = Math.max(this.#ownMessages, this.#keptMessages - 1);
    const state: LoopState = {
      place,
      prompt: { from, messages: messages.slice(from) },
      ids: [...this.#ids],
      callsLeft: this.#left,
      faults: this.#faults,
      last: this.#last,
      pictureCharacters: this.#pictureCharacters,
      providerStates: { ...this.#providerStates },
      usage: this.#usage,
      stopSequence: this.#stopSequence,
    };
    await journal.keep(state);
    this.#keptMessages = messages.length;
  }

  /** Where an earlier process left the loop. */
  get #kept(): LoopState | undefined {
    return this.#options.journal?.state as LoopState | undefined;
  }

  /** Goes back to it. */
  #restore(): void {
    const state = this.#kept;
    if (!state) return;
    const { messages } = this.#prompt;
    messages.splice(state.prompt.from, messages.length, ...state.prompt.messages);
    this.#keptMessages = messages.length;
    for (const id of state.ids) this.#ids.add(id);
    this.#left = state.callsLeft;
    this.#faults = state.faults;
    this.#last = { ...state.last };
    this.#pictureCharacters = state.pictureCharacters;
    Object.assign(this.#providerStates, state.providerStates);
    this.#usage = state.usage;
    this.#stopSequence = state.stopSequence;
  }

  #count(usage: TokenUsage): void {
    this.#usage = {
      inputTokens: this.#usage.inputTokens + usage.inputTokens,
      cachedTokens: this.#usage.cachedTokens + usage.cachedTokens,
      outputTokens: this.#usage.outputTokens + usage.outputTokens,
      reasoningTokens: this.#usage.reasoningTokens + usage.reasoningTokens,
    };
  }
}

const named = ({ tool }: Call) => (tool ? { tool: tool.name } : {});
