import type { Frame } from '../../../http/index.ts';
import { errorAnswer } from '../errors.ts';
import type { AnthropicServices } from '../services.ts';
import type { MessageRun } from './run.ts';
import type { WireEvent } from './writer.ts';

/** Clients skip events without a name. */
function frame(event: WireEvent): Frame {
  return { event: event.type, data: event };
}

export const ping: Frame = frame({ type: 'ping' });

/** A message as events. The last one is `message_stop`, or `error` when the message is not complete. */
export async function* framesOf(
  context: AnthropicServices,
  run: MessageRun,
  first: ReturnType<MessageRun['next']>,
  requestId: string,
): AsyncGenerator<Frame> {
  try {
    yield frame({ type: 'message_start', message: run.begun() });
    yield ping;
    for (let event = await first; ; event = await run.next()) {
      if (event.type !== 'end') {
        for await (const told of run.take(event)) yield frame(told);
        continue;
      }
      for await (const told of run.rest()) yield frame(told);
      const { stop_reason, stop_sequence, stop_details, container, usage } = await run.end(event);
      yield frame({ type: 'message_delta', delta: { stop_reason, stop_sequence, stop_details, container }, usage });
      yield frame({ type: 'message_stop' });
      return;
    }
  } catch (error) {
    yield { event: 'error', data: errorAnswer(error, context.problem(error), requestId).body };
  } finally {
    await run.close();
  }
}
