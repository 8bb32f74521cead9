import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RelayedRequest } from '../../../agent/index.ts';
import { abortOnDisconnect, sendRelayed, upstreamKey } from '../../../http/index.ts';
import { errorAnswer } from '../errors.ts';
import type { AnthropicServices } from '../services.ts';
import { isCodeTool } from './tools.ts';

/** Headers that mean something to the vendor's own API. */
const passedOn = ['anthropic-version', 'anthropic-beta'] as const;

/**
 * Lets the model's provider answer a request that needs no code, when it speaks this API itself. Everything is passed on as it is.
 * @returns undefined when the request must be translated
 * @throws DragomanError
 */
export async function relayed(
  context: AnthropicServices,
  request: FastifyRequest,
  reply: FastifyReply,
  path: RelayedRequest['path'],
): Promise<FastifyReply | undefined> {
  const body = request.body as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof body?.model !== 'string' || body.model === '' || needsUs(body)) return undefined;
  const headers = Object.fromEntries(
    passedOn.flatMap((name) => (typeof request.headers[name] === 'string' ? [[name, request.headers[name]]] : [])),
  );
  const asked = { path, body, headers, model: body.model, upstreamKey: upstreamKey(request) };
  const answer = context.agent.relay(asked, abortOnDisconnect(reply));
  return (
    answer &&
    sendRelayed(reply, answer, {
      isStream: body.stream === true,
      late: (error) => errorAnswer(error, context.problem(error), request.id).body,
      errorEvent: 'error',
    })
  );
}

/** The request has our tool, or goes on in a container of ours. */
function needsUs({ tools, container }: Readonly<Record<string, unknown>>): boolean {
  return (Array.isArray(tools) && tools.some(isCodeTool)) || (container !== undefined && container !== null);
}
