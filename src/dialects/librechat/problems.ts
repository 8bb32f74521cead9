import type { ErrorCode } from '../../core/index.ts';
import type { Problem } from '../../http/index.ts';

interface Wording {
  readonly status: number;
  /** The `error` of the body; the problem's own sentence when absent, which then needs no `message`. */
  readonly error?: string;
}

/**
 * LibreChat's statuses. Its clients retry whatever is not 400, 401, 403 or 422, so a fault that will not pass must be 400,
 * and they fetch a file anew only after a 404.
 */
const wordings: Record<ErrorCode, Wording> = {
  invalid_request: { status: 400 },
  unsupported_language: { status: 400 },
  unauthorized: { status: 401 },
  ambiguous_credentials: { status: 400, error: 'Ambiguous authentication headers' },
  file_refused: { status: 403, error: 'Unauthorized file reference' },
  not_found: { status: 404 },
  model_not_found: { status: 404 },
  session_expired: { status: 404 },
  session_busy: { status: 409, error: 'runtime_session_busy' },
  conflict: { status: 409 },
  forbidden: { status: 403, error: 'Forbidden' },
  upstream_failed: { status: 502, error: 'upstream_failed' },
  too_large: { status: 413 },
  preview_refused: { status: 422 },
  quota_exceeded: { status: 400 },
  body_timeout: { status: 408 },
  upload_timeout: { status: 504 },
  rate_limited: { status: 429, error: 'rate_limited' },
  overloaded: { status: 503, error: 'overloaded' },
  sandbox_unavailable: { status: 503, error: 'sandbox_setup_failed' },
  storage_unavailable: { status: 503, error: 'storage_unavailable' },
  shutting_down: { status: 503, error: 'sandbox_setup_failed' },
  cancelled: { status: 499 },
  internal: { status: 500, error: 'Internal server error' },
};

/** Errors whose `error` is a code for programs; the sentence goes beside it. */
const machineReadable = /^[a-z_]+$/;

export interface ProblemAnswer {
  readonly status: number;
  readonly body: { readonly error: string; readonly message?: string; readonly retry_after_seconds?: number };
}

/** A problem in LibreChat's words. */
export function problemAnswer({ code, message, retryAfterSeconds }: Problem): ProblemAnswer {
  const { status, error } = wordings[code];
  if (error === undefined) return { status, body: { error: message } };
  if (!machineReadable.test(error)) return { status, body: { error } };
  const retry = retryAfterSeconds === undefined ? {} : { retry_after_seconds: retryAfterSeconds };
  return { status, body: { error, message, ...retry } };
}
