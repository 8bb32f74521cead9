import type { FastifyInstance } from 'fastify';
import type { Agent } from '../agent/index.ts';
import type { ErrorCode, Principal, RateClass } from '../core/index.ts';
import type { Documents, Interpreter, Sessions, UsageReport } from '../service/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before any dialect's handler runs. */
    principal: Principal;
  }
  interface FastifyContextConfig {
    /** Given in the route's options: `{ config: { rateClass: 'exec' } }`. */
    rateClass?: RateClass;
  }
}

/** An error as the wire sees it, before a dialect words it: any error maps to one. */
export interface Problem {
  readonly code: ErrorCode;
  /** Default HTTP status of the code, or the 4xx the HTTP layer chose (415 and the like). */
  readonly status: number;
  /** A sentence that may be shown to the caller. */
  readonly message: string;
  /** Whole seconds; `Retry-After` is set from it already when an error handler runs. */
  readonly retryAfterSeconds: number | undefined;
}

/** What a dialect is given. */
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
  /** For a dialect's own error handler: reads any error, also those of the HTTP layer (body too large, malformed JSON). */
  problem(error: unknown): Problem;
}

/**
 * A wire face. Its routes are mounted twice, at `/` and at `/v1`, behind authentication. It may set an error handler of its
 * own; `Retry-After` and `WWW-Authenticate` are set and faults of ours logged before that runs. A response that streams must
 * write something at least once a minute: a connection on which nothing moves is cut off.
 */
export interface Dialect {
  readonly name: string;
  /** Where the reference page shows its routes; absent: among the others. */
  readonly title?: string;
  register(app: FastifyInstance, context: DialectContext): void | Promise<void>;
}
