import type { FastifyInstance } from 'fastify';
import { DragomanError, type ErrorCode } from '../../core/index.ts';
import { problemOf } from '../../http/index.ts';

/** An error with a status of this API. */
export class WireError extends DragomanError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(status === 404 ? 'not_found' : status === 409 ? 'conflict' : 'invalid_request', { message });
    this.status = status;
  }
}

/** A sandbox that is gone, or a port of it that nothing listens on, as the proxy in front of sandboxes tells it. */
export class UnreachableError extends DragomanError {
  readonly body: object;

  constructor(sandboxId: string, port?: number) {
    const message = port === undefined ? 'The sandbox was not found' : 'The sandbox is running but port is not open';
    super('not_found', { message });
    this.body = { sandboxId, message, ...(port === undefined ? {} : { port }), code: 502 };
  }
}

export const noSandbox = (id: string) => new WireError(404, `Sandbox ${id.slice(0, 64)} not found`);
export const notOffered = (what: string) => new WireError(501, `${what}: not supported by this service`);

/** The status of an error. What is busy is 503 here: clients have a class for it. */
const statuses: Partial<Record<ErrorCode, number>> = { session_expired: 404, quota_exceeded: 507, session_busy: 429 };

export function wireError(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof WireError) return error;
  const { code, status, message } = problemOf(error);
  return { status: statuses[code] ?? status, message };
}

/** Errors of the control plane and of files. */
export function registerErrorFormat(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof UnreachableError) return reply.code(502).send(error.body);
    const { status, message } = wireError(error);
    // A client must not repeat a create by itself where the first may have made a sandbox.
    if (status >= 500) reply.header('should-retry', 'false');
    return reply.code(status).send({ code: status, message });
  });
}
