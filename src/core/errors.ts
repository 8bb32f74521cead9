/**
 * Every way the service itself can fail a caller. A program that fails is never one of these: it is an outcome.
 * The catalogue knows no HTTP; `http/` holds the default statuses and each dialect its own wording.
 */
export const errorCatalogue = {
  invalid_request: { retryable: false, text: 'The request is malformed.' },
  unsupported_language: { retryable: false, text: 'The language is not installed here.' },
  unauthorized: { retryable: false, text: 'A valid credential is required.' },
  ambiguous_credentials: { retryable: false, text: 'More than one credential was sent.' },
  file_refused: { retryable: false, text: 'A referenced file does not exist or is not yours.' },
  not_found: { retryable: false, text: 'There is no such thing.' },
  model_not_found: { retryable: false, text: 'There is no such model.' },
  session_expired: { retryable: false, text: 'The session is expired.' },
  session_busy: { retryable: true, text: 'Too many executions wait in this session.' },
  conflict: { retryable: false, text: 'This contradicts what was done before.' },
  forbidden: { retryable: false, text: 'This is not yours to do.' },
  upstream_failed: { retryable: true, text: 'The model provider failed.' },
  too_large: { retryable: false, text: 'The request exceeds a size limit.' },
  quota_exceeded: { retryable: false, text: 'No more may be stored.' },
  body_timeout: { retryable: true, text: 'The request body took too long to arrive.' },
  upload_timeout: { retryable: true, text: 'The upload took too long.' },
  rate_limited: { retryable: true, text: 'Too many requests.' },
  overloaded: { retryable: true, text: 'Every place to run is taken.' },
  sandbox_unavailable: { retryable: true, text: 'A sandbox could not be set up.' },
  storage_unavailable: { retryable: true, text: 'Files cannot be stored at the moment.' },
  shutting_down: { retryable: true, text: 'The service is shutting down.' },
  cancelled: { retryable: false, text: 'The caller went away.' },
  internal: { retryable: true, text: 'Internal server error.' },
} as const satisfies Record<string, { retryable: boolean; text: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** What may travel with an error: on a queue or the wire it is data, never text to parse. */
export interface ErrorDetails {
  /** A sentence for the caller; replaces the catalogue's text. Must hold nothing secret. */
  message?: string;
  /** When it makes sense to try again, in whole seconds. */
  retryAfterSeconds?: number;
  /** What was underneath, for the log only. */
  cause?: unknown;
  /** A second try would fail as well, whatever the catalogue says of the code. */
  lasting?: boolean;
  /** What the service behind ours calls it, for callers that know its words: a short identifier, nothing secret. */
  foreignCode?: string;
}

/** The one error the service throws on purpose. */
export class DragomanError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly foreignCode: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(
      details.message ?? errorCatalogue[code].text,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'DragomanError';
    this.code = code;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.foreignCode = details.foreignCode;
    this.retryable = errorCatalogue[code].retryable && !details.lasting;
  }
}
