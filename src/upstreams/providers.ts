import type { LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { lateSystemAsUser, picturesAfterResults } from './prompt.ts';
import type { RelayPath, TurnRequest, UpstreamOptions } from './upstreams.ts';

/** How to speak to one kind of provider. */
export interface Provider {
  readonly baseUrl: string;
  /** The model behind the AI SDK's low-level interface. The SDK of a provider is loaded with its first model: each takes 10 MiB. */
  model(at: UpstreamOptions & { readonly baseUrl: string }, id: string, key: string): Promise<LanguageModelV4>;
  /** Options under this provider's own names. */
  options(request: TurnRequest): Partial<LanguageModelV4CallOptions>;
  /** The prompt in the form that it accepts. */
  prompt(prompt: TurnRequest['prompt']): TurnRequest['prompt'];
  /** A prompt with calls must come with their tools, even if no call is wanted. */
  readonly namesEveryTool?: true;
  /** Addresses that take requests of other clients as they are. Turns use the first one. */
  readonly relays?: readonly RelayPath[];
  /** Headers of a bare request, such as for the list of models. */
  headers(key: string): Record<string, string>;
}

/**
 * Addresses and keys are always given, so that the SDK never looks for them in the environment. The low-level models are used
 * rather than `streamText`: they alone hand on a tool's arguments as they are written, leave retries to us, and neither
 * download what a prompt links to nor run tools.
 */
export const providers: Readonly<Record<UpstreamOptions['provider'], Provider>> = {
  'openai-compatible': {
    baseUrl: '',
    model: async ({ baseUrl, headers }, id, apiKey) => {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
      return createOpenAICompatible({
        name: 'upstream',
        baseURL: baseUrl,
        headers: { ...headers },
        includeUsage: true,
        supportsStructuredOutputs: true,
        ...(apiKey === '' ? {} : { apiKey }),
      }).chatModel(id);
    },
    options: ({ parallelToolCalls, reasoningEffort, verbosity, format, extra }) => ({
      providerOptions: {
        upstream: {
          ...extra,
          ...(parallelToolCalls === undefined ? {} : { parallel_tool_calls: parallelToolCalls }),
          ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
          ...(verbosity === undefined ? {} : { textVerbosity: verbosity }),
          ...strictness(format),
        },
      },
    }),
    prompt: picturesAfterResults,
    relays: ['chat/completions'],
    headers: bearer,
  },
  openai: {
    baseUrl: 'https://api.openai.com/v1',
    model: async ({ baseUrl, headers }, id, apiKey) => {
      const { createOpenAI } = await import('@ai-sdk/openai');
      return createOpenAI({ baseURL: baseUrl, headers: { ...headers }, apiKey }).responses(id);
    },
    options: ({ parallelToolCalls, reasoningEffort, reasoningSummary, verbosity, format }) => ({
      providerOptions: {
        openai: {
          // Conversations are kept here, not there; reasoning then travels encrypted within the prompt.
          store: false,
          // The SDK would ask for summaries by itself, which OpenAI refuses to accounts it has not verified.
          reasoningSummary: reasoningSummary ?? null,
          ...(verbosity === undefined ? {} : { textVerbosity: verbosity }),
          ...(parallelToolCalls === undefined ? {} : { parallelToolCalls }),
          ...(reasoningEffort === undefined ? {} : { reasoningEffort }),
          ...strictness(format),
        },
      },
    }),
    prompt: (prompt) => prompt,
    relays: ['responses', 'chat/completions'],
    headers: bearer,
  },
  anthropic: {
    baseUrl: 'https://api.anthropic.com/v1',
    model: async ({ baseUrl, headers }, id, apiKey) => {
      const { createAnthropic } = await import('@ai-sdk/anthropic');
      return createAnthropic({ baseURL: baseUrl, headers: { ...headers }, apiKey }).languageModel(id);
    },
    options: ({ parallelToolCalls, reasoningEffort }) => ({
      ...effort(reasoningEffort),
      ...(parallelToolCalls === false ? { providerOptions: { anthropic: { disableParallelToolUse: true } } } : {}),
    }),
    prompt: lateSystemAsUser,
    namesEveryTool: true,
    relays: ['messages', 'messages/count_tokens'],
    headers: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
  },
  google: {
    baseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    model: async ({ baseUrl, headers }, id, apiKey) => {
      const { createGoogle } = await import('@ai-sdk/google');
      return createGoogle({ baseURL: baseUrl, headers: { ...headers }, apiKey }).languageModel(id);
    },
    options: ({ reasoningEffort }) => effort(reasoningEffort),
    prompt: lateSystemAsUser,
    headers: (key) => ({ 'x-goog-api-key': key }),
  },
};

function bearer(key: string): Record<string, string> {
  return key === '' ? {} : { authorization: `Bearer ${key}` };
}

/** Not strict unless asked, as at OpenAI; the SDK would have it the other way round. */
const strictness = (format: TurnRequest['format']) =>
  format?.type === 'json_schema' ? { strictJsonSchema: format.strict ?? false } : {};

const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** OpenAI's name of the reasoning effort, which the SDK translates for the provider. */
function effort(word: string | undefined): Pick<LanguageModelV4CallOptions, 'reasoning'> {
  const reasoning = efforts.find((known) => known === word);
  return reasoning === undefined ? {} : { reasoning };
}
