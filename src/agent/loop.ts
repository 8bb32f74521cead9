import type { JSONObject, LanguageModelV4FunctionTool, LanguageModelV4ToolChoice } from '@ai-sdk/provider';
import { DragomanError, type ErrorCode, newId, type Principal } from '../core/index.ts';
import type { Executions } from '../service/index.ts';
import type { AssistantContent, Model, TurnEvent } from '../upstreams/index.ts';
import type {
  AgentEnd,
  AgentEvent,
  AgentRequest,
  FunctionTool,
  ProviderState,
  SessionTool,
  TokenUsage,
} from './agent.ts';
import { Blocks, type Call } from './blocks.ts';
import { CodeRun } from './code-run.ts';
import { type ModelView, modelViewOf } from './model-view.ts';
import { calledTools, imageFile, PromptBuilder, toPrompt } from './prompt.ts';
import { providerStates } from './provider-state.ts';
import { clientTool, codeTool, meansOurs, sessionFunction, toolName } from './tool.ts';

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

type Ending = Extract<AgentEnd, { reason: 'stop' | 'length' | 'content_filter' | 'functions' | 'paused' }>;

/** The turns of one request: asks the model, runs its code, and shows it the results, until it has an answer. */
export class Loop {
  readonly #options: LoopOptions;
  readonly #tool: string;
  readonly #functions: readonly FunctionTool[];
  readonly #callable: readonly FunctionTool[];
  /** The interpreter and the session tools, as the model is offered them; none where code is not offered. */
  readonly #ours: readonly LanguageModelV4FunctionTool[];
  readonly #sessionTools: readonly SessionTool[];
  /** Tools that the conversation has calls of and that a turn does not offer. Providers want them described all the same. */
  readonly #withheld: readonly LanguageModelV4FunctionTool[];
  readonly #prompt: PromptBuilder;
  readonly #ids = new Set<string>();
  #session: Promise<string> | undefined;
  #left: number;
  #faults = 0;
  #last = { code: '', times: 0 };
  #pictureCharacters: number;
  readonly #providerStates: Record<string, ProviderState> = {};
  readonly #startedAt = performance.now();
  #stopSequence: string | undefined;
  #usage: TokenUsage = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

  constructor(options: LoopOptions) {
    const { request } = options;
    this.#options = options;
    this.#tool = request.code?.name ?? toolName(request.functions);
    this.#functions = request.functions.filter(({ callers }) => callers === undefined || callers.includes('model'));
    this.#callable = request.functions.filter(({ callers }) => callers?.includes('code'));
    const offered = request.code && request.toolChoice !== 'none' ? request.code : undefined;
    this.#sessionTools = request.code?.sessionTools ?? [];
    this.#ours = offered
      ? [
          codeTool(this.#tool, offered, this.#callable, options.wallMs),
          ...this.#sessionTools.map((tool) => sessionFunction(tool)),
        ]
      : [];
    this.#withheld = [
      ...this.#ours,
      ...calledTools(request.messages, this.#tool)
        .filter(
          (name) =>
            !this.#ours.some((tool) => tool.name === name) && !this.#functions.some((tool) => tool.name === name),
        )
        .map((name) => clientTool({ name, description: undefined, parameters: { type: 'object', properties: {} } })),
    ];
    this.#pictureCharacters = options.model.vision ? mostPictureCharacters : 0;
    this.#left = Math.min(request.code?.maxCalls ?? options.maxCalls, options.maxCalls);
    this.#prompt = new PromptBuilder();
    const isBlind = request.notesUnseenImages === true && !options.model.vision;
    this.#prompt.messages.push(...toPrompt(request.messages, this.#tool, isBlind));
    for (const message of request.messages)
      if (message.role === 'assistant')
        for (const part of message.content) if ('callId' in part) this.#ids.add(part.callId);
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
    const { resume } = this.#options.request;
    if (resume) {
      const call: Call = {
        modelId: resume.callId,
        callId: resume.callId,
        name: this.#tool,
        kind: 'code',
        tool: undefined,
        code: resume.code,
      };
      this.#ids.add(call.callId);
      this.#prompt.call(call.callId, this.#tool, { code: resume.code }, resume.providerState);
      // The code may wait again, and its state is needed then.
      if (resume.providerState) this.#providerStates[call.callId] = resume.providerState;
      const run = new CodeRun(this.#options, call, this.#callable);
      if ((yield* this.#served(call, run.resume(resume))) === 'waiting') return { reason: 'functions' };
    }
    const { pauseAfterMs = Infinity } = this.#options.request;
    for (let turn = 0; ; turn++) {
      const mayPause = turn > 0 || resume !== undefined;
      if (mayPause && performance.now() - this.#startedAt > pauseAfterMs) return { reason: 'paused' };
      const withCode =
        this.#ours.length > 0 && this.#left > 0 && this.#faults < mostFaults && this.#last.times < mostRepeats;
      const ending = yield* this.#turn(turn, withCode);
      if (ending) return ending;
    }
  }

  /** One question and what follows from its answer. @returns the ending, or undefined when the model is to be asked again */
  async *#turn(turn: number, withCode: boolean): AsyncGenerator<AgentEvent, Ending | undefined> {
    const { model, signal } = this.#options;
    const blocks = new Blocks({
      kind: (name) => this.#kindOf(name, withCode),
      tool: (name) => this.#sessionTool(name),
      uniqueId: (id) => this.#uniqueId(id),
    });
    let end: Extract<TurnEvent, { type: 'end' }> | undefined;
    for await (const event of model.turn(this.#question(turn, withCode), signal)) {
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
    let waiting = false;
    for (const { events, code } of blocks.rest()) {
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
      if (code)
        waiting =
          (yield* this.#served(code, new CodeRun(this.#options, code, this.#callable).start(this.#openSession()))) ===
          'waiting';
    }
    if (waiting || calls.some(({ kind }) => kind === 'function')) return { reason: 'functions' };
    // A model that calls tools it was not given is told so, a few times.
    return calls.length === 0 || (!withCode && this.#faults >= mostFaults) ? { reason: 'stop' } : undefined;
  }

  /** Runs code and keeps its result for the model. */
  async *#served(call: Call, run: ReturnType<CodeRun['start']>): AsyncGenerator<AgentEvent, 'done' | 'waiting'> {
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

  #question(turn: number, withCode: boolean): Parameters<Model['turn']>[0] {
    const { request } = this.#options;
    const tools = this.#functions.map(clientTool);
    if (withCode) tools.push(...this.#ours);
    return {
      ...request,
      prompt: this.#prompt.messages,
      tools,
      withheld: withCode ? [] : this.#withheld,
      toolChoice: this.#toolChoice(turn, withCode),
      key: request.upstreamKey,
      reasoningSummary: request.reasoningSummary,
      verbosity: request.verbosity,
      stop: request.stop,
      topK: request.topK,
      seed: request.seed,
      presencePenalty: request.presencePenalty,
      frequencyPenalty: request.frequencyPenalty,
      extra: request.extra as JSONObject | undefined,
    };
  }

  /** A tool is forced in the first turn only: forced in every one, the loop would never end. */
  #toolChoice(turn: number, withCode: boolean): LanguageModelV4ToolChoice | undefined {
    const { toolChoice, resume } = this.#options.request;
    if (toolChoice === 'none') return { type: 'none' };
    if (toolChoice === 'auto' || turn > 0 || resume) return { type: 'auto' };
    if (toolChoice === 'required') return { type: 'required' };
    if (toolChoice.type === 'function') return { type: 'tool', toolName: toolChoice.name };
    return withCode ? { type: 'tool', toolName: toolChoice.tool ?? this.#tool } : { type: 'auto' };
  }

  #kindOf(name: string, withCode: boolean): Call['kind'] {
    const functions = this.#functions;
    if (functions.some((tool) => tool.name === name)) return 'function';
    const isCode = this.#sessionTool(name) !== undefined || meansOurs(name, this.#tool, functions);
    if (this.#ours.length > 0) return withCode && isCode ? 'code' : 'unknown';
    // Without our tool an unknown name is for the client to answer, unless the client has no functions or the name means our tool.
    return isCode || functions.length === 0 ? 'unknown' : 'function';
  }

  #sessionTool(name: string): SessionTool | undefined {
    return this.#sessionTools.find((tool) => tool.name === name);
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
    return tool?.name ?? this.#tool;
  }

  *#refuse(call: Call, withCode: boolean): Iterable<AgentEvent> {
    const names = [...this.#functions.map(({ name }) => name), ...(withCode ? this.#ours.map(({ name }) => name) : [])];
    const unread = 'The arguments could not be read, and nothing was run.';
    const text =
      call.kind === 'code'
        ? call.tool
          ? `${unread} Send JSON as the tool's schema has it.`
          : `${unread} Send JSON: {"code": "…"} with Python source.`
        : `There is no tool ${JSON.stringify(call.name.slice(0, 100))}. ${names.length > 0 ? `The tools are: ${names.join(', ')}.` : 'Answer without tools.'}`;
    this.#prompt.result(call.callId, call.kind === 'code' ? this.#nameOf(call) : call.name, {
      type: 'error-text',
      value: text,
    });
    if (call.kind !== 'code') return;
    const error = new DragomanError('invalid_request', { message: unread });
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

/** An error of the provider or the service as the end of a loop that had begun. */
export function failedEnd(error: unknown): AgentEnd {
  if (!(error instanceof DragomanError))
    return { reason: 'failed', error: new DragomanError('internal', { cause: error }) };
  // The caller did not cancel it: its session was removed.
  const message = 'The container was deleted while code ran in it.';
  const told = error.code === 'cancelled' ? new DragomanError('not_found', { message, cause: error }) : error;
  return { reason: 'failed', error: told };
}
