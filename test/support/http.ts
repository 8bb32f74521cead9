import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { onTestFinished } from 'vitest';
import type { Agent } from '../../src/agent/index.ts';
import { DragomanError, type ErrorCode, type Plans, type RateLimits } from '../../src/core/index.ts';
import type { DialectServices } from '../../src/dialects/index.ts';
import {
  type AuthenticatorOptions,
  createAuthenticator,
  createServer,
  type Dialect,
  problemOf,
  type ServerOptions,
} from '../../src/http/index.ts';
import { type Files, type RunnerInfo, SessionTokens } from '../../src/service/index.ts';
import { createLogger, createMetrics } from '../../src/telemetry/index.ts';
import { testLimits } from './engine.ts';
import { notForThis } from './not-for-this.ts';

/** The key every test server knows. */
export const apiKey = 'test-key-c0ffee';

/** One plan without any rate limit; the limits of programs are not what these tests are about. */
export const noRates = { exec: null, upload: null, download: null, list: null };
export const plansWith = (rates: RateLimits): Plans =>
  new Map([
    [
      'default',
      {
        limits: testLimits,
        maxWallMs: 10_000,
        tier: 'namespaces' as const,
        otherTiers: [],
        running: undefined,
        waiting: 10,
        storedBytes: 40_960,
        storedFiles: 100,
        rates,
      },
    ],
  ]);

const unused = () => Promise.reject(new Error('not part of this test'));

/** Stored files for tests that use none. */
const idleFiles: Files = {
  upload: unused,
  find: unused,
  open: unused,
  list: unused,
  delete: unused,
  storage: unused,
};

/** An agent for tests that ask no model. */
const idleAgent: Agent = {
  run: () => {
    throw new Error('not part of this test');
  },
  relay: () => undefined,
  models: async () => [],
};

/** Services for dialects whose routes are not called, or that a test completes. */
export function idleServices(): DialectServices {
  return {
    storedFiles: idleFiles,
    assistant: notForThis('assistant'),
    agent: idleAgent,
    sessions: notForThis('sessions'),
    executions: notForThis('executions'),
    toolRounds: notForThis('toolRounds'),
    namedRequests: notForThis('namedRequests'),
    executionWatch: notForThis('executionWatch'),
    kernels: notForThis('kernels'),
    states: notForThis('states'),
    commands: notForThis('commands'),
    sandboxFiles: notForThis('sandboxFiles'),
    sandboxDomain: undefined,
    sessionTokens: new SessionTokens(Buffer.alloc(32)),
    usage: notForThis('usage'),
    runnerInfo: { languages: async () => [], usualWallMs: async ({ limits }) => limits.wallMs },
    plans: plansWith(noRates),
    mcp: {
      version: '0.0.0',
      secret: Buffer.alloc(32),
      publicUrl: undefined,
      origins: [],
      shownChars: 1000,
      links: true,
    },
    logger: createLogger({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
    previews: notForThis('previews'),
    drafts: notForThis('drafts'),
    shares: undefined,
    operations: notForThis('operations'),
    overview: notForThis('overview'),
    consumption: notForThis('consumption'),
    keyAdministration: notForThis('keyAdministration'),
    faults: notForThis('faults'),
    surroundings: notForThis('surroundings'),
    maxFileBytes: 10_000,
    maxUploadFiles: 10,
    uploadTimeoutMs: 10_000,
    keepsVariables: false,
    now: Date.now,
    problem: problemOf,
  };
}

/** A dialect that does nothing but show what the HTTP room does around it. */
const probe: Dialect = {
  name: 'probe',
  register(app) {
    const config = { rateClass: 'exec' } as const;
    app.post('/exec', { config }, async ({ body, principal }) => ({ body, principal }));
    app.get('/files/:id', async ({ params, query, url, originalUrl }) => ({ params, query, url, originalUrl }));
    app.get('/fail/:code', async ({ params }) => {
      throw new DragomanError((params as { code: ErrorCode }).code, { retryAfterSeconds: 7 });
    });
    app.get('/crash', async () => {
      throw new Error('the inside story');
    });
    app.get('/endless', (_, reply) => reply.send(Readable.from(endless())));
    app.post('/wait', async ({ body }) => {
      await new Promise((resolve) => setTimeout(resolve, (body as { ms: number }).ms));
      return 'waited';
    });
    app.get('/wait/:ms', async ({ params }) => {
      await new Promise((resolve) => setTimeout(resolve, Number((params as { ms: string }).ms)));
      return 'waited';
    });
  },
};

function* endless() {
  for (;;) yield Buffer.alloc(65_536);
}

export type ServeOptions = Partial<Omit<ServerOptions, 'authenticator'>> & {
  readonly authentication?: Partial<AuthenticatorOptions>;
  readonly health?: RunnerInfo['health'];
};

/** A server on the probe dialect, its log captured, closed when the test is over. Not listening until `listen`. */
export function serve({ authentication, health = async () => ({ ready: true }), ...options }: ServeOptions = {}) {
  const plans = options.plans ?? plansWith(noRates);
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({ level: 'debug', format: 'json', write: (line) => log.push(JSON.parse(line)) });
  const authenticator = createAuthenticator({
    mode: 'keys',
    keys: [{ name: 'tester', secret: apiKey }],
    findKey: async () => undefined,
    plans,
    jwt: { issuer: 'i', audience: 'a', algorithms: ['EdDSA'], requireTenant: false, keys: undefined },
    logger,
    ...authentication,
  });
  const server = createServer({
    version: '0.0.0',
    maxBodyBytes: 10_000,
    bodyTimeoutMs: 10_000,
    uploadTimeoutMs: 10_000,
    plans,
    dialects: [probe],
    metrics: createMetrics(),
    logger,
    runnerInfo: {
      languages: async () => [],
      tiers: async () => [],
      usualWallMs: async ({ limits }) => limits.wallMs,
      health,
    },
    ...options,
    authenticator,
  });
  onTestFinished(() => server.close(0));
  return {
    ...server,
    log,
    /** Listens on a free loopback port and returns the base address. */
    listen: async (host = '127.0.0.1') => `http://127.0.0.1:${(await server.start(host, 0)).port}`,
  };
}

/** A raw connection: sends text, collects what comes back until the other side closes. */
export function rawConnection(base: string): { socket: Socket; closed: Promise<string> } {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.setEncoding('utf8').on('data', (text) => {
    received += text;
  });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return { socket, closed: new Promise((resolve) => socket.on('close', () => resolve(received))) };
}
