import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError, type ErrorCode } from '../../core/index.ts';
import { problemOf } from '../../http/index.ts';

/** An error with the code and status of this API. */
export class WireError extends DragomanError {
  readonly status: number;
  /** In this API's words. */
  readonly wireCode: string;

  constructor(status: number, wireCode: string, message: string) {
    super(status === 404 ? 'not_found' : 'invalid_request', { message });
    this.status = status;
    this.wireCode = wireCode;
  }
}

export const noSandbox = () => new WireError(404, 'SANDBOX_NOT_FOUND', 'Sandbox not found.');
export const noContext = (id: string) =>
  new WireError(404, 'CONTEXT_NOT_FOUND', `Context ${id.slice(0, 64)} not found.`);
export const notOffered = (what: string) => new WireError(501, 'NOT_SUPPORTED', `${what}: not supported.`);
export const invalid = (message: string) => new WireError(400, 'INVALID_REQUEST_BODY', message);

const codes: Partial<Record<ErrorCode, string>> = {
  invalid_request: 'INVALID_REQUEST_BODY',
  unsupported_language: 'INVALID_REQUEST_BODY',
  unauthorized: 'INVALID_API_KEY',
  ambiguous_credentials: 'INVALID_API_KEY',
  not_found: 'SANDBOX_NOT_FOUND',
  session_expired: 'SANDBOX_NOT_FOUND',
  rate_limited: 'RATE_LIMITED',
  session_busy: 'RATE_LIMITED',
  overloaded: 'OVERLOADED',
  sandbox_unavailable: 'OVERLOADED',
  shutting_down: 'OVERLOADED',
  storage_unavailable: 'OVERLOADED',
};

/** An error as this API words it. */
export function wireError(error: unknown, request?: Pick<FastifyRequest, 'headers'>): WireError {
  if (error instanceof WireError) return error;
  const { code, status, message } = problemOf(error);
  if (code === 'not_found' || code === 'session_expired') return noSandbox();
  const isBare = request && request.headers['open-sandbox-api-key'] === undefined && error instanceof DragomanError;
  if (code === 'unauthorized' && isBare && error.cause === undefined && !hasKey(request))
    return new WireError(401, 'MISSING_API_KEY', 'The header OPEN-SANDBOX-API-KEY is missing.');
  return new WireError(status, codes[code] ?? code.toUpperCase(), message);
}

const hasKey = ({ headers }: Pick<FastifyRequest, 'headers'>) =>
  ['authorization', 'x-api-key', 'api-key', 'x-execd-access-token'].some((name) => headers[name] !== undefined);

export function registerErrorFormat(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, wireCode, message } = wireError(error, request);
    return reply.code(status).send({ code: wireCode, message });
  });
}
