import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { errorAnswers, notFound, versionHeader } from '../errors.ts';
import { timestamp } from '../ids.ts';
import { parse } from '../parse.ts';
import type { AnthropicServices } from '../services.ts';

const model = z
  .looseObject({ type: z.literal('model'), id: z.string(), display_name: z.string(), created_at: z.string() })
  .meta({ id: 'AnthropicModel' });

const modelList = z.object({
  data: z.array(model),
  has_more: z.boolean(),
  first_id: z.string().nullable(),
  last_id: z.string().nullable(),
});

const query = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(20),
  after_id: z.string().max(256).optional(),
  before_id: z.string().max(256).optional(),
});
const modelId = z.string().max(256);

const errors = errorAnswers(400, 401, 404, 429, 500);

const operations = {
  list: {
    id: 'listMessageModels',
    headers: versionHeader,
    summary: 'The models there are, in Anthropic’s shape',
    query,
    answers: {
      ...errors,
      200: { description: 'A page of them.', content: { type: 'application/json', schema: modelList } },
    },
  },
  get: {
    id: 'getMessageModel',
    headers: versionHeader,
    summary: 'What is known of a model, in Anthropic’s shape',
    params: z.object({ model: z.string().describe('Slashes may stay as they are.') }),
    answers: { ...errors, 200: { description: 'The model.', content: { type: 'application/json', schema: model } } },
  },
} satisfies Record<string, Operation>;

/** `/v1/models` for clients of this API. Another dialect has the same addresses. */
export function modelRoutes(app: FastifyInstance, { agent }: AnthropicServices): void {
  const constraints = { dialect: 'anthropic' };

  app.get('/models', { constraints, config: { rateClass: 'list', operation: operations.list } }, async (request) => {
    const { limit, after_id: after, before_id: before } = parse(query, request.query);
    const all = (await agent.models()).map(modelObject);
    const at = (id: string) => all.findIndex((each) => each.id === id);
    const rest = after === undefined ? all : at(after) < 0 ? [] : all.slice(at(after) + 1);
    const upTo =
      before === undefined
        ? rest
        : rest.slice(
            0,
            Math.max(
              0,
              rest.findIndex(({ id }) => id === before),
            ),
          );
    const data = before === undefined ? upTo.slice(0, limit) : upTo.slice(-limit);
    return {
      data,
      has_more: data.length < upTo.length,
      first_id: data[0]?.id ?? null,
      last_id: data.at(-1)?.id ?? null,
    };
  });

  // Ids may hold slashes. The other dialect's address for one model takes those without.
  for (const url of ['/models/:model', '/models/*']) {
    const described = url === '/models/:model' ? { operation: operations.get } : { isUndescribed: true as const };
    app.get(url, { constraints, config: { rateClass: 'list', ...described } }, async (request) => {
      const given = request.params as Record<string, string>;
      const id = parse(modelId, given['*'] ?? given.model, 'model');
      const found = (await agent.models()).find((each) => each.id === id);
      if (!found) throw notFound(`model: ${id}`);
      return modelObject(found);
    });
  }
}

type ListedModel = Awaited<ReturnType<AnthropicServices['agent']['models']>>[number];

function modelObject({ id, createdAt }: ListedModel) {
  return {
    type: 'model' as const,
    id,
    display_name: id,
    created_at: timestamp(createdAt),
    max_input_tokens: null,
    max_tokens: null,
    capabilities: null,
    lifecycle: 'active',
    line: null,
    deprecated_at: null,
  };
}
