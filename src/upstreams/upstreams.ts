import type {
  JSONObject,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4Prompt,
  LanguageModelV4ToolChoice,
} from '@ai-sdk/provider';
import type { Logger } from '../core/index.ts';

/** A model provider, as the operator describes it. */
export interface UpstreamOptions {
  /** Prefix of the ids of its models; empty for none. */
  readonly name: string;
  readonly provider: 'openai-compatible' | 'openai' | 'anthropic' | 'google';
  /** Undefined for the provider's own address. */
  readonly baseUrl: string | undefined;
  readonly apiKey: string | undefined;
  /** The models it serves, and no others; undefined: every model of the provider. */
  readonly models: readonly string[] | undefined;
  readonly aliases: Readonly<Record<string, string>>;
  readonly vision: boolean | readonly string[];
  /** False for a provider that cannot stream. */
  readonly stream: boolean;
  readonly headers: Readonly<Record<string, string>>;
}

/** Times in milliseconds. */
export interface UpstreamsOptions {
  readonly providers: readonly UpstreamOptions[];
  readonly defaultModel: string | undefined;
  readonly passthrough: boolean;
  readonly firstTokenMs: number;
  readonly stallMs: number;
  /** Of one answer, all attempts included. */
  readonly totalMs: number;
  /** Retries while no part of an answer has come. */
  readonly retries: number;
  readonly logger: Logger;
}

/** One question to a model, in the vocabulary of the AI SDK. Tool results may hold pictures for every provider. */
export interface TurnRequest {
  readonly prompt: LanguageModelV4Prompt;
  readonly tools: readonly LanguageModelV4FunctionTool[];
  /** Tools that the prompt has calls of and the model may not use now. Some providers must know every tool of a prompt. */
  readonly withheld: readonly LanguageModelV4FunctionTool[];
  readonly toolChoice: LanguageModelV4ToolChoice | undefined;
  readonly parallelToolCalls: boolean | undefined;
  readonly maxOutputTokens: number | undefined;
  readonly temperature: number | undefined;
  readonly topP: number | undefined;
  readonly topK: number | undefined;
  readonly stop: readonly string[] | undefined;
  readonly seed: number | undefined;
  readonly presencePenalty: number | undefined;
  readonly frequencyPenalty: number | undefined;
  readonly reasoningEffort: string | undefined;
  readonly reasoningSummary: string | undefined;
  readonly verbosity: string | undefined;
  /** A response format in OpenAI's words. */
  readonly format:
    | { readonly type: string; readonly name?: string; readonly schema?: unknown; readonly strict?: boolean }
    | undefined;
  /** Further fields of the body, for providers that speak Chat Completions; others do not get them. */
  readonly extra: JSONObject | undefined;
  /** The caller's own key; only where the operator passes keys through. */
  readonly key: string | undefined;
}

export interface TurnUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
}

export type AssistantContent = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'];

/** What a model says, while it says it. Calls may overlap. Their ids are unique within the turn. */
export type TurnEvent =
  | { readonly type: 'text'; readonly delta: string }
  | { readonly type: 'reasoning'; readonly delta: string }
  | { readonly type: 'call_start'; readonly id: string; readonly name: string }
  | { readonly type: 'call_delta'; readonly id: string; readonly delta: string }
  /** The whole call; `arguments` is what the model wrote, JSON or not. */
  | { readonly type: 'call'; readonly id: string; readonly name: string; readonly arguments: string }
  /** The last event, always. `content` is the answer as the provider wants it back in the next prompt. */
  | {
      readonly type: 'end';
      readonly finish: 'stop' | 'length' | 'content_filter';
      /** The sequence of `stop` that ended it, where the provider tells. */
      readonly stopSequence?: string | undefined;
      readonly usage: TurnUsage;
      readonly content: AssistantContent;
    };

/** Addresses of providers that a request may be passed on to as it is. */
export type RelayPath = 'chat/completions' | 'responses' | 'messages' | 'messages/count_tokens';

/** A request that is passed on as it came. */
export interface RelayRequest {
  readonly path: RelayPath;
  /** Passed on unchanged, except that `model` becomes the provider's name of the model. */
  readonly body: Readonly<Record<string, unknown>>;
  /** Headers of the API to pass on, in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The caller's own key; only where the operator passes keys through. */
  readonly key: string | undefined;
}

/** A provider's answer, unchanged. An error is an answer too, always in the shape of the API that was asked. */
export interface Relayed {
  readonly status: number;
  /** The headers that clients read, in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** @throws DragomanError upstream_failed, cancelled when it breaks off */
  readonly body: AsyncIterable<Uint8Array>;
  /** The model was not found at this address. Its provider has models at another address only: `turn` may find it. */
  readonly mayBeElsewhere?: boolean | undefined;
}

/** A model of a provider. */
export interface Model {
  /** As callers may name it again. */
  readonly id: string;
  /** It accepts pictures. */
  readonly vision: boolean;
  /**
   * Asks one question. It is retried only while no part of the answer has come. Leaving the iteration or aborting `signal` closes
   * the connection to the provider.
   * @throws DragomanError upstream_failed, rate_limited, invalid_request, model_not_found, forbidden, cancelled; holds no key
   */
  turn(request: TurnRequest, signal: AbortSignal): AsyncIterable<TurnEvent>;
  /**
   * Passes a request on unchanged; undefined when the provider does not speak this API.
   * @throws DragomanError upstream_failed, forbidden, cancelled; holds no key
   */
  relay(request: RelayRequest, signal: AbortSignal): Promise<Relayed> | undefined;
}

export interface ListedModel {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly ownedBy: string;
}

/** The model providers of this service. */
export interface Upstreams {
  /** @throws DragomanError invalid_request when there is no provider or none to choose, model_not_found */
  model(name: string | undefined): Model;
  /** The configured models, and those that providers without a configured list report. Never fails, takes some seconds at most. */
  list(): Promise<readonly ListedModel[]>;
}
