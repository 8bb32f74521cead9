import type { IncomingMessage } from 'node:http';
import fastifyWebsocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { DragomanError, HeldBytes, type Metrics, type RateClass } from '../../core/index.ts';
import { wantsSocket } from '../authentication/credential.ts';
import type { Operation } from '../operation.ts';
import { BoundedSocket, closing, type Socket, type SocketBounds, type SocketListener } from './bounded-socket.ts';

/** Takes over a socket when it is open. */
export type SocketOpener = (socket: Socket) => SocketListener;

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by a socket route before the upgrade: what its socket is handed to. */
    opener: SocketOpener | undefined;
  }
  interface FastifyContextConfig {
    /** The route is a WebSocket. */
    socket?: { readonly bounds: SocketBounds; readonly protocols: readonly string[] };
  }
  interface FastifyInstance {
    sockets: Sockets;
  }
}

declare module 'http' {
  interface IncomingMessage {
    /** Subprotocols of the route, the best one first. */
    protocols?: readonly string[];
    /** When it became a WebSocket, by `performance.now()`. */
    upgradedAt?: number;
  }
}

const usualBounds: SocketBounds = {
  maxMessageBytes: 10 * 1024 * 1024,
  burst: 2000,
  perSecond: 200,
  maxUnsentBytes: 32 * 1024 * 1024,
  unreadMs: 60_000,
  silentMs: 90_000,
};

/** The largest message of any route, in bytes. */
const maxPayload = 16 * 1024 * 1024;
/** A message in more pieces than this closes its socket with 1008. */
const maxFragments = 4096;
/** Sockets open at once: of all, and of one principal. */
const maxSockets = 4000;
const maxOfOne = 400;
const incomingLimits = { perPrincipal: 48 * 1024 * 1024, total: 192 * 1024 * 1024 };
const outgoingLimits = { perPrincipal: 96 * 1024 * 1024, total: 384 * 1024 * 1024 };
/** After goodbye, for the peer to close. */
const closeMs = 2000;

interface SocketsOptions {
  /** Milliseconds; only differences matter. */
  readonly clock: () => number;
  /** How often peers are asked whether they are there, and credentials are looked at again. */
  readonly checkEveryMs: number;
  /** @throws DragomanError unauthorized when the credential of the request is not valid now */
  authenticate(request: FastifyRequest): Promise<unknown>;
}

/** The WebSockets of a server: how many there are, whether their peers live, and their end. */
export class Sockets {
  /** With the request each began as. */
  readonly #open = new Map<BoundedSocket, FastifyRequest>();
  readonly #counts = new Map<string, number>();
  readonly #incoming = new HeldBytes(incomingLimits, 'Too much is being sent at once.');
  readonly #outgoing = new HeldBytes(outgoingLimits, 'Too much waits to be read.');
  readonly #clock: () => number;
  readonly #checkEveryMs: number;
  readonly #authenticate: SocketsOptions['authenticate'];
  #timer: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor({ clock, checkEveryMs, authenticate }: SocketsOptions) {
    this.#clock = clock;
    this.#checkEveryMs = checkEveryMs;
    this.#authenticate = authenticate;
  }

  get count(): number {
    return this.#open.size;
  }

  start(): void {
    this.#timer = setInterval(() => {
      for (const [socket, request] of this.#open) {
        socket.check();
        void this.#checkCredential(socket, request);
      }
    }, this.#checkEveryMs).unref();
  }

  /** A key that was revoked, or a token that is over, ends its sockets. */
  async #checkCredential(socket: BoundedSocket, request: FastifyRequest): Promise<void> {
    try {
      await this.#authenticate(request);
    } catch (error) {
      const isRefused = error instanceof DragomanError && error.code === 'unauthorized';
      if (isRefused) socket.close(closing.policy, 'The credential is no longer valid.');
    }
  }

  /** Says goodbye to all peers, which come back when the service does, and cuts off those that stay. */
  close(deadlineMs: number): void {
    this.#isClosing = true;
    clearInterval(this.#timer);
    for (const socket of this.#open.keys()) socket.close(closing.restart, 'The service ends.');
    setTimeout(() => this.#terminateAll(), Math.min(closeMs, deadlineMs)).unref();
  }

  /** @throws DragomanError rate_limited, overloaded when there are too many */
  checkRoom(owner: string): void {
    if ((this.#counts.get(owner) ?? 0) >= maxOfOne)
      throw new DragomanError('rate_limited', { message: 'Too many WebSockets are open.', retryAfterSeconds: 5 });
    if (this.#open.size >= maxSockets)
      throw new DragomanError('overloaded', { message: 'Too many WebSockets are open.', retryAfterSeconds: 5 });
  }

  take(ws: WebSocket, request: FastifyRequest): void {
    const { principal, raw, opener, routeOptions } = request;
    const owner = principal.id;
    // Several upgrades may have been let in at once.
    if (this.#isClosing || (this.#counts.get(owner) ?? 0) >= maxOfOne) {
      ws.on('error', () => ws.terminate());
      ws.close(this.#isClosing ? closing.restart : closing.policy, 'Too many WebSockets are open.');
      return;
    }
    this.#counts.set(owner, (this.#counts.get(owner) ?? 0) + 1);
    const parts = { ws, connection: raw.socket, owner, clock: this.#clock };
    const shared = { incoming: this.#incoming, outgoing: this.#outgoing };
    const { bounds } = routeOptions.config.socket!;
    const socket = new BoundedSocket({ ...parts, ...shared, bounds }, opener!, () => {
      this.#open.delete(socket);
      const left = this.#counts.get(owner)! - 1;
      if (left > 0) this.#counts.set(owner, left);
      else this.#counts.delete(owner);
    });
    this.#open.set(socket, request);
  }

  #terminateAll(): void {
    for (const socket of this.#open.keys()) socket.terminate();
  }
}

/**
 * Lets routes be WebSockets. A request for one passes the hooks of its scope first, as any request does: who asks, the rate, and
 * what the route itself refuses are answered by a status, and nothing is upgraded then.
 */
export function acceptSockets(app: FastifyInstance, sockets: Sockets, metrics: Metrics): void {
  metrics.gauge('websockets_open', 'WebSockets open now', () => sockets.count);
  app.decorate('sockets', sockets);
  app.decorateRequest('opener', undefined);
  app.register(fastifyWebsocket, {
    options: {
      maxPayload,
      maxFragments,
      perMessageDeflate: false,
      clientTracking: false,
      closeTimeout: closeMs,
      handleProtocols: (offered: Set<string>, request: { protocols?: readonly string[] }) =>
        request.protocols?.find((protocol) => offered.has(protocol)) ?? false,
    } as object,
    // `Sockets` ends them.
    preClose: (done) => done(),
    errorHandler: (_error, socket) => socket.terminate(),
  });
  app.addHook('onRequest', (request, _reply, done) => {
    if (!isUpgrade(request.raw)) return done();
    const isSocket = request.routeOptions.config.socket !== undefined;
    done(isSocket || request.is404 ? undefined : notHere());
  });
}

function notHere() {
  return new DragomanError('invalid_request', { message: 'There is no WebSocket at this address.' });
}

/** Whether Node is to hand a request over for an upgrade. Clients that offer another protocol, as h2c, get a usual answer. */
export function isUpgrade({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && wantsSocket(headers);
}

export interface SocketOptions {
  /** Subprotocols that are spoken, the best one first. None: what a peer offers is not answered. */
  readonly protocols?: readonly string[];
  readonly bounds?: Partial<SocketBounds>;
}

/**
 * Serves a WebSocket.
 * @param accept decides before the upgrade, and returns what the open socket is handed to; throws DragomanError to refuse it
 */
export function addSocket<R extends SocketRoute>(
  app: FastifyInstance,
  route: R,
  accept: (request: FastifyRequest) => SocketOpener | Promise<SocketOpener>,
  { protocols = [], bounds = {} }: SocketOptions = {},
): void {
  const { url, rateClass, operation, isUndescribed } = route;
  app.route({
    method: 'GET',
    url,
    exposeHeadRoute: false,
    config: {
      socket: { protocols, bounds: { ...usualBounds, ...bounds } },
      ...(rateClass ? { rateClass } : {}),
      ...(operation ? { operation } : {}),
      ...(isUndescribed ? { isUndescribed } : {}),
    },
    preHandler: async (request) => {
      if (!request.ws)
        throw new DragomanError('invalid_request', { message: 'This address is a WebSocket: ask for an upgrade.' });
      app.sockets.checkRoom(request.principal.id);
      request.opener = await accept(request);
      request.raw.protocols = protocols;
      request.raw.upgradedAt = performance.now();
    },
    handler: () => {},
    wsHandler: (ws, request) => app.sockets.take(ws, request),
  });
}

export interface SocketRoute {
  readonly url: string;
  readonly rateClass?: RateClass;
  readonly operation?: Operation;
  /** As of the route's configuration. */
  readonly isUndescribed?: true;
}
