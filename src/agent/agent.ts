import type { JSONObject } from '@ai-sdk/provider';
import type { DragomanError, ExecutionEvent, Principal, ToolCall, ToolResult } from '../core/index.ts';
import type { Execution, ExecutionRequest } from '../service/index.ts';
import type { Relayed, RelayPath } from '../upstreams/index.ts';

export type { Relayed };

/** Text or an image of a message. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  /** `data` is base64. */
  | { readonly type: 'image'; readonly mime: string; readonly data: string }
  | { readonly type: 'image_url'; readonly url: string };

/** A message of a conversation. Every dialect translates its history to these. */
export type Message =
  | { readonly role: 'system' | 'user'; readonly content: readonly ContentPart[] }
  | { readonly role: 'assistant'; readonly content: readonly AssistantPart[] }
  /** The result of a function of the client's. */
  | { readonly role: 'tool'; readonly callId: string; readonly content: readonly ContentPart[] };

export type AssistantPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  /** `arguments` is JSON as the model wrote it. */
  | {
      readonly type: 'function_call';
      readonly callId: string;
      readonly name: string;
      readonly arguments: string;
      readonly providerState?: ProviderState | undefined;
    }
  /** Code that ran here, and what the model was shown of it. */
  | {
      readonly type: 'code_call';
      readonly callId: string;
      readonly code: string;
      /** The call, when it was one of a session tool and not of the interpreter. */
      readonly sessionTool?: { readonly name: string; readonly input: Readonly<Record<string, unknown>> } | undefined;
      readonly modelView: string;
      readonly providerState?: ProviderState | undefined;
    };

/**
 * What a model's provider wants back with a call when the answer goes on: the call's signature, and the thoughts before it. Dialects
 * store this JSON and hand it back without reading it.
 */
export interface ProviderState {
  readonly thoughts?: readonly { readonly text: string; readonly options: JSONObject }[] | undefined;
  readonly options?: JSONObject | undefined;
}

/** A function of the client's: the model may call it, the client runs it. */
export interface FunctionTool {
  readonly name: string;
  readonly description: string | undefined;
  /** JSON Schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly strict?: boolean | undefined;
  /** `code`: only code in the sandbox may call it; `model` and `code` may both be given. Absent: the model. */
  readonly callers?: readonly ('model' | 'code')[] | undefined;
}

export type ToolChoice =
  | 'auto'
  | 'none'
  | 'required'
  /** `tool` names a session tool; absent: the interpreter. */
  | { readonly type: 'code'; readonly tool?: string | undefined }
  | { readonly type: 'function'; readonly name: string };

/** The code interpreter as one request wants it. */
export interface CodeTool {
  /** The session code runs in; called once, before the first run. Runs of one request share it. */
  session(): Promise<string>;
  /** For the tool's description: files that are there, by path. */
  readonly files: readonly string[];
  /** What is known of some of these files, one line each, by path. It is what the files say of themselves. */
  readonly fileNotes?: ReadonlyMap<string, string> | undefined;
  /** Wall clock of one run; absent: the plan's. */
  readonly wallMs: number | undefined;
  /** Runs of this request; after them the model must answer without. */
  readonly maxCalls: number | undefined;
  /**
   * How the model reads what a run showed: as a notebook cell would (absent), or as one JSON object `{stdout, stderr, results,
   * error}` with results by short type (`text`, `png` …).
   */
  readonly viewForm?: 'notebook' | 'json' | undefined;
  /** What the model knows it by; absent: `python`, or another name where the client has a function of that name. */
  readonly name?: string | undefined;
  /** Further tools that work in the same session. */
  readonly sessionTools?: readonly SessionTool[] | undefined;
  /** The model is told to link the files it makes; absent: yes. */
  readonly linksFiles?: boolean | undefined;
  /** How the description spells the client's functions: as members of `tools` (absent), or by their names alone. */
  readonly functionsAs?: 'members' | 'names' | undefined;
  /** When there is no place to run code, the model is told so and goes on; absent: the answer fails. */
  readonly goesOnWithout?: boolean | undefined;
}

/** A tool that works in the session where code runs: a call of it becomes an execution. */
export interface SessionTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** The argument that is told while the model writes it. Absent: a call is told when it is complete. */
  readonly streamed?: string | undefined;
  /** What to run; undefined: the arguments cannot be used. */
  order(
    input: Readonly<Record<string, unknown>>,
  ): Pick<ExecutionRequest, 'language' | 'code' | 'stdin' | 'asProgram'> | undefined;
  /** What the model reads of it; undefined, or no such function: as of any code. */
  view?(execution: Execution): string | undefined;
}

/** Code that waits in the sandbox for the answers to its calls: what `code_waiting` told, and the answers. */
export interface Resumption {
  readonly callId: string;
  readonly executionId: string;
  /** As told. */
  readonly after: number;
  readonly code: string;
  readonly results: readonly ToolResult[];
  readonly providerState?: ProviderState | undefined;
}

export interface AgentRequest {
  /** As the client named it; routing is the upstreams' business. Absent: the default one. */
  readonly model: string | undefined;
  readonly messages: readonly Message[];
  readonly code: CodeTool | undefined;
  readonly functions: readonly FunctionTool[];
  readonly toolChoice: ToolChoice;
  readonly parallelToolCalls: boolean | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly reasoningEffort: string | undefined;
  /** A response format in OpenAI's words: `text`, `json_object` or `json_schema` with its schema. */
  readonly format:
    | { readonly type: string; readonly name?: string; readonly schema?: unknown; readonly strict?: boolean }
    | undefined;
  /** The caller's own key for the upstream, where the operator allows passing it through. */
  readonly upstreamKey: string | undefined;
  /** `auto`, `concise` or `detailed`: upstreams that hide thoughts send a summary of them. */
  readonly reasoningSummary?: string | undefined;
  /** `low`, `medium`, `high`, for upstreams that know it. */
  readonly verbosity?: string | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly topK?: number | undefined;
  /** Images become notes for a model that cannot see; absent: they are sent to every model. */
  readonly notesUnseenImages?: boolean | undefined;
  /** After so many milliseconds no further turn is begun: the answer ends as `paused`. */
  readonly pauseAfterMs?: number | undefined;
  readonly seed?: number | undefined;
  readonly presencePenalty?: number | undefined;
  readonly frequencyPenalty?: number | undefined;
  /** Further fields of a Chat Completions body, for upstreams that speak it; others do not get them. JSON values. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Goes on with code that waited, before the model is asked again. Its block is opened anew: `code_start`, one `code_delta`,
   * `code_ready`. `messages` then hold everything up to that call, without it.
   */
  readonly resume?: Resumption | undefined;
}

export interface TokenUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

/**
 * What happens while a model works, in order; blocks never interleave. Blocks are opened by their first delta (text,
 * reasoning) or by their `_start`, and closed by the next block's first event or by `end`.
 */
export type AgentEvent =
  | { readonly type: 'text'; readonly delta: string }
  | { readonly type: 'reasoning'; readonly delta: string }
  /** The model begins to write code for us. `tool` is the session tool; absent: the interpreter. */
  | { readonly type: 'code_start'; readonly callId: string; readonly tool?: string }
  | { readonly type: 'code_delta'; readonly callId: string; readonly delta: string }
  /** The whole code; it runs next, in this session. `input` has the arguments of a session tool. */
  | {
      readonly type: 'code_ready';
      readonly callId: string;
      readonly code: string;
      readonly sessionId: string;
      readonly input?: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'code_output'; readonly callId: string; readonly event: ExecutionEvent }
  /** Code in the sandbox called functions of the client's; the response pauses as with `function_call`. */
  | {
      readonly type: 'code_waiting';
      readonly callId: string;
      readonly executionId: string;
      readonly calls: readonly ToolCall[];
      /** Place in the execution's history, for `resume`. */
      readonly after: number;
    }
  /** The code has ended. `modelView` is what the model reads of it. A code block always ends in this or in `end`. */
  | {
      readonly type: 'code_done';
      readonly callId: string;
      readonly execution: Execution;
      readonly modelView: string;
    }
  /**
   * Code that an earlier process had sent, and of which nothing is known: it may have run in part, and is not run again. The model is told.
   * Only with a journal.
   */
  | { readonly type: 'code_lost'; readonly callId: string; readonly modelView: string }
  /**
   * A call of ours that was not run: its arguments could not be read (invalid_request), or there was no place to run it. It may have
   * had no `code_start`. The model is told, and goes on.
   */
  | { readonly type: 'code_refused'; readonly callId: string; readonly tool?: string; readonly error: DragomanError }
  | { readonly type: 'function_start'; readonly callId: string; readonly name: string }
  | { readonly type: 'function_delta'; readonly callId: string; readonly delta: string }
  | { readonly type: 'function_call'; readonly callId: string; readonly name: string; readonly arguments: string }
  /** Always the last event, unless the first `next()` rejects. */
  | {
      readonly type: 'end';
      readonly end: AgentEnd;
      readonly usage: TokenUsage;
      readonly model: string;
      /** The sequence of `stop` that ended it, where the provider tells. */
      readonly stopSequence?: string | undefined;
      /** By call, when the client has functions to run: to be handed back with those calls. */
      readonly providerStates?: Readonly<Record<string, ProviderState>> | undefined;
    };

export type AgentEnd =
  | { readonly reason: 'stop' | 'length' | 'content_filter' }
  /** The client has functions to run. */
  | { readonly reason: 'functions' }
  /** `pauseAfterMs` is over. Asking again with everything so far goes on. */
  | { readonly reason: 'paused' }
  | { readonly reason: 'cancelled' }
  /** After output or code: nothing may be tried again. */
  | { readonly reason: 'failed'; readonly error: DragomanError };

/** A request in the words of the API that has `path`. */
export interface RelayedRequest extends Pick<AgentRequest, 'model' | 'upstreamKey'> {
  readonly path: RelayPath;
  readonly body: Readonly<Record<string, unknown>>;
  /** Headers of that API to pass on, in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What another process needs in order to go on with a loop: plain data of the agent's own, which survives JSON. */
export interface AgentState {
  readonly [field: string]: unknown;
}

/** Keeps where a loop is, so that another process can go on with it. Code is never sent a second time. */
export interface AgentJournal {
  /** Where an earlier process left it, of `joinedStates`; absent: it begins. */
  readonly state?: AgentState | undefined;
  /** Another process goes on with the loop: code that runs is left alone when this one ends. */
  readonly isLeft: boolean;
  /**
   * Resolves when the state is kept: before code is sent, and before a model is asked again. Every event told before it has been taken
   * by the loop's reader. A rejection ends the loop.
   */
  keep(state: AgentState): Promise<void>;
  /** The id of the execution of a piece of code: the same in every process that runs the loop. */
  executionId(turn: number, number: number): string;
}

/** Lets any model write code and run it here, turn by turn, until it has an answer or the client must act. */
export interface Agent {
  /**
   * Runs the loop. Stops with the consumer: returning from the iteration or aborting `signal` interrupts code and upstream.
   * @param journal lets another process go on with it; its request has no session tools, whose functions cannot be kept
   * @throws DragomanError from the first `next()` only, when nothing was produced: invalid_request,
   *   model_not_found, upstream_failed, rate_limited …
   */
  run(
    principal: Principal,
    request: AgentRequest,
    signal: AbortSignal,
    journal?: AgentJournal,
  ): AsyncIterable<AgentEvent>;
  /**
   * Passes a request that needs no code unchanged to its model's provider; undefined when the provider speaks another API, and `run`
   * must translate.
   * @throws DragomanError as `run`; from the promise upstream_failed, cancelled
   */
  relay(request: RelayedRequest, signal: AbortSignal): Promise<Relayed> | undefined;
  /** Models by id, as `/v1/models` lists them; times in milliseconds since the epoch. Never fails, takes some seconds at most. */
  models(): Promise<readonly { readonly id: string; readonly createdAt: number; readonly ownedBy: string }[]>;
}
