import { section } from '../setting.ts';
import { choice, flag, hour, httpUrl, milliseconds, text, upstreamProviders, whole } from '../values.ts';

const setting = section('Models');

/** The providers: one described by settings, and others by name. */
export const providers = {
  provider: setting('DRAGOMAN_UPSTREAM_PROVIDER', {
    value: choice(...upstreamProviders),
    unset: 'no models',
    help: 'The provider that answers `/v1/responses` and `/v1/chat/completions`: any that speaks Chat Completions (`openai-compatible`: vLLM, Ollama, LiteLLM, OpenRouter …), OpenAI, Anthropic or Google; see [models](../guides/models.md).',
  }),
  baseUrl: setting('DRAGOMAN_UPSTREAM_BASE_URL', {
    value: httpUrl(),
    unset: "the provider's own",
    help: 'Address of the provider, usually ending in `/v1`; must be set for `openai-compatible`.',
  }),
  apiKey: setting('DRAGOMAN_UPSTREAM_API_KEY', {
    value: text(),
    unset: 'none',
    secret: true,
    help: 'Key for the provider.',
  }),
  vision: setting('DRAGOMAN_UPSTREAM_VISION', {
    value: flag(),
    default: 'false',
    help: "The provider's models accept images: they are shown the figures that their code draws.",
  }),
  several: setting('DRAGOMAN_UPSTREAMS', {
    value: text('JSON or path'),
    unset: 'none',
    secret: true,
    help: 'Several providers by name, or the path of a file that describes them; their models are called `name/model`; see [models](../guides/models.md).',
  }),
};

export const upstreams = {
  defaultModel: setting('DRAGOMAN_UPSTREAM_MODEL', {
    value: text(),
    unset: 'the first one of `DRAGOMAN_UPSTREAMS`',
    help: 'Model of requests that name none; `upstream/model` for one of `DRAGOMAN_UPSTREAMS`.',
  }),
  passthrough: setting('DRAGOMAN_UPSTREAM_PASSTHROUGH', {
    value: flag(),
    default: 'false',
    help: "Callers may send a key of their own for the provider; it is used instead of the service's.",
  }),
  firstTokenMs: setting('DRAGOMAN_UPSTREAM_FIRST_TOKEN_MS', {
    value: milliseconds(100, 300_000),
    default: '120000',
    help: 'How long a model may take until the first token of its answer.',
  }),
  stallMs: setting('DRAGOMAN_UPSTREAM_STALL_MS', {
    value: milliseconds(100, 300_000),
    default: '60000',
    help: 'How long a model may be silent in the middle of an answer.',
  }),
  totalMs: setting('DRAGOMAN_UPSTREAM_TOTAL_MS', {
    value: milliseconds(1000, hour),
    default: '600000',
    help: 'How long one answer may take in all.',
  }),
  retries: setting('DRAGOMAN_UPSTREAM_RETRIES', {
    value: whole(0, 10),
    default: '2',
    help: 'How often a request to a provider is tried again when it failed before any of its answer came.',
  }),
};

export const agent = {
  maxCalls: setting('DRAGOMAN_AGENT_MAX_CALLS', {
    value: whole(1, 1000),
    default: '32',
    help: 'Pieces of code that a model may run for one request; after that it must answer.',
  }),
  shownChars: setting('DRAGOMAN_AGENT_SHOWN_CHARS', {
    value: whole(200, 10_000_000),
    default: '20000',
    help: "Characters of a run's output that a model is shown: its first and its last half. The client gets everything.",
  }),
};
