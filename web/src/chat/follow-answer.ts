import { readStream, type StreamEvent } from '../api/events.ts';
import { ApiError, call, isAway, messageOf } from '../api/http.ts';
import type { Answer, WireResponse } from './answer.ts';

const outputs = 'code_interpreter_call.outputs';

/** Asks for an answer and follows it to its end. It is made whether or not this page stays. Never rejects. */
export async function ask(answer: Answer, request: object, onStart: (responseId: string) => void): Promise<void> {
  let isTold = false;
  const take = ({ event, data }: StreamEvent) => {
    answer.take(event, data);
    if (!isTold && answer.responseId !== undefined) {
      isTold = true;
      onStart(answer.responseId);
    }
  };
  const json = { ...request, background: true, stream: true, include: [outputs] };
  try {
    await readStream('POST', '/responses', { json }, take);
  } catch (error) {
    if (answer.responseId === undefined) return answer.fail(messageOf(error));
  }
  await goOn(answer);
}

/** Follows an answer that a page has asked for earlier, or reads it where it has ended. */
export async function take(answer: Answer, responseId: string): Promise<void> {
  answer.responseId = responseId;
  try {
    const response = await call<WireResponse>('GET', `/responses/${responseId}?include=${outputs}`);
    if (response.status !== 'queued' && response.status !== 'in_progress') return answer.restore(response);
  } catch (error) {
    const isGone = error instanceof ApiError && error.status === 404;
    return answer.fail(isGone ? 'This answer is no longer kept.' : messageOf(error));
  }
  await goOn(answer);
}

async function goOn(answer: Answer): Promise<void> {
  for (let wait = 500; !answer.isOver; wait = Math.min(8000, wait * 2)) {
    const path = `/responses/${answer.responseId}?stream=true&starting_after=${answer.last}&include=${outputs}`;
    try {
      await readStream('GET', path, {}, ({ event, data }) => answer.take(event, data));
      if (answer.isOver) return;
      // A stream of a cancelled answer ends without an event of its own.
      const response = await call<WireResponse>('GET', `/responses/${answer.responseId}?include=${outputs}`);
      if (response.status !== 'queued' && response.status !== 'in_progress') return answer.restore(response);
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 503))
        return answer.fail(messageOf(error));
      isAway.value = true;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
