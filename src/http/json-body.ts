import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { DragomanError, HeldBytes } from '../core/index.ts';
import { isSmallJson, JsonParser, parseSmall } from './json-parser.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before its body is read. */
    answer: ServerResponse;
  }
}

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
  app.decorateRequest('answer', null as unknown as ServerResponse);
  app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const length = headers['content-length'];
    if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined))
      delete headers['content-type'];
    done();
  });
  app.addHook('preParsing', (request, reply, _payload, done) => {
    request.answer = reply.raw;
    done();
  });
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', (request, payload, done) => {
    const { principal } = request;
    // Only routes behind authentication read bodies.
    if (!principal) return done(null);
    // Who has gone while a key was looked up closes no answer any more, so that nothing would be given back.
    if (request.answer.destroyed) return done(new DragomanError('cancelled'));
    let held = 0;
    const account = (bytes: number) => {
      memory.take(principal.id, bytes);
      // A piece that was refused may be followed by one that is not: it is given back once.
      if (held === 0) request.answer.once('close', () => memory.give(principal.id, held));
      held += bytes;
    };
    const parsed = (body: Buffer) => (body.length === 0 ? undefined : parser.parse(body, principal.id));
    const later = (value: Promise<unknown>) => void value.then((each) => done(null, each), done);
    // A body that came with its head is handed over when this turn is over.
    process.nextTick(() => {
      const body = arrived(payload, options);
      if (!body) return later(readWithin(payload, options, account).then(parsed));
      let value: unknown;
      try {
        account(body.length);
        if (!isSmallJson(body)) return later(parser.parse(body, principal.id));
        value = parseSmall(body);
      } catch (error) {
        return done(error as Error);
      }
      done(null, value);
    });
  });
}

/** A body that is there already, as small ones are; undefined: it has to be waited for. */
function arrived(payload: IncomingMessage, { maxBytes }: JsonBodyOptions): Buffer | undefined {
  const { readableLength } = payload;
  const isWhole = readableLength > 0 && readableLength === Number(payload.headers['content-length']);
  if (!isWhole || readableLength > maxBytes) return undefined;
  const body = payload.read() as Buffer | null;
  // For its end to be noticed.
  payload.resume();
  return body ?? undefined;
}

/** @throws DragomanError too_large, body_timeout, cancelled; what `account` throws */
function readWithin(
  payload: IncomingMessage,
  { maxBytes, timeoutMs }: JsonBodyOptions,
  account: (bytes: number) => void,
): Promise<Buffer> {
  const tooLarge = () => new DragomanError('too_large', { message: 'The request body is too large.' });
  const declared = Number(payload.headers['content-length']);
  if (declared > maxBytes) return Promise.reject(tooLarge());
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;
  const take = (chunk: Buffer) => {
    try {
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
      account(chunk.length);
      chunks.push(chunk);
      if (length === declared) end();
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
