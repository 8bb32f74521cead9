import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';

/** One frame of an event stream. */
export interface Frame {
  /** Its name; without one the frame has data alone. */
  readonly event?: string | undefined;
  /** What a client that comes back names as `Last-Event-ID`. */
  readonly id?: string | undefined;
  /** Sent as JSON; a string as it is. */
  readonly data: unknown;
}

const keepAliveMs = 15_000;
/** Bytes that may wait for a slow reader before the source is held up. */
const maxWaitingBytes = 64 * 1024;

/**
 * Answers with an event stream: each frame leaves as it comes, and a comment whenever nothing did for a while. When the caller
 * leaves, the source is ended by its `return`, at the latest when it next yields: one that waits long must heed `abortOnDisconnect` too. A source must not throw: what goes wrong in the middle is a frame of its own.
 *
 * Bytes among the frames are those of a stream that somebody else has written; they need not end where its frames do.
 */
export function sendEvents(reply: FastifyReply, frames: AsyncIterable<Frame | Uint8Array>): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache');
  // Tells nginx and those like it not to hold anything back.
  reply.header('x-accel-buffering', 'no');
  return reply.send(Readable.from(textOf(frames), { objectMode: false, highWaterMark: maxWaitingBytes }));
}

async function* textOf(frames: AsyncIterable<Frame | Uint8Array>): AsyncGenerator<string | Uint8Array> {
  const source = frames[Symbol.asyncIterator]();
  // What was written last of somebody else's frames: a comment may only stand between two.
  let tail = '\n\n';
  try {
    for (let next = source.next(); ; ) {
      const result = await orQuiet(next);
      if (result === undefined) {
        if (/(?:\n\n|\r\n\r\n)$/.test(tail)) yield ': keep-alive\n\n';
        continue;
      }
      if (result.done) return;
      const { value } = result;
      if (value instanceof Uint8Array) tail = (tail + Buffer.from(value.subarray(-4)).toString('latin1')).slice(-4);
      yield value instanceof Uint8Array ? value : frameText(value);
      next = source.next();
    }
  } finally {
    await source.return?.();
  }
}

/** What comes next, or undefined when nothing does for a while. */
async function orQuiet<T>(next: Promise<T>): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, keepAliveMs, undefined);
  try {
    return await Promise.race([next, promise]);
  } finally {
    clearTimeout(timer);
  }
}

export function frameText({ event, id, data }: Frame): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  const name = event === undefined ? '' : `event: ${event}\n`;
  const place = id === undefined ? '' : `id: ${id}\n`;
  return `${name}${place}${text
    .split('\n')
    .map((line) => `data: ${line}\n`)
    .join('')}\n`;
}
