import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../../core/index.ts';
import { abortOnDisconnect, type DialectContext } from '../../../http/index.ts';
import { ownDocument } from '../documents.ts';
import { fileKind } from '../files/records.ts';
import { ownId } from '../ids.ts';
import { defaultQuietMs, deliver } from '../responses/deliver.ts';
import type { Responses } from '../responses/responses.ts';
import { upstreamKey } from '../upstream-key.ts';
import { type Echo, frameOf, modelResponseOf } from './answers.ts';
import { parseInputs, toResponseBody } from './inputs.ts';
import { findAssistant, settingsOf } from './records.ts';
import type { AssistantSettings } from './wire.ts';

/** How long one block of code may run, in milliseconds. */
const blockMs = 30_000;

/** Answers a request with `inputs`. @throws WireError, DragomanError */
export async function respondToInputs(
  context: DialectContext,
  responses: Responses,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const body = parseInputs(request.body);
  const echo: Echo = { organization_id: body.organization_id ?? null, assistant_id: body.assistant_id ?? null };
  const assistant = await assistantOf(context, request.principal, body.assistant_id);
  const gone = abortOnDisconnect(reply);
  const run = await responses.begin(request.principal, toResponseBody(body, assistant), {
    wallMs: blockMs,
    upstreamKey: upstreamKey(request),
  });
  return deliver(responses, run, reply, gone, {
    stream: body.stream ?? false,
    frame: (event) => frameOf(event, echo),
    whole: (response) => modelResponseOf(response, echo),
    quietMs: defaultQuietMs,
  });
}

/**
 * The assistant that is named, if it is one of ours: ids of other services mean nothing here. Of its files those that are still
 * there, because one that has expired must not end every conversation with it.
 */
async function assistantOf(
  context: DialectContext,
  principal: Principal,
  id: string | null | undefined,
): Promise<AssistantSettings | undefined> {
  if (!id?.startsWith('asst_')) return undefined;
  const settings = settingsOf(await findAssistant(context, principal, id));
  const files = [];
  for (const file of settings.files) {
    if (await ownDocument(context, principal, fileKind, ownId('file', file) ?? '')) files.push(file);
  }
  return { ...settings, files };
}
