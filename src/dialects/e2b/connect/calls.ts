import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DragomanError, type RateClass, within } from '../../../core/index.ts';
import { abortOnDisconnect, parse } from '../../../http/index.ts';
import { envdPort, inside } from '../address.ts';
import { type Reached, reach } from '../reach.ts';
import type { E2BServices } from '../services.ts';
import { ConnectError, connectError, registerConnectErrors } from './errors.ts';
import { endFrame, frame, framesOf } from './frames.ts';

/** How long the first message of a stream may take to arrive. */
const firstFrameMs = 5000;
/** A stream on which nothing moves is closed after a minute. */
const longestQuietMs = 50_000;
const maxWaitingBytes = 64 * 1024;
const streamType = 'application/connect+json';

/** What a handler of a call gets. */
export interface Call<Message> {
  readonly message: Message;
  readonly reached: Reached;
  /** Aborts when the caller leaves. */
  readonly gone: AbortSignal;
  /** How long the caller waits, in milliseconds; undefined: without an end. */
  readonly timeoutMs: number | undefined;
}

interface Method<S extends z.ZodType> {
  /** `package.Service/Method` */
  readonly name: string;
  readonly rateClass: RateClass;
  readonly schema: S;
}

/** Serves calls of Connect in JSON, which is all that the clients of this API speak. */
export class ConnectCalls {
  readonly #app: FastifyInstance;
  readonly #services: E2BServices;

  /** @param app a scope of its own */
  constructor(app: FastifyInstance, services: E2BServices) {
    this.#app = app;
    this.#services = services;
    registerConnectErrors(app);
    app.addContentTypeParser(streamType, (_request, payload, done) => done(null, payload));
  }

  /** A call with one message and one answer. */
  unary<S extends z.ZodType>(method: Method<S>, handle: (call: Call<z.output<S>>) => Promise<object>): void {
    this.#route(method, async (request, reply) => {
      checkUser(request);
      const reached = await reach(this.#services, idOf(request));
      if (request.body instanceof Readable)
        throw new ConnectError('invalid_argument', `this method takes one message, as application/json`);
      const message = checked(method.schema, request.body ?? {});
      return handle({ message, reached, ...circumstances(request, reply) });
    });
  }

  /** A call with one message that is answered by a stream. What goes wrong ends the stream. */
  stream<S extends z.ZodType>(
    method: Method<S>,
    handle: (call: Call<z.output<S>>) => AsyncIterable<object>,
    keepAlive: object,
  ): void {
    this.#route(method, async (request, reply) => {
      const reached = await reach(this.#services, idOf(request));
      const bytes = streamOf(request);
      const first = await inTime(firstFrameMs, framesOf(bytes).next());
      // What may follow belongs to no message.
      bytes.on('error', () => {}).resume();
      const work = async function* () {
        checkUser(request);
        if (first.done) throw new ConnectError('invalid_argument', 'the stream holds no message');
        const message = checked(method.schema, first.value);
        yield* handle({ message, reached, ...circumstances(request, reply) });
      };
      return sendFrames(reply, work(), keepAlive, quietOf(request));
    });
  }

  /** A call with a stream of messages and one answer, told as a stream. */
  clientStream<S extends z.ZodType>(
    method: Method<S>,
    handle: (messages: AsyncIterable<z.output<S>>, call: Omit<Call<unknown>, 'message'>) => Promise<object>,
  ): void {
    this.#route(method, async (request, reply) => {
      const reached = await reach(this.#services, idOf(request));
      const bytes = streamOf(request);
      const messages = async function* () {
        for await (const message of framesOf(bytes)) yield checked(method.schema, message);
      };
      const work = async function* () {
        checkUser(request);
        yield await handle(messages(), { reached, ...circumstances(request, reply) });
      };
      const ended = work();
      reply.raw.once('close', () => bytes.on('error', () => {}).resume());
      return sendFrames(reply, ended, undefined, longestQuietMs);
    });
  }

  #route(
    { name, rateClass }: Pick<Method<z.ZodType>, 'name' | 'rateClass'>,
    handler: (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
  ): void {
    this.#app.post(
      `${inside}/:sandbox_id/${envdPort}/${name}`,
      { config: { rateClass, isUndescribed: true } },
      async (request, reply) => {
        const coding = request.headers['content-encoding'] ?? 'identity';
        if (coding !== 'identity')
          throw new ConnectError('unimplemented', `messages in ${coding.slice(0, 32)} are not accepted`);
        return handler(request, reply);
      },
    );
  }
}

const idOf = ({ params }: FastifyRequest) => (params as { sandbox_id: string }).sandbox_id;

/** Names a user of the sandbox, of which there is one. It is no credential. @throws ConnectError unauthenticated */
function checkUser({ headers: { authorization } }: FastifyRequest): void {
  const [, encoded] = /^basic +(\S+) *$/i.exec(authorization ?? '') ?? [];
  if (encoded !== undefined) checkUserName(Buffer.from(encoded, 'base64').toString().split(':')[0]!);
}

/** @throws ConnectError unauthenticated */
function checkUserName(name: string): void {
  if (name !== '' && name !== 'user')
    throw new ConnectError('unauthenticated', `invalid username: '${name.slice(0, 64)}'`);
}

function checked<S extends z.ZodType>(schema: S, message: unknown): z.output<S> {
  return parse(schema, message);
}

function circumstances(request: FastifyRequest, reply: FastifyReply) {
  const text = request.headers['connect-timeout-ms'];
  const ms = typeof text === 'string' && /^\d{1,10}$/.test(text) ? Number(text) : 0;
  return { gone: abortOnDisconnect(reply), timeoutMs: ms > 0 ? ms : undefined };
}

/** @throws ConnectError for a body that is no stream */
function streamOf({ body }: FastifyRequest): Readable {
  if (body instanceof Readable) return body;
  throw new ConnectError('invalid_argument', `this method takes a stream, as ${streamType}`);
}

/** How long a stream may be silent before the caller wants to hear of it. */
function quietOf({ headers }: FastifyRequest): number {
  const seconds = Number(headers['keepalive-ping-interval']);
  return Number.isInteger(seconds) && seconds > 0 ? Math.min(seconds * 1000, longestQuietMs) : longestQuietMs;
}

function sendFrames(
  reply: FastifyReply,
  messages: AsyncIterable<object>,
  keepAlive: object | undefined,
  quietMs: number,
): FastifyReply {
  reply.header('content-type', streamType).header('cache-control', 'no-cache').header('x-accel-buffering', 'no');
  const bytes = bytesOf(messages, keepAlive, quietMs);
  return reply.send(Readable.from(bytes, { objectMode: false, highWaterMark: maxWaitingBytes }));
}

async function* bytesOf(
  messages: AsyncIterable<object>,
  keepAlive: object | undefined,
  quietMs: number,
): AsyncGenerator<Buffer> {
  const source = messages[Symbol.asyncIterator]();
  try {
    for (let next = source.next(); ; ) {
      const result = keepAlive ? await within(next, quietMs) : await next;
      if (result === undefined) {
        yield frame(keepAlive!);
        continue;
      }
      if (result.done) break;
      yield frame(result.value);
      next = source.next();
    }
    yield endFrame();
  } catch (error) {
    yield endFrame(connectError(error));
  } finally {
    await source.return?.();
  }
}

async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new DragomanError('body_timeout')), ms);
  work.catch(() => {});
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
