import { z } from 'zod';
import type { Logger } from '../core/index.ts';
import { providers } from './providers.ts';
import { idOf } from './routing.ts';
import type { ListedModel, UpstreamOptions } from './upstreams.ts';

const deadlineMs = 5000;
const freshMs = 300_000;
/** After a failure the list is asked for sooner. */
const failedMs = 15_000;
const mostModels = 5000;

/** What providers answer: OpenAI's list, Anthropic's, Google's. */
const answer = z.union([
  z.object({ data: z.array(z.object({ id: z.string(), created: z.number().optional() })) }),
  z.object({ models: z.array(z.object({ name: z.string() })) }),
]);

/** The models of the providers, configured or reported by them. A reported list is remembered for some minutes. */
export function createListing(upstreams: readonly UpstreamOptions[], defaultModel: string | undefined, logger: Logger) {
  const startedAt = Date.now();
  const remembered = new Map<UpstreamOptions, { until: number; models: Promise<ListedModel[]> }>();

  async function fetched(upstream: UpstreamOptions): Promise<ListedModel[]> {
    const { baseUrl, headers } = providers[upstream.provider];
    try {
      const response = await fetch(`${upstream.baseUrl ?? baseUrl}/models`, {
        headers: { ...headers(upstream.apiKey ?? ''), ...upstream.headers },
        signal: AbortSignal.timeout(deadlineMs),
      });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const said = answer.parse(await response.json());
      const ids: { id: string; created?: number | undefined }[] =
        'data' in said ? said.data : said.models.map(({ name }) => ({ id: name.replace(/^models\//, '') }));
      return ids.slice(0, mostModels).map(({ id, created }) => ({
        id: idOf(upstream, id),
        createdAt: created === undefined ? startedAt : Math.trunc(created) * 1000,
        ownedBy: upstream.name || upstream.provider,
      }));
    } catch (error) {
      logger.warn(
        { upstream: upstream.name, reason: (error as Error).name },
        'a model provider did not list its models',
      );
      remembered.set(upstream, { until: Date.now() + failedMs, models: Promise.resolve([]) });
      return [];
    }
  }

  function modelsOf(upstream: UpstreamOptions): ListedModel[] | Promise<ListedModel[]> {
    const ownedBy = upstream.name || upstream.provider;
    if (upstream.models)
      return upstream.models.map((model) => ({ id: idOf(upstream, model), createdAt: startedAt, ownedBy }));
    const known = remembered.get(upstream);
    if (known && known.until > Date.now()) return known.models;
    const models = fetched(upstream);
    remembered.set(upstream, { until: Date.now() + freshMs, models });
    return models;
  }

  return async (): Promise<ListedModel[]> => {
    const listed = (await Promise.all(upstreams.map(modelsOf))).flat();
    const aliases = upstreams.flatMap((upstream) =>
      Object.keys(upstream.aliases).map((id) => ({
        id,
        createdAt: startedAt,
        ownedBy: upstream.name || upstream.provider,
      })),
    );
    const own = defaultModel === undefined ? [] : [{ id: defaultModel, createdAt: startedAt, ownedBy: 'dragoman' }];
    const all = [...listed, ...aliases, ...(upstreams.length > 0 ? own : [])];
    return all.filter(({ id }, index) => all.findIndex((model) => model.id === id) === index);
  };
}
