import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';
import type { AssistantRoom, ResponseEvent, ResponseRun, ResponseState } from '../../../assistant/index.ts';
import { type Frame, jsonWithHeartbeat, sendEvents } from '../../../http/index.ts';
import type { NumberedWireEvent } from './events.ts';
import { WireEvents } from './wire-events.ts';

/** How a response is told to the client that asked for it. */
export interface Delivery {
  readonly stream: boolean;
  /** Whether its events have the outputs of code. */
  readonly withOutputs: boolean;
  frame(event: NumberedWireEvent): Frame;
  whole(response: ResponseState): unknown;
  /**
   * How long nothing may be sent, in milliseconds: proxies and clients give up on silence. After that a stream begins although the
   * model has not.
   */
  readonly quietMs: number;
}

export const defaultQuietMs = 10_000;

/**
 * Lets a response go on to its end, and answers with its events, with the whole when it has ended, or at once when it is made in
 * the background. A response in the foreground ends when its client leaves.
 * @throws DragomanError when the model could not begin
 */
export async function deliver(
  { responses }: AssistantRoom,
  run: ResponseRun,
  reply: FastifyReply,
  gone: AbortSignal,
  delivery: Delivery,
): Promise<unknown> {
  const { stream, whole, quietMs } = delivery;
  const { background } = run.response;
  if (background) responses.follow(run);
  else {
    gone.addEventListener('abort', () => run.cancel(), { once: true });
    if (gone.aborted) run.cancel();
    // Until the model has begun, a failure is an answer of its own, and the client may try again.
    await (stream ? Promise.race([run.begun, sleep(quietMs, undefined, { ref: false })]) : run.begun);
    responses.follow(run);
  }
  if (stream) return sendEvents(reply, framesOf(run.events(gone), delivery));
  if (background) return whole(run.response);
  const end = () => whole(run.response);
  return jsonWithHeartbeat(reply, run.finished.then(end), quietMs, end);
}

/** @param after only events with a higher number of the stream */
export async function* framesOf(
  events: AsyncIterable<ResponseEvent>,
  { frame, withOutputs }: Pick<Delivery, 'frame' | 'withOutputs'>,
  after = -1,
): AsyncGenerator<Frame> {
  const wire = new WireEvents(withOutputs);
  for await (const event of events)
    for (const told of wire.of(event)) if (told.sequence_number > after) yield frame(told);
}
