import type { JSONSchema7, LanguageModelV4, LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { DragomanError } from '../core/index.ts';
import { createListing } from './listing.ts';
import { type Provider, providers } from './providers.ts';
import { relay } from './relay.ts';
import { type Route, route } from './routing.ts';
import { ask, type TurnRules } from './turn.ts';
import type { Model, TurnRequest, Upstreams, UpstreamsOptions } from './upstreams.ts';

/** The providers of a configuration. Connects to nothing until asked. */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const known = new KnownModels();
  return {
    model: (name) => modelAt(route(options.providers, options.defaultModel, name), options, known),
    list: createListing(options.providers, options.defaultModel, options.logger),
  };
}

function modelAt({ upstream, model, id }: Route, options: UpstreamsOptions, known: KnownModels): Model {
  const provider = providers[upstream.provider];
  const { vision } = upstream;
  const baseUrl = upstream.baseUrl ?? provider.baseUrl;
  const rulesFor = (key: string, ownKey: boolean): TurnRules => ({
    ...options,
    stream: upstream.stream,
    secrets: [key, upstream.apiKey ?? '', ...Object.values(upstream.headers)],
    ownKey,
    failed: ({ error, status, reason }, attempt) =>
      options.logger.warn(
        { upstream: upstream.name, model, code: error.code, status, reason, attempt },
        'a model failed',
      ),
  });
  return {
    id,
    vision: typeof vision === 'boolean' ? vision : vision.includes(model),
    async *turn(request, signal) {
      const key = keyFor(request.key, upstream.apiKey, options.passthrough);
      const make = () => provider.model({ ...upstream, baseUrl }, model, key);
      const languageModel = await (request.key === undefined ? known.get(id, make) : make());
      yield* ask(languageModel, callOptions(request, provider), rulesFor(key, request.key !== undefined), signal);
    },
    relay(request, signal) {
      const isSpoken = provider.relays?.includes(request.path) && (upstream.stream || request.body.stream !== true);
      if (!isSpoken) return undefined;
      const key = keyFor(request.key, upstream.apiKey, options.passthrough);
      const headers = { ...provider.headers(key), ...request.headers, ...upstream.headers };
      const target = { baseUrl, model, headers };
      const answer = relay(target, request, rulesFor(key, request.key !== undefined), signal);
      if (request.path === provider.relays?.[0]) return answer;
      return answer.then((given) => ({ ...given, mayBeElsewhere: given.status === 404 }));
    },
  };
}

/** Most models kept: callers name them. */
const mostKnown = 200;

/** The SDK's models by our ids. Making one compiles schemas, which takes longer than many an answer's first token. */
class KnownModels {
  readonly #models = new Map<string, Promise<LanguageModelV4>>();

  get(id: string, make: () => Promise<LanguageModelV4>): Promise<LanguageModelV4> {
    const model = this.#models.get(id) ?? make();
    model.catch(() => this.#models.delete(id));
    // The map keeps the order of use: its first entry is dropped first.
    this.#models.delete(id);
    this.#models.set(id, model);
    if (this.#models.size > mostKnown) this.#models.delete(this.#models.keys().next().value!);
    return model;
  }
}

/** @throws DragomanError forbidden, invalid_request */
function keyFor(callers: string | undefined, ours: string | undefined, passthrough: boolean): string {
  if (callers === undefined) return ours ?? '';
  if (passthrough) return callers;
  throw new DragomanError('forbidden', {
    message: "This server does not pass callers' keys on to model providers (DRAGOMAN_UPSTREAM_PASSTHROUGH).",
  });
}

function callOptions(request: TurnRequest, provider: Provider): LanguageModelV4CallOptions {
  const given: Partial<LanguageModelV4CallOptions> = {
    maxOutputTokens: request.maxOutputTokens!,
    temperature: request.temperature!,
    topP: request.topP!,
    topK: request.topK!,
    seed: request.seed!,
    presencePenalty: request.presencePenalty!,
    frequencyPenalty: request.frequencyPenalty!,
    ...(request.stop === undefined ? {} : { stopSequences: [...request.stop] }),
    ...toolsOf(request, provider),
    ...(request.format === undefined ? {} : { responseFormat: responseFormat(request.format) }),
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { ...set, ...provider.options(request), prompt: provider.prompt(request.prompt) };
}

function toolsOf({ tools, withheld, toolChoice }: TurnRequest, { namesEveryTool }: Provider) {
  if (tools.length > 0) return { tools: [...tools], toolChoice: toolChoice! };
  if (withheld.length === 0 || !namesEveryTool) return {};
  return { tools: [...withheld], toolChoice: { type: 'none' as const } };
}

function responseFormat({ type, name, schema }: NonNullable<TurnRequest['format']>) {
  if (type !== 'json_schema' && type !== 'json_object') return { type: 'text' as const };
  return {
    type: 'json' as const,
    ...(name === undefined ? {} : { name }),
    ...(schema === undefined ? {} : { schema: schema as JSONSchema7 }),
  };
}
