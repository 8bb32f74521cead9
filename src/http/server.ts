import type { IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, Socket } from 'node:net';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import {
  DragomanError,
  type HeldBytesLimits,
  type Logger,
  type Metrics,
  newId,
  noTraces,
  type Plans,
  type Principal,
  planOf,
  type RateClass,
  type Traces,
} from '../core/index.ts';
import type { FaultLog, RunnerInfo, Shares, SignIns } from '../service/index.ts';
import { readAddress } from './address.ts';
import { boundAnswers, usualAnswerLimits } from './answers.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import { boundConnections } from './connection-shares.ts';
import type { Dialect } from './dialect.ts';
import { announceErrorsIn, errorAnnouncer, handleErrors } from './error-handling.ts';
import { addPages } from './face/pages.ts';
import { addShared } from './face/shared.ts';
import { addSignIn } from './face/sign-in.ts';
import type { StartCode } from './face/start-code.ts';
import { identifyOperator } from './identify-operator.ts';
import { acceptJson } from './json-body.ts';
import { KnownCallers, networkOf, presentedBy, type Rate, usualOpenRate } from './known-callers.ts';
import { describeRoutes } from './openapi.ts';
import { addOperatorRoutes, type MetricsPage } from './operator-routes.ts';
import { problemBody, problemOf } from './problems.ts';
import { RateLimiter } from './rate-limiter.ts';
import { addReferencePage } from './reference/page.ts';
import { observeRequest } from './request-log.ts';
import { SlowReaders } from './slow-readers.ts';
import { acceptSockets, isUpgrade, Sockets } from './sockets/sockets.ts';
import { traceRequests } from './trace-requests.ts';

/** Deadlines of the connection itself, in milliseconds. */
interface ConnectionTimeouts {
  /** For the head of a request, from the moment the connection opens or the former request ends. */
  readonly headersMs: number;
  /** How long a connection without a request stays open. */
  readonly keepAliveMs: number;
  /** How long a caller may leave an answer unread before its connection is closed. */
  readonly unreadMs: number;
  /** The slowest reading of an answer that takes longer than `unreadMs`. */
  readonly readBytesPerSecond: number;
  /** How long after its own deadline a late request is cut off, so that a dialect can answer it first. */
  readonly graceMs: number;
  /** How often heads and requests are checked for being late. */
  readonly checkEveryMs: number;
  /** How often peers of WebSockets are asked whether they are there. */
  readonly pingEveryMs: number;
}

export interface ServerOptions {
  /** Of the program, for the OpenAPI document. */
  readonly version: string;
  /** Largest JSON body, in bytes. */
  readonly maxBodyBytes: number;
  /** How long a JSON body may take to arrive, in milliseconds. */
  readonly bodyTimeoutMs: number;
  /** How long a request may take to arrive, body included, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** What principals may use; the rates of it. */
  readonly plans: Plans;
  readonly authenticator: Authenticator;
  /** For the routes of operators. */
  readonly runnerInfo: Pick<RunnerInfo, 'health' | 'languages' | 'tiers' | 'usualWallMs'>;
  readonly dialects: readonly Dialect[];
  /** The pages for people; absent: there are none. */
  readonly face?: FaceOptions | undefined;
  readonly metrics: Metrics & MetricsPage;
  /** Remembers requests that failed or were refused. */
  readonly faults?: FaultLog | undefined;
  readonly logger: Logger;
  readonly traces?: Traces;
  /** Milliseconds, for rate limits; only differences matter. */
  readonly clock?: () => number;
  readonly timeouts?: Partial<ConnectionTimeouts>;
  /** Answers that wait to be read, in bytes. */
  readonly answerLimits?: HeldBytesLimits;
  /** How many gateways share the rates of principals and addresses; absent: this one alone. */
  readonly gateways?: () => number;
  /** Requests without a credential, by the address they come from; null for no limit. */
  readonly openRate?: Rate | null;
  /** Connections open at once; one network has three in four of them at most. */
  readonly maxConnections?: number;
}

interface FaceOptions {
  /** Folder of the built pages. */
  readonly directory: string;
  readonly signIns: SignIns;
  /** Copies that links open; undefined: sharing is off. */
  readonly shares?: Shares | undefined;
  readonly startCode?: StartCode | undefined;
}

/** The HTTP face of the service. */
export interface Server {
  /** Routes can be added until `start`. */
  readonly app: FastifyInstance;
  /**
   * Listens; port 0 takes any free one. Returns where.
   * @throws Error when token keys cannot be read or the address is taken
   */
  start(host: string, port: number): Promise<{ readonly host: string; readonly port: number }>;
  /** Refuses new requests, lets running ones finish, and closes what is left after `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** Half of the descriptors that a process usually has: the rest is for files and sandboxes. */
const usualConnections = 10_000;

const defaultTimeouts: ConnectionTimeouts = {
  headersMs: 10_000,
  keepAliveMs: 72_000,
  unreadMs: 60_000,
  readBytesPerSecond: 16 * 1024,
  graceMs: 5_000,
  checkEveryMs: 2_000,
  pingEveryMs: 30_000,
};

/** Builds the server; nothing listens before `start`. */
export function createServer(options: ServerOptions): Server {
  const { authenticator, runnerInfo, dialects, metrics, logger, traces = noTraces } = options;
  const { clock = () => performance.now() } = options;
  const timeouts = { ...defaultTimeouts, ...options.timeouts };
  const limiter = new RateLimiter(clock, options.gateways);
  const slowReaders = new SlowReaders({
    graceMs: timeouts.unreadMs,
    bytesPerSecond: timeouts.readBytesPerSecond,
    checkEveryMs: timeouts.checkEveryMs,
  });
  const { openRate = usualOpenRate } = options;
  const known = new KnownCallers({ authenticator, clock, rate: openRate, gateways: options.gateways });
  const sockets = new Sockets({
    clock,
    checkEveryMs: timeouts.pingEveryMs,
    authenticate: (request) => authenticator.authenticate(presentedBy(request)),
  });
  const tokenPrefixes = dialects.flatMap(({ tokenPrefix }) => tokenPrefix ?? []);
  let isClosing = false;

  const app = fastify({
    requestTimeout: options.uploadTimeoutMs + timeouts.graceMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    http: {
      headersTimeout: timeouts.headersMs,
      connectionsCheckingInterval: timeouts.checkEveryMs,
      shouldUpgradeCallback: isUpgrade,
    },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    routerOptions: { maxParamLength: 512 },
    genReqId: ({ headers }) => requestId(headers['x-request-id']),
    rewriteUrl: (request) => {
      const address = readAddress(request.url ?? '/', tokenPrefixes);
      // The framework would keep the address as it came, with the key in it.
      Object.assign(request, { address, originalUrl: address.shown });
      const { url, shown } = address;
      for (const { readdress } of dialects) {
        const other = readdress?.({ headers: request.headers, url, shown });
        if (other !== undefined) return other;
      }
      return url;
    },
    frameworkErrors: (error, request, reply: FastifyReply) => {
      observeRequest(request, reply, logger, metrics);
      const problem = problemOf(error);
      reply.code(problem.status).header('x-request-id', request.id).send(problemBody(problem));
    },
  });
  boundConnections(app.server, options.maxConnections ?? usualConnections, networkOf);
  app.addConstraintStrategy(dialectConstraint(dialects));
  app.removeContentTypeParser('text/plain');
  acceptJson(app, { maxBytes: options.maxBodyBytes, timeoutMs: options.bodyTimeoutMs });
  app.decorateRequest('principal', null as unknown as Principal);
  boundAnswers(app, options.answerLimits ?? usualAnswerLimits);
  const announce = errorAnnouncer({ logger, faults: options.faults });
  handleErrors(app, dialects, announce);

  let underWay = 0;
  // Node does not count a connection that never sent a request as idle; clients open such connections ahead of need.
  const closeIfDone = () => {
    if (isClosing && underWay === 0) app.server.closeAllConnections();
  };
  app.addHook('onRequest', (request, reply, done) => {
    observeRequest(request, reply, logger, metrics);
    underWay++;
    reply.raw.once('close', () => {
      underWay--;
      closeIfDone();
    });
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    done(isClosing ? new DragomanError('shutting_down') : undefined);
  });
  if (traces !== noTraces) traceRequests(app, traces);
  acceptSockets(app, sockets, metrics);
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (isClosing) reply.header('connection', 'close');
    // From now on the socket is idle only while the caller does not read. The next request lifts the limit.
    const { socket } = request.raw;
    if (socket instanceof Socket) socket.setTimeout(timeouts.unreadMs);
    slowReaders.watch(reply.raw);
    done();
  });

  const who = async (dialect: Dialect, request: FastifyRequest): Promise<Principal> =>
    (await dialect.identify?.(request)) ?? (await authenticator.authenticate(presentedBy(request)));
  const identify =
    (dialect: Dialect) =>
    (request: FastifyRequest, reply: FastifyReply, done: () => void): Promise<void> | undefined => {
      const { operation, isOpen, rateClass } = request.routeOptions.config;
      if (operation?.open || isOpen) return known.limit(request);
      const identified = (principal: Principal) => {
        request.principal = principal;
        // Most wires have no room for it in their bodies.
        reply.header('x-dragoman-isolation', planOf(options.plans, principal).tier);
        if (rateClass) admit(request, rateClass);
      };
      // Most requests come with a key that is known: such a one waits for nothing.
      const principal = dialect.identify ? undefined : authenticator.known(presentedBy(request));
      if (!principal) return who(dialect, request).then(identified);
      identified(principal);
      done();
      return undefined;
    };
  const admit = ({ principal }: FastifyRequest, rateClass: RateClass) => {
    const wait = limiter.take(principal.id, planOf(options.plans, principal).rates, rateClass);
    if (wait > 0)
      throw new DragomanError('rate_limited', {
        message: `Too many requests; try again in ${wait} s.`,
        retryAfterSeconds: wait,
      });
  };
  app.decorateRequest('admit', function (this: FastifyRequest, rateClass: RateClass) {
    admit(this, rateClass);
  });
  const admitByRate = async (request: FastifyRequest) => {
    const { rateClass } = request.routeOptions.config;
    if (rateClass) admit(request, rateClass);
  };

  const { admitOpen, admitOperator } = known;
  describeRoutes(app, options.version, admitOpen);
  addReferencePage(app, { title: 'Dragoman API', document: '../openapi.json' }, admitOpen);
  addOperatorRoutes(app, { runnerInfo, metrics, limit: known.limit, admit: admitOperator });
  const { face } = options;
  if (face) {
    const { plans, version } = options;
    if (face.shares) addShared(app, face.shares, known.limit);
    addPages(app, { directory: face.directory, admit: admitOpen });
    addSignIn(app, {
      ...face,
      authenticator,
      runnerInfo,
      plans,
      version,
      limiter: new RateLimiter(clock, options.gateways),
    });
  }
  for (const dialect of dialects) {
    app.register(async (scope) => {
      if (dialect.isForOperators) {
        scope.addHook('onRequest', identifyOperator(authenticator));
        scope.addHook('onRequest', admitByRate);
      } else scope.addHook('onRequest', identify(dialect));
      announceErrorsIn(scope, announce);
      scope.addHook('onRoute', ({ config }) => {
        if (config?.operation && dialect.title !== undefined) config.dialect = dialect.title;
        if (config && dialect.isDescribedElsewhere) config.isUndescribed = true;
      });
      await dialect.register(scope);
    });
  }

  return {
    app,
    async start(host, port) {
      await authenticator.start();
      known.listensOn(host);
      slowReaders.start();
      sockets.start();
      await app.listen({ host, port }).catch((cause) => Promise.reject(notListening(host, port, cause)));
      return { host, port: (app.server.address() as AddressInfo).port };
    },
    async close(deadlineMs) {
      isClosing = true;
      slowReaders.close();
      sockets.close(deadlineMs);
      closeIfDone();
      const deadline = setTimeout(() => app.server.closeAllConnections(), deadlineMs);
      await app.close().finally(() => clearTimeout(deadline));
    },
  };
}

/** Routes requests by the dialect that claims them, where several dialects have an address. */
function dialectConstraint(dialects: readonly Dialect[]) {
  return {
    name: 'dialect',
    mustMatchWhenDerived: false,
    storage: () => {
      const handlers = new Map<unknown, never>();
      return {
        get: (name: unknown) => handlers.get(name) ?? null,
        set: (name: unknown, handler: never) => void handlers.set(name, handler),
      };
    },
    deriveConstraint: ({ headers }: { readonly headers: IncomingHttpHeaders }) =>
      dialects.find((dialect) => dialect.claims?.(headers))?.name,
    validate() {},
  };
}

/** Says what an operator can do about it. */
function notListening(host: string, port: number, cause: NodeJS.ErrnoException): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: `port ${port} of ${host} is taken by another program: end it, or choose another DRAGOMAN_PORT`,
    EACCES: `port ${port} may not be opened by this user: choose another DRAGOMAN_PORT`,
    EADDRNOTAVAIL: `${host} is no address of this machine: choose another DRAGOMAN_HOST`,
  };
  const message = reasons[cause.code ?? ''];
  return message === undefined ? cause : new DragomanError('invalid_request', { message, cause });
}

/** Keeps the caller's id of the request if it is harmless in a log and a header. */
function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : newId();
}
