import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Relayed, RelayedRequest } from '../../agent/index.ts';
import { abortOnDisconnect, type Frame, sendEvents } from '../../http/index.ts';
import { errorAnswer } from './errors.ts';
import type { OpenAIServices } from './services.ts';
import { upstreamKey } from './upstream-key.ts';

/** How long a stream waits for the provider before it begins. A failure until then has an HTTP status of its own. */
const patienceMs = 5000;

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
  if (!answer) return undefined;
  const isStream = body.stream === true;
  const come = await (isStream ? Promise.race([answer, sleep(patienceMs, undefined, { ref: false })]) : answer);
  if (come?.mayBeElsewhere) return undefined;
  if (come) reply.code(come.status).headers(come.headers);
  if (come && !isEvents(come)) return reply.send(Readable.from(come.body, { objectMode: false }));
  return sendEvents(reply, frames(context, answer));
}

function isEvents({ status, headers }: Relayed): boolean {
  return status < 300 && /^text\/event-stream\b/.test(headers['content-type'] ?? '');
}

/** The provider's stream. A failure after our stream has begun is an event of it. */
async function* frames(context: OpenAIServices, answer: Promise<Relayed>): AsyncGenerator<Frame | Uint8Array> {
  try {
    const come = await answer;
    if (isEvents(come)) yield* come.body;
    else yield { data: JSON.parse(await text(Readable.from(come.body))) };
  } catch (error) {
    yield { data: errorAnswer(error, context.problem(error)).body };
  }
}
