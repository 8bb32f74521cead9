import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AssistantSettings } from '../../../assistant/index.ts';
import type { Principal } from '../../../core/index.ts';
import { toOwn, wireId } from '../ids.ts';
import { listPage, listQuery, pageOf } from '../lists.ts';
import { parse } from '../parse.ts';
import type { OpenAIServices } from '../services.ts';
import { operations } from './operations.ts';
import { respondToInputs } from './respond.ts';
import { type AssistantChange, assistantObject, assistantParams, createBody, modeOf, updateBody } from './wire.ts';

const reading = { rateClass: 'list' } as const;
const writing = { rateClass: 'upload' } as const;

/** `/v1/model/response`, which asks an assistant or a model; what `/v1/responses` does with `inputs`. */
export function modelResponseRoutes(app: FastifyInstance, context: OpenAIServices): void {
  const config = { rateClass: 'exec', operation: operations.createModelResponse } as const;
  app.post('/model/response', { config }, (request, reply) => respondToInputs(context, request, reply));
}

/** `/v1/assistants`: a model with instructions, tools and files, to be named by its id in requests. */
export function assistantRoutes(app: FastifyInstance, context: OpenAIServices): void {
  const { assistants } = context.assistant;

  app.post('/assistants', { config: { ...writing, operation: operations.createAssistant } }, async (request) => {
    const { principal } = request;
    const { model, ...body } = parse(createBody, request.body ?? {});
    const settings = await changed(context, principal, { ...blank, model }, body);
    return assistantObject(await assistants.create(principal, settings));
  });

  app.get('/assistants', { config: { ...reading, operation: operations.listAssistants } }, async (request) => {
    const { after, ...page } = pageOf(parse(listQuery, request.query));
    const cursor = after && toOwn('assistant', after);
    const found = await assistants.list(request.principal, { ...page, after: cursor });
    return listPage(found.assistants.map(assistantObject), found.more);
  });

  app.get('/assistants/:assistant', { config: { ...reading, operation: operations.getAssistant } }, async (request) =>
    assistantObject(await assistants.find(request.principal, ownIdOf(request))),
  );

  app.post(
    '/assistants/:assistant',
    { config: { ...writing, operation: operations.updateAssistant } },
    async (request) => {
      const { principal } = request;
      const body = parse(updateBody, request.body ?? {});
      const found = await assistants.find(principal, ownIdOf(request));
      const next = { ...found, settings: await changed(context, principal, found.settings, body) };
      await assistants.update(principal, next);
      return assistantObject(next);
    },
  );

  app.delete(
    '/assistants/:assistant',
    { config: { ...reading, operation: operations.deleteAssistant } },
    async (request) => {
      const id = ownIdOf(request);
      await assistants.delete(request.principal, id);
      return { id: wireId('assistant', id), object: 'assistant.deleted', deleted: true };
    },
  );
}

const blank = {
  name: null,
  description: null,
  instructions: null,
  tools: [],
  files: [],
  metadata: {},
  temperature: null,
  top_p: null,
};

/** What a change leaves out stays as it is. @throws Refusal for a file that does not exist */
async function changed(
  context: OpenAIServices,
  principal: Principal,
  settings: AssistantSettings,
  { tools, files, tool_resources: resources, metadata, ...rest }: AssistantChange,
): Promise<AssistantSettings> {
  const param = files ? 'files' : 'tool_resources.code_interpreter.file_ids';
  const fileIds = files ?? resources?.code_interpreter?.file_ids ?? undefined;
  for (const [at, id] of (fileIds ?? []).entries())
    await context.assistant.files.find(principal, toOwn('file', id), `${param}[${at}]`);
  const mode = modeOf(tools);
  return {
    ...settings,
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(tools ? { tools: mode ? [{ type: 'code_interpreter', ...(mode === 'auto' ? {} : { mode }) }] : [] } : {}),
    ...(fileIds ? { files: fileIds } : {}),
    ...(metadata ? { metadata } : {}),
  };
}

function ownIdOf(request: FastifyRequest): string {
  return toOwn('assistant', parse(assistantParams, request.params).assistant);
}
