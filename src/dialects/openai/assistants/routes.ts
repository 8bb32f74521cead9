import type { FastifyInstance, FastifyRequest } from 'fastify';
import { newId, type Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import { ownDocuments } from '../documents.ts';
import { findFile } from '../files/records.ts';
import { ownId, wireId } from '../ids.ts';
import { listPage, listQuery, pageOf } from '../lists.ts';
import { parse } from '../parse.ts';
import type { Responses } from '../responses/responses.ts';
import { operations } from './operations.ts';
import { assistantDocument, assistantKind, assistantObject, findAssistant, settingsOf } from './records.ts';
import { respondToInputs } from './respond.ts';
import {
  type AssistantChange,
  type AssistantSettings,
  assistantParams,
  createBody,
  modeOf,
  updateBody,
} from './wire.ts';

const reading = { rateClass: 'list' } as const;
const writing = { rateClass: 'upload' } as const;

/** `/v1/model/response`, which asks an assistant or a model; what `/v1/responses` does with `inputs`. */
export function modelResponseRoutes(app: FastifyInstance, context: DialectContext, responses: Responses): void {
  const config = { rateClass: 'exec', operation: operations.createModelResponse } as const;
  app.post('/model/response', { config }, (request, reply) => respondToInputs(context, responses, request, reply));
}

/** `/v1/assistants`: a model with instructions, tools and files, to be named by its id in requests. */
export function assistantRoutes(app: FastifyInstance, context: DialectContext): void {
  const { documents } = context;

  app.post('/assistants', { config: { ...writing, operation: operations.createAssistant } }, async (request) => {
    const { principal } = request;
    const { model, ...body } = parse(createBody, request.body ?? {});
    const settings = await changed(context, principal, { ...blank, model }, body);
    const document = assistantDocument(principal, newId(), context.now(), settings);
    await documents.put(document);
    return assistantObject(document);
  });

  app.get('/assistants', { config: { ...reading, operation: operations.listAssistants } }, async (request) => {
    const { after, ...page } = pageOf(parse(listQuery, request.query));
    const cursor = after && (ownId('assistant', after) ?? '');
    const found = await ownDocuments(context, request.principal, assistantKind, { ...page, after: cursor });
    return listPage(found.documents.map(assistantObject), found.more);
  });

  app.get('/assistants/:assistant', { config: { ...reading, operation: operations.getAssistant } }, async (request) =>
    assistantObject(await findAssistant(context, request.principal, idOf(request))),
  );

  app.post(
    '/assistants/:assistant',
    { config: { ...writing, operation: operations.updateAssistant } },
    async (request) => {
      const { principal } = request;
      const body = parse(updateBody, request.body ?? {});
      const document = await findAssistant(context, principal, idOf(request));
      const settings = await changed(context, principal, settingsOf(document), body);
      const next = assistantDocument(principal, document.id, document.createdAt, settings);
      await documents.put(next);
      return assistantObject(next);
    },
  );

  app.delete(
    '/assistants/:assistant',
    { config: { ...reading, operation: operations.deleteAssistant } },
    async (request) => {
      const { id } = await findAssistant(context, request.principal, idOf(request));
      await documents.delete(assistantKind, id);
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

/** What a change leaves out stays as it is. @throws WireError for a file that there is not */
async function changed(
  context: DialectContext,
  principal: Principal,
  settings: AssistantSettings,
  { tools, files, tool_resources: resources, metadata, ...rest }: AssistantChange,
): Promise<AssistantSettings> {
  const param = files ? 'files' : 'tool_resources.code_interpreter.file_ids';
  const fileIds = files ?? resources?.code_interpreter?.file_ids ?? undefined;
  for (const [at, id] of (fileIds ?? []).entries()) await findFile(context, principal, id, `${param}[${at}]`);
  const mode = modeOf(tools);
  return {
    ...settings,
    ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)),
    ...(tools ? { tools: mode ? [{ type: 'code_interpreter', ...(mode === 'auto' ? {} : { mode }) }] : [] } : {}),
    ...(fileIds ? { files: fileIds } : {}),
    ...(metadata ? { metadata } : {}),
  };
}

function idOf(request: FastifyRequest): string {
  return parse(assistantParams, request.params).assistant;
}
