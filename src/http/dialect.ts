import type { FastifyInstance } from 'fastify';
import type { Principal } from '../core/index.ts';
import type { Interpreter } from '../service/index.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by authentication before any dialect's handler runs. */
    principal: Principal;
  }
}

/** What a dialect is given. */
export interface DialectContext {
  readonly interpreter: Interpreter;
  /** Largest upload of one file, in bytes. */
  readonly maxFileBytes: number;
  /** Most files of one upload call. */
  readonly maxUploadFiles: number;
}

/** A wire face. Its routes are mounted twice, at `/` and at `/v1`. */
export interface Dialect {
  readonly name: string;
  register(app: FastifyInstance, context: DialectContext): void | Promise<void>;
}
