import type { FastifyInstance } from 'fastify';
import { HeldBytes, type HeldBytesLimits, jsonLength, jsonPieces, pieceLength } from '../core/index.ts';
import { PieceStream } from './piece-stream.ts';

/** Answers that wait to be read, in bytes, unless a server has other limits. */
export const usualAnswerLimits: HeldBytesLimits = { perPrincipal: 128 * 1024 * 1024, total: 512 * 1024 * 1024 };

const aboutTheRefused = ['content-type', 'content-disposition', 'content-length', 'etag', 'location'];

/**
 * Bounds what is sent and not yet read. Large JSON is streamed in pieces. What an answer holds counts for its principal, and for
 * all together, until the answer is read; over a limit it is 429 or 503 instead. Small answers are not counted.
 */
export function boundAnswers(app: FastifyInstance, limits: HeldBytesLimits): void {
  const held = new HeldBytes(limits, 'Too many answers wait to be read. Read them, then try again.');
  app.setReplySerializer((payload) => {
    const length = jsonLength(payload);
    if (length <= pieceLength) return JSON.stringify(payload);
    // Fastify sends what a serializer returns, a stream too; only its type says string.
    return new PieceStream(jsonPieces(payload), length) as unknown as string;
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    const { principal } = request;
    const bytes = heldBy(payload);
    // Without a principal there are only small answers and buffers that all callers share.
    if (!principal || bytes <= pieceLength) return done();
    try {
      held.take(principal.id, bytes);
    } catch (error) {
      for (const name of aboutTheRefused) reply.removeHeader(name);
      return done(error as Error);
    }
    if (payload instanceof PieceStream) payload.owner = principal.id;
    reply.raw.once('close', () => held.give(principal.id, bytes));
    done();
  });
}

function heldBy(payload: unknown): number {
  if (payload instanceof PieceStream) return payload.held;
  return typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
}
