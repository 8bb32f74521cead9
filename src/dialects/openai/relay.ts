import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RelayedRequest } from '../../agent/index.ts';
import { abortOnDisconnect, sendRelayed, upstreamKey } from '../../http/index.ts';
import { errorAnswer } from './errors.ts';
import type { OpenAIServices } from './services.ts';

/**
 * Lets the model's provider answer a request that needs no code and no stored state. Its answer is passed on byte by byte.
 * @returns undefined when the request must be translated: it is malformed, or the provider speaks another API
 * @throws DragomanError
 */
export async function relayed(
  context: OpenAIServices,
  request: FastifyRequest,
  reply: FastifyReply,
  path: RelayedRequest['path'],
): Promise<FastifyReply | undefined> {
  const body = request.body as Record<string, unknown>;
  const { model } = body;
  if (model !== undefined && model !== null && (typeof model !== 'string' || model === '')) return undefined;
  const asked = { path, body, model: model ?? undefined, upstreamKey: upstreamKey(request) };
  const answer = context.agent.relay(asked, abortOnDisconnect(reply));
  return (
    answer &&
    sendRelayed(reply, answer, {
      isStream: body.stream === true,
      late: (error) => errorAnswer(error, context.problem(error)).body,
    })
  );
}
