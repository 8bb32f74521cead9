import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import { type Frame, jsonWithHeartbeat, sendEvents } from '../../../http/index.ts';
import type { NumberedWireEvent } from './events.ts';
import type { ResponseObject } from './response.ts';
import type { Responses } from './responses.ts';
import type { ResponseRun } from './run.ts';

/** How a response is told to whoever asked for it. */
export interface Delivery {
  readonly stream: boolean;
  frame(event: NumberedWireEvent): Frame;
  whole(response: ResponseObject): unknown;
  /** How long nothing may be sent: proxies and clients give up on what is silent. A stream begins then although the model has not. */
  readonly quietMs: number;
}

export const defaultQuietMs = 10_000;

/**
 * Lets a response go on to its end, and answers with it as it comes, when it has ended, or at once when it is made in the
 * background. The caller's leaving ends it unless it is that.
 * @throws DragomanError when the model could not begin
 */
export async function deliver(
  responses: Responses,
  run: ResponseRun,
  reply: FastifyReply,
  gone: AbortSignal,
  { stream, frame, whole, quietMs }: Delivery,
): Promise<unknown> {
  const { background } = run.response;
  if (background) responses.follow(run);
  else {
    // Nobody would hear of it.
    gone.addEventListener('abort', () => run.cancel(), { once: true });
    if (gone.aborted) run.cancel();
    // Until the model has begun, a failure is an answer of its own, which the client may try again.
    await (stream ? Promise.race([run.begun, sleep(quietMs, undefined, { ref: false })]) : run.begun);
    responses.follow(run);
  }
  if (stream) return sendEvents(reply, framesOf(run.log.read(-1, gone), frame));
  if (background) return whole(run.response);
  const end = () => whole(run.response);
  return jsonWithHeartbeat(reply, run.finished.then(end), quietMs, end);
}

export async function* framesOf(
  events: AsyncIterable<NumberedWireEvent>,
  frame: Delivery['frame'],
): AsyncGenerator<Frame> {
  for await (const event of events) yield frame(event);
}
