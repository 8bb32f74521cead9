import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { jsonPieces, pieceLength, within } from '../core/index.ts';

/** One frame of an event stream. */
export interface Frame {
  /** Its name; absent: the frame has only data. */
  readonly event?: string | undefined;
  /** A client that reconnects sends it as `Last-Event-ID`. */
  readonly id?: string | undefined;
  /** Sent as JSON; a string as it is. */
  readonly data: unknown;
}

const keepAliveMs = 15_000;
/** Bytes that may wait for a slow reader before the source has to wait. */
const maxWaitingBytes = 64 * 1024;

/**
 * Answers with an event stream: each frame is sent as it comes, and `keepAlive`, or else a comment, after a while without one. When the caller
 * leaves, the source ends by its `return`, at the latest when it next yields: a source that waits long must also end on
 * `abortOnDisconnect`. A source must not throw: what goes wrong in the middle is a frame of its own.
 *
 * Bytes among the frames belong to a stream that another service has written. They may end inside a frame.
 */
export function sendEvents(
  reply: FastifyReply,
  frames: AsyncIterable<Frame | Uint8Array>,
  keepAlive?: Frame,
): FastifyReply {
  reply.header('content-type', 'text/event-stream; charset=utf-8');
  reply.header('cache-control', 'no-cache');
  // Tells proxies such as nginx not to buffer.
  reply.header('x-accel-buffering', 'no');
  return reply.send(Readable.from(textOf(frames, keepAlive), { objectMode: false, highWaterMark: maxWaitingBytes }));
}

async function* textOf(
  frames: AsyncIterable<Frame | Uint8Array>,
  keepAlive: Frame | undefined,
): AsyncGenerator<string | Uint8Array> {
  const quiet = keepAlive ? frameText(keepAlive) : ': keep-alive\n\n';
  const source = frames[Symbol.asyncIterator]();
  // The end of the foreign bytes written last: a comment may only stand between two frames.
  let tail = '\n\n';
  try {
    for (let next = source.next(); ; ) {
      const result = await within(next, keepAliveMs);
      if (result === undefined) {
        if (/(?:\n\n|\r\n\r\n)$/.test(tail)) yield quiet;
        continue;
      }
      if (result.done) return;
      const { value } = result;
      if (value instanceof Uint8Array) tail = (tail + Buffer.from(value.subarray(-4)).toString('latin1')).slice(-4);
      if (value instanceof Uint8Array) yield value;
      else yield* framePieces(value);
      next = source.next();
    }
  } finally {
    await source.return?.();
  }
}

export function frameText(frame: Frame): string {
  return [...framePieces(frame)].join('');
}

/** A frame in pieces, because the data of one may be many megabytes. */
function* framePieces({ event, id, data }: Frame): Generator<string> {
  let text = `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}data: `;
  // JSON without indentation has no line breaks.
  const pieces = typeof data === 'string' ? [data.replaceAll('\n', '\ndata: ')] : jsonPieces(data);
  for (const piece of pieces) {
    if (text.length >= pieceLength) {
      yield text;
      text = '';
    }
    text += piece;
  }
  yield `${text}\n\n`;
}
