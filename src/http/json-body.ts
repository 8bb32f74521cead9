import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { DragomanError, isCheapJson } from '../core/index.ts';
import { BodyMemory } from './body-memory.ts';

export interface JsonBodyOptions {
  /** Largest body, in bytes. */
  readonly maxBytes: number;
  /** How long one may take to arrive, in milliseconds. */
  readonly timeoutMs: number;
}

/** Bodies of the largest size that one principal may have under way, and all principals together. */
const largestPerPrincipal = 2;
const largestInAll = 8;

/**
 * Reads JSON bodies: bounded in size, in the time they take to arrive, in what they cost to parse, and in the memory one
 * principal and all together may hold until they are answered. Prototype-poisoning keys are left out.
 */
export function acceptJson(app: FastifyInstance, options: JsonBodyOptions): void {
  const { maxBytes } = options;
  const parse = app.getDefaultJsonParser('remove', 'remove');
  const memory = new BodyMemory({ perPrincipal: largestPerPrincipal * maxBytes, total: largestInAll * maxBytes });
  const responses = new WeakMap<IncomingMessage, ServerResponse>();
  app.addHook('preParsing', (request, reply, _payload, done) => {
    responses.set(request.raw, reply.raw);
    done();
  });
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', (request, payload, done) => {
    const { principal, raw } = request;
    // Only routes behind authentication read bodies; an address that does not exist has no use for one.
    if (!principal) return done(null, undefined);
    let held = 0;
    responses.get(raw)!.once('close', () => memory.give(principal.id, held));
    const account = (bytes: number) => {
      memory.take(principal.id, bytes);
      held += bytes;
    };
    readWithin(payload, options, account).then((body) => {
      if (isCheapJson(body)) parse(request, body.toString('utf8'), done);
      else done(new DragomanError('invalid_request', { message: 'The body has too many values, or too deep ones.' }));
    }, done);
  });
}

/** @throws DragomanError too_large, body_timeout, cancelled; whatever `account` throws */
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
  const end = () => resolve(Buffer.concat(chunks, length));
  // After the end this changes nothing any more.
  const gone = () => reject(new DragomanError('cancelled'));
  const timer = setTimeout(() => reject(new DragomanError('body_timeout')), timeoutMs);
  payload.on('data', take).once('end', end).once('error', gone).once('close', gone);
  return promise.finally(() => {
    clearTimeout(timer);
    payload.off('data', take).off('end', end).off('close', gone);
  });
}
