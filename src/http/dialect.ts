import type { FastifyInstance } from 'fastify';
import type { Agent } from '../agent/index.ts';
import type { ErrorCode, Principal, RateClass } from '../core/index.ts';
import type { Documents, Interpreter, Sessions, UsageReport } from '../service/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before the handler of a dialect runs. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** Which rate limit of the principal's plan counts requests of this route. */
    rateClass?: RateClass;
  }
}

/** An error as HTTP sees it, before a dialect formats it. */
export interface Problem {
  readonly code: ErrorCode;
  /** Default HTTP status of the code, or the 4xx that the HTTP layer chose (415, for example). */
  readonly status: number;
  /** A sentence for the caller. */
  readonly message: string;
  /** Whole seconds. `Retry-After` is set from it before an error handler runs. */
  readonly retryAfterSeconds: number | undefined;
}

/** What the dialect `openai` uses. */
export interface DialectContext {
  readonly interpreter: Interpreter;
  /** Lets models write code and run it. Without a configured model it refuses, naming the setting. */
  readonly agent: Agent;
  readonly sessions: Sessions;
  readonly usage: UsageReport;
  /** For a dialect's own records. */
  readonly documents: Documents;
  /** How long files stay, in milliseconds. */
  readonly retentionMs: number;
  /** Largest upload of one file, in bytes. */
  readonly maxFileBytes: number;
  /** Most files of one upload call. */
  readonly maxUploadFiles: number;
  /** How long one upload call may take to arrive, in milliseconds. */
  readonly uploadTimeoutMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
  problem(error: unknown): Problem;
}

/** What a dialect answers for an address that no route has. */
export interface UnknownAddress {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
}

/**
 * A wire API, made by its factory from the services it uses. Its routes are mounted once, behind authentication; `/v1` in
 * front of an address is removed before routing. It may set an error handler of its own: `Retry-After` and `WWW-Authenticate`
 * are set, and our own faults are logged, before that runs. A streaming response writes something at least once a minute: a
 * connection on which nothing moves is closed.
 */
export interface Dialect {
  readonly name: string;
  /** Heading of its routes on the reference page. */
  readonly title?: string;
  register(app: FastifyInstance): void | Promise<void>;
  /** The 404 of an unknown address, if it belongs to this API. `path` has no query and keeps its `/v1`. */
  unknownAddress?(method: string, path: string): UnknownAddress | undefined;
}
