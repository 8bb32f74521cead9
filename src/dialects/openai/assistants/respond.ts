import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AssistantSettings } from '../../../assistant/index.ts';
import type { Principal } from '../../../core/index.ts';
import { abortOnDisconnect, upstreamKey } from '../../../http/index.ts';
import { toOwn } from '../ids.ts';
import { defaultQuietMs, deliver } from '../responses/deliver.ts';
import { wireResponse } from '../responses/response.ts';
import { toRequest } from '../responses/to-request.ts';
import type { OpenAIServices } from '../services.ts';
import { type Echo, frameOf, modelResponseOf } from './answers.ts';
import { hasInputs, parseInputs, toResponseBody } from './inputs.ts';

/** How long one block of code may run, in milliseconds. */
const blockMs = 30_000;

/** Answers a request with `inputs`. @throws WireError, Refusal, DragomanError */
export async function respondToInputs(
  context: OpenAIServices,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const body = parseInputs(request.body);
  const echo: Echo = { organization_id: body.organization_id ?? null, assistant_id: body.assistant_id ?? null };
  const assistant = await assistantOf(context, request.principal, body.assistant_id);
  const gone = abortOnDisconnect(reply);
  const asked = toRequest(toResponseBody(body, assistant), { wallMs: blockMs, upstreamKey: upstreamKey(request) });
  const run = await context.assistant.responses.begin(request.principal, asked);
  return deliver(context.assistant, run, reply, gone, {
    stream: body.stream ?? false,
    withOutputs: true,
    frame: (event) => frameOf(event, echo),
    whole: (response) => modelResponseOf(wireResponse(response, true), echo),
    quietMs: defaultQuietMs,
  });
}

/** Answers bodies with `inputs` on the route of responses. */
export function otherStyle(
  context: OpenAIServices,
): (request: FastifyRequest, reply: FastifyReply) => Promise<unknown> | undefined {
  return (request, reply) => (hasInputs(request.body) ? respondToInputs(context, request, reply) : undefined);
}

/**
 * The assistant that is named, if it is one of ours: ids of other services mean nothing here. Of its files those that still exist,
 * because an expired file must not end every conversation with it.
 */
async function assistantOf(
  { assistant: { assistants } }: OpenAIServices,
  principal: Principal,
  id: string | null | undefined,
): Promise<AssistantSettings | undefined> {
  if (!id?.startsWith('asst_')) return undefined;
  const { settings } = await assistants.find(principal, toOwn('assistant', id));
  const files: string[] = [];
  for (const file of settings.files)
    if ((await assistants.existing(principal, [toOwn('file', file)])).length > 0) files.push(file);
  return { ...settings, files };
}
