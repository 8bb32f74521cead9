import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError, HeldBytes } from '../core/index.ts';
import { JsonParser } from './json-parser.ts';

export interface JsonBodyOptions {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** How long one may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
}

/** How many bodies of the largest size one principal, and all together, may send at once. */
const largestPerPrincipal = 2;
const largestInAll = 8;

/**
 * Reads JSON bodies: bounded in size, in the time they take to arrive, in what they cost to parse, and in the memory one
 * principal and all together may hold until they are answered. Keys that could poison a prototype are left out. An empty body is
 * no body, whatever type it is said to have.
 */
export function acceptJson(app: FastifyInstance, options: JsonBodyOptions): void {
  const { maxBytes } = options;
  const parser = new JsonParser();
  app.addHook('onClose', () => parser.close());
  const limits = { perPrincipal: largestPerPrincipal * maxBytes, total: largestInAll * maxBytes };
  const memory = new HeldBytes(limits, 'Too much is being sent at once.');
  const responses = new WeakMap<IncomingMessage, ServerResponse>();
  app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const length = headers['content-length'];
    if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined))
      delete headers['content-type'];
    done();
  });
  app.addHook('preParsing', (request, reply, _payload, done) => {
    responses.set(request.raw, reply.raw);
    done();
  });
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', async ({ principal, raw }: FastifyRequest, payload: IncomingMessage) => {
    // Only routes behind authentication read bodies.
    if (!principal) return undefined;
    let held = 0;
    responses.get(raw)!.once('close', () => memory.give(principal.id, held));
    const body = await readWithin(payload, options, (bytes) => {
      memory.take(principal.id, bytes);
      held += bytes;
    });
    return body.length === 0 ? undefined : parser.parse(body, principal.id);
  });
}

/** @throws DragomanError too_large, body_timeout, cancelled; what `account` throws */
function readWithin(
  payload: IncomingMessage,
  { maxBytes, timeoutMs }: JsonBodyOptions,
  account: (bytes: number) => void,
): Promise<Buffer> {
  const tooLarge = () => new DragomanError('too_large', { message: 'The request body is too large.' });
  if (Number(payload.headers['content-length']) > maxBytes) return Promise.reject(tooLarge());
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: Buffer) => {
    try {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
      account(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      reject(error);
    }
  };
  let isOver = false;
  const end = () => {
    isOver = true;
    resolve(Buffer.concat(chunks, length));
  };
  const gone = () => {
    // Every request is closed one day: an error with its stack costs too much to make it for nothing.
    if (!isOver) reject(new DragomanError('cancelled'));
  };
  const timer = setTimeout(() => reject(new DragomanError('body_timeout')), timeoutMs);
  payload.on('data', take).once('end', end).once('error', gone).once('close', gone);
  return promise.finally(() => {
    isOver = true;
    clearTimeout(timer);
    payload.off('data', take).off('end', end).off('close', gone);
  });
}
