import { DragomanError, type ErrorCode, errorCatalogue } from '../core/index.ts';
import type { Problem } from './dialect.ts';

/** The default status of each code. 499 is for clients that are gone. */
const statuses: Record<ErrorCode, number> = {
  invalid_request: 400,
  unsupported_language: 400,
  unauthorized: 401,
  ambiguous_credentials: 400,
  file_refused: 403,
  not_found: 404,
  model_not_found: 404,
  session_expired: 410,
  session_busy: 429,
  conflict: 409,
  forbidden: 403,
  upstream_failed: 502,
  too_large: 413,
  preview_refused: 422,
  quota_exceeded: 413,
  body_timeout: 408,
  upload_timeout: 504,
  rate_limited: 429,
  overloaded: 503,
  sandbox_unavailable: 503,
  storage_unavailable: 503,
  shutting_down: 503,
  cancelled: 499,
  internal: 500,
};

/** Replaces texts of the HTTP library that repeat the address or speak of its internals. */
const sentences: Record<string, string> = {
  FST_ERR_BAD_URL: 'The address is malformed.',
  FST_ERR_MAX_PARAM_LENGTH: 'The address is too long.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'The body is empty.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE:
    'This type of body is not accepted. Send JSON as application/json, a form with files as multipart/form-data.',
};

/** Codes of stream libraries for a client that disconnected. */
const goneCodes = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE']);

/** Reads any error. An error that is neither ours nor a refusal of the HTTP library is `internal` and tells nothing. */
export function problemOf(error: unknown): Problem {
  if (error instanceof DragomanError) {
    const { code, message, retryAfterSeconds, subcode: reason } = error;
    return { code, status: statuses[code], message, retryAfterSeconds, ...(reason === undefined ? {} : { reason }) };
  }
  const { statusCode, code, message } = (error ?? {}) as { statusCode?: unknown; code?: unknown; message?: unknown };
  const isRefusal = typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
  if (isRefusal && typeof code === 'string' && code.startsWith('FST_'))
    return {
      code: statusCode === 413 ? 'too_large' : 'invalid_request',
      status: statusCode,
      message: sentences[code] ?? String(message),
      retryAfterSeconds: undefined,
    };
  const ours: ErrorCode = typeof code === 'string' && goneCodes.has(code) ? 'cancelled' : 'internal';
  return { code: ours, status: statuses[ours], message: errorCatalogue[ours].text, retryAfterSeconds: undefined };
}

/** The default body of an error. For refused credentials it is one string, which most clients show. */
export function problemBody({ code, message, retryAfterSeconds, reason }: Problem): Record<string, unknown> {
  if (code === 'unauthorized' || code === 'ambiguous_credentials') return { error: message };
  return {
    error: code,
    message,
    ...(reason === undefined ? {} : { reason }),
    ...(retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds }),
  };
}
