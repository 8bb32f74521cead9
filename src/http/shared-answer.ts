import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pieceLength } from '../core/index.ts';
import { PieceStream } from './piece-stream.ts';

/** An answer that is the same for all callers: made and compressed once, and every answer sends the same buffers. */
export interface SharedAnswer {
  readonly type: string;
  readonly plain: Buffer;
  readonly gzipped: Buffer;
  readonly etag: string;
}

const compress = promisify(gzip);

/** Compresses in a thread of libuv. */
export async function makeSharedAnswer(type: string, bytes: Uint8Array): Promise<SharedAnswer> {
  const plain = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const digest = createHash('sha256').update(plain).digest('hex');
  return { type, plain, gzipped: await compress(plain, { level: 9 }), etag: `"${digest}"` };
}

export function sendShared(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: SharedAnswer,
  cacheControl = 'no-cache',
): FastifyReply {
  const { type, plain, gzipped, etag } = answer;
  reply.header('etag', etag).header('cache-control', cacheControl).header('vary', 'accept-encoding');
  if (request.headers['if-none-match'] === etag) return reply.code(304).send();
  reply.type(type);
  if (!acceptsGzip(request.headers['accept-encoding'])) return sendPieces(reply, plain);
  return sendPieces(reply.header('content-encoding', 'gzip'), gzipped);
}

/** A kernel takes megabytes of one buffer at once, and a hundred requests for a page would hold up the event loop. */
function sendPieces(reply: FastifyReply, bytes: Buffer): FastifyReply {
  if (bytes.length <= pieceLength) return reply.send(bytes);
  return reply.header('content-length', bytes.length).send(new PieceStream(piecesOf(bytes), 0));
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength);
}

function acceptsGzip(header: string | string[] | undefined): boolean {
  return String(header ?? '')
    .split(',')
    .some((coding) => /^\s*(?:gzip|\*)\s*(?:;(?!\s*q=0(?:\.0*)?\s*$).*)?$/i.test(coding));
}
