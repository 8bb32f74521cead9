import type { FastifyInstance } from 'fastify';
import { DragomanError, type ErrorCode } from '../../../core/index.ts';
import { problemOf } from '../../../http/index.ts';
import { UnreachableError } from '../errors.ts';

/** The statuses that Connect gives to its codes, of those that are used here. */
const statuses = {
  canceled: 499,
  invalid_argument: 400,
  not_found: 404,
  already_exists: 409,
  permission_denied: 403,
  failed_precondition: 400,
  resource_exhausted: 429,
  unauthenticated: 401,
  unimplemented: 501,
  unavailable: 503,
  internal: 500,
} as const;

export type ConnectCode = keyof typeof statuses;

/** An error with a code of Connect. */
export class ConnectError extends DragomanError {
  readonly connectCode: ConnectCode;

  constructor(connectCode: ConnectCode, message: string) {
    super('invalid_request', { message });
    this.connectCode = connectCode;
  }
}

/** `unavailable` says that the sandbox is gone: clients then give it up. So what is busy is not told by that. */
const codes: Partial<Record<ErrorCode, ConnectCode>> = {
  invalid_request: 'invalid_argument',
  unauthorized: 'unauthenticated',
  forbidden: 'permission_denied',
  not_found: 'not_found',
  conflict: 'already_exists',
  too_large: 'invalid_argument',
  quota_exceeded: 'resource_exhausted',
  rate_limited: 'resource_exhausted',
  session_busy: 'resource_exhausted',
  overloaded: 'resource_exhausted',
  sandbox_unavailable: 'resource_exhausted',
  session_expired: 'unavailable',
  shutting_down: 'unavailable',
  cancelled: 'canceled',
};

export function connectError(error: unknown): { readonly code: ConnectCode; readonly message: string } {
  if (error instanceof ConnectError) return { code: error.connectCode, message: error.message };
  if (error instanceof UnreachableError) return { code: 'unavailable', message: error.message };
  const { code, status, message } = problemOf(error);
  return { code: codes[code] ?? (status < 500 ? 'invalid_argument' : 'internal'), message };
}

/** Errors of a call with one answer. A sandbox that is gone is told as the proxy in front of sandboxes tells it. */
export function registerConnectErrors(app: FastifyInstance): void {
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof UnreachableError) return reply.code(502).send(error.body);
    const told = connectError(error);
    return reply.code(statuses[told.code]).send(told);
  });
}
