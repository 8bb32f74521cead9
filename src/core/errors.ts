/**
 * Every error of the service itself. A program that fails is not one of these: that is an outcome. The catalogue knows no
 * HTTP: `http/` has the default statuses, and each dialect its own words.
 */
export const errorCatalogue = {
  invalid_request: { retryable: false, text: 'The request is malformed.' },
  unsupported_language: { retryable: false, text: 'Unsupported language.' },
  unauthorized: { retryable: false, text: 'A valid credential is required.' },
  ambiguous_credentials: { retryable: false, text: 'More than one credential was sent.' },
  file_refused: { retryable: false, text: 'Referenced file not found or not permitted.' },
  not_found: { retryable: false, text: 'Not found.' },
  model_not_found: { retryable: false, text: 'Model not found.' },
  session_expired: { retryable: false, text: 'The session has expired.' },
  session_busy: { retryable: true, text: 'Too many executions wait in this session.' },
  conflict: { retryable: false, text: 'Conflict with an earlier request.' },
  forbidden: { retryable: false, text: 'Not permitted.' },
  upstream_failed: { retryable: true, text: 'The model provider failed.' },
  too_large: { retryable: false, text: 'The request exceeds a size limit.' },
  preview_refused: { retryable: false, text: 'There is no preview of this file.' },
  quota_exceeded: { retryable: false, text: 'Storage quota exceeded.' },
  body_timeout: { retryable: true, text: 'The request body took too long to arrive.' },
  upload_timeout: { retryable: true, text: 'The upload took too long.' },
  rate_limited: { retryable: true, text: 'Too many requests.' },
  overloaded: { retryable: true, text: 'No capacity is free at the moment.' },
  sandbox_unavailable: { retryable: true, text: 'The sandbox could not be started.' },
  storage_unavailable: { retryable: true, text: 'Storage is not available at the moment.' },
  shutting_down: { retryable: true, text: 'The service is shutting down.' },
  cancelled: { retryable: false, text: 'The client closed the connection.' },
  internal: { retryable: true, text: 'Internal server error.' },
} as const satisfies Record<string, { retryable: boolean; text: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/** What an error carries as data, so that no receiver parses text. */
export interface ErrorDetails {
  /** A sentence for the caller instead of the catalogue's text. Holds nothing secret. */
  message?: string;
  /** Seconds until a retry makes sense. */
  retryAfterSeconds?: number;
  /** The underlying error, for the log only. */
  cause?: unknown;
  /** A retry would fail too, even if the catalogue calls the code retryable. */
  lasting?: boolean;
  /** The error code of the upstream service, for callers that know it: a short identifier, nothing secret. */
  foreignCode?: string;
  /** Which of several causes of this code it is, as a word for programs. */
  subcode?: string;
}

/** The one error the service throws on purpose. */
export class DragomanError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly foreignCode: string | undefined;
  readonly subcode: string | undefined;
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
    this.subcode = details.subcode;
    this.retryable = errorCatalogue[code].retryable && !details.lasting;
  }
}
