import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { Refusal } from '../../assistant/index.ts';
import { DragomanError, type ErrorCode, errorCatalogue } from '../../core/index.ts';
import { type Answer, type Problem, problems, type UnknownAddress, type UnknownRequest } from '../../http/index.ts';
import { asSent } from './ids.ts';
import type { AnthropicServices } from './services.ts';

/** What clients read of an error beside its sentence. */
export interface ErrorDetails {
  readonly error_code: string;
  readonly unsupported?: readonly string[];
}

/** An error that has details in this API. */
export class WireError extends DragomanError {
  readonly details: ErrorDetails | undefined;

  /** @param message a sentence for the caller */
  constructor(code: ErrorCode, message: string, details?: ErrorDetails) {
    super(code, { message });
    this.details = details;
  }
}

/** A 400. @param where the field it is about, which begins the message */
export function invalid(where: string, message: string, details?: ErrorDetails): WireError {
  return new WireError('invalid_request', where === '' ? message : `${where}: ${message}`, details);
}

/** A 404. */
export function notFound(message: string): WireError {
  return new WireError('not_found', message);
}

const errorBody = z
  .object({
    type: z.literal('error'),
    error: z.object({
      type: z.string(),
      message: z.string(),
      details: z.looseObject({ error_code: z.string() }).optional(),
    }),
    request_id: z.string(),
  })
  .meta({ id: 'AnthropicError' });

export type ErrorBody = z.infer<typeof errorBody>;

/**
 * The status of each code; undefined: as the HTTP room has it. Clients try 408, 409, 429 and every 5xx again by themselves, so what a
 * second try cannot mend has another status.
 */
const statuses: Record<ErrorCode, number | undefined> = {
  invalid_request: undefined,
  unsupported_language: undefined,
  unauthorized: undefined,
  ambiguous_credentials: undefined,
  file_refused: 404,
  not_found: undefined,
  model_not_found: undefined,
  session_expired: 400,
  session_busy: undefined,
  conflict: 400,
  forbidden: undefined,
  upstream_failed: undefined,
  too_large: undefined,
  preview_refused: undefined,
  quota_exceeded: 400,
  body_timeout: undefined,
  upload_timeout: undefined,
  rate_limited: undefined,
  overloaded: 529,
  sandbox_unavailable: 529,
  storage_unavailable: 529,
  shutting_down: 529,
  cancelled: undefined,
  internal: undefined,
};

const types: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** An error as Anthropic words one. `type` at the top is required by clients. @param requestId of the request, without a prefix */
export function errorAnswer(
  error: unknown,
  problem: Problem,
  requestId: string,
): { status: number; body: ErrorBody; retry: boolean } {
  const { code } = problem;
  const isLate = code === 'upstream_failed' && isTimeout(error);
  const status = isLate ? 504 : (statuses[code] ?? problem.status);
  const details = detailsOf(error, code);
  return {
    status,
    body: {
      type: 'error',
      error: {
        type: typeOf(status),
        message: messageOf(error, problem),
        ...(details ? { details: { ...details } } : {}),
      },
      request_id: wireRequestId(requestId),
    },
    retry: error instanceof DragomanError ? error.retryable : errorCatalogue[code].retryable,
  };
}

/** As the header `request-id` has it. */
function wireRequestId(id: string): string {
  return `req_${id}`;
}

function typeOf(status: number): string {
  return types[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof DOMException && error.cause.name === 'TimeoutError';
}

function detailsOf(error: unknown, code: ErrorCode): ErrorDetails | undefined {
  if (error instanceof WireError) return error.details;
  if (error instanceof Refusal && error.isExpired) return { error_code: 'file_expired' };
  return code === 'quota_exceeded' ? { error_code: 'storage_quota_exceeded' } : undefined;
}

/** Ids are the client's, and may be as long as it likes. */
const longestId = 64;

function messageOf(error: unknown, { code, message }: Problem): string {
  if (code === 'session_expired') return 'container: this container has expired. Send the request without it.';
  if (!(error instanceof Refusal)) return message;
  const told = (kind: 'container' | 'file') => asSent(kind, error.id ?? '').slice(0, longestId);
  if (error.reason === 'session_not_found') return `container: '${told('container')}' was not found.`;
  if (error.reason !== 'file_not_found') return error.where === undefined ? message : `${error.where}: ${message}`;
  const found = `File ${error.isExpired ? 'has expired' : 'not found'}: ${told('file')}.`;
  return error.where === undefined || error.where === 'id' ? found : `${error.where}: ${found}`;
}

/** Formats every error of a scope, also those of the HTTP layer and of authentication. */
export function registerErrorFormat(app: FastifyInstance, { problem }: Pick<AnthropicServices, 'problem'>): void {
  app.addHook('onSend', async ({ id }, reply) => void reply.header('request-id', wireRequestId(id)));
  app.setErrorHandler((error, request, reply) => {
    const { status, body, retry } = errorAnswer(error, problem(error), request.id);
    if (!retry) reply.header('x-should-retry', 'false');
    return reply.code(status).send(body);
  });
}

/** Addresses of Anthropic's API alone. */
const addresses = /^\/v1\/(?:messages|complete)(?:\/|$)/;

/** The 404 of an address that is not served, for clients of this API. */
export function unknownAddress({ method, path, headers, id }: UnknownRequest): UnknownAddress | undefined {
  if (!isAnthropic(headers) && !addresses.test(path)) return undefined;
  return {
    headers: { 'x-should-retry': 'false', 'request-id': wireRequestId(id) },
    body: {
      type: 'error',
      error: { type: 'not_found_error', message: notServed(method, path) },
      request_id: wireRequestId(id),
    },
  };
}

export function notServed(method: string, path: string): string {
  return `${method} ${path.slice(0, 128)} is not served here.`;
}

/** Every client of this API sends the header, and no client of another. */
export function isAnthropic(headers: Readonly<Record<string, unknown>>): boolean {
  return headers['anthropic-version'] !== undefined;
}

/** The header by which requests for addresses of several dialects are told apart. */
export const versionHeader = z.object({ 'anthropic-version': z.string().describe('Any, such as `2023-06-01`.') });

const ownReasons: Readonly<Record<number, string>> = {
  500: 'An error of the service.',
  502: 'The model provider failed.',
  504: 'The model did not answer in time.',
  529: 'No place to run code, or the service is shutting down.',
};

/** The error answers of an operation. */
export function errorAnswers(...of: readonly number[]): Record<number, Answer> {
  const content = { type: 'application/json', schema: errorBody };
  const known = problems(...of.filter((status) => !(status in ownReasons)));
  const own = of
    .filter((status) => status in ownReasons)
    .map((status) => [status, { description: ownReasons[status]! }] as const);
  return Object.fromEntries(
    [...Object.entries(known), ...own].map(([status, answer]) => [status, { ...answer, content }]),
  );
}
