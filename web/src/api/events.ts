import { createParser } from 'eventsource-parser';
import { ApiError, type CallOptions, send } from './http.ts';

export interface StreamEvent {
  readonly event: string;
  /** Parsed JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: each stream has its own events
  readonly data: any;
  readonly id: string | undefined;
}

/** A comment comes every 15 seconds: after twice that the connection is dead. */
const silenceMs = 35_000;

/**
 * Reads an event stream to its end. Returns false when there was nothing to read (204).
 * @throws ApiError; status 0 when the connection broke or fell silent
 */
export async function readStream(
  method: string,
  path: string,
  options: CallOptions,
  onEvent: (event: StreamEvent) => void,
): Promise<boolean> {
  const silent = new AbortController();
  const abort = options.signal ? AbortSignal.any([options.signal, silent.signal]) : silent.signal;
  const response = await send(method, path, {
    ...options,
    signal: abort,
    headers: { accept: 'text/event-stream', ...options.headers },
  });
  if (response.status === 204 || !response.body) return false;
  const parser = createParser({
    onEvent: ({ event, data, id }) => {
      if (data !== '[DONE]') onEvent({ event: event ?? 'message', data: JSON.parse(data), id });
    },
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), silenceMs);
      const { done, value } = await reader.read();
      if (done) return true;
      parser.feed(value);
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, 'The connection broke.');
  } finally {
    clearTimeout(timer);
  }
}

/** Follows a stream that does not end: connects again when it breaks, until `signal` aborts. */
export async function keepReading(
  path: string,
  signal: AbortSignal,
  onEvent: (event: StreamEvent) => void,
): Promise<void> {
  for (let wait = 500; !signal.aborted; wait = Math.min(8000, wait * 2)) {
    try {
      await readStream('GET', path, { signal }, (event) => {
        wait = 500;
        onEvent(event);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && [401, 404, 410].includes(error.status)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}
