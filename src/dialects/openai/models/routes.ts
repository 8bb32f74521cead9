import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Operation } from '../../../http/index.ts';
import { WireError } from '../errors.ts';
import { json, reading } from '../examples.ts';
import { seconds } from '../ids.ts';
import { parse } from '../parse.ts';
import type { OpenAIServices } from '../services.ts';

const model = z
  .object({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() })
  .meta({ id: 'OpenAIModel' });

const modelList = z.object({ object: z.literal('list'), data: z.array(model) });

const params = z.object({ model: z.string() });

const example = { id: 'openai/gpt-5', object: 'model', created: 1767323045, owned_by: 'openai' };

const operations = {
  listModels: {
    id: 'listModels',
    summary: 'The models there are',
    answers: { ...reading, 200: json('All of them.', modelList, { object: 'list', data: [example] }) },
  },
  getModel: {
    id: 'getModel',
    summary: 'What is known of a model',
    params: z.object({
      model: z
        .string()
        .regex(/^\w[\w.:-]*$/)
        .describe('Slashes percent-encoded.'),
    }),
    answers: { ...reading, 200: json('The model.', model, example) },
  },
} satisfies Record<string, Operation>;

/** `/v1/models`: the models of every upstream, as requests name them. */
export function modelRoutes(app: FastifyInstance, { agent }: OpenAIServices): void {
  const all = async () =>
    (await agent.models()).map(({ id, createdAt, ownedBy }) => {
      return { id, object: 'model', created: seconds(createdAt), owned_by: ownedBy };
    });

  app.get('/models', { config: { rateClass: 'list', operation: operations.listModels } }, async () => {
    return { object: 'list', data: await all() };
  });

  app.get('/models/:model', { config: { rateClass: 'list', operation: operations.getModel } }, async (request) => {
    const { model: id } = parse(params, request.params);
    const found = (await all()).find((each) => each.id === id);
    if (found) return found;
    const message = `The model '${id.slice(0, 256)}' does not exist.`;
    throw new WireError('not_found', message, { param: 'model', wireCode: 'model_not_found' });
  });
}
