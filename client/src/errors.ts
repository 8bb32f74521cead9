/** Any failure of the client itself or of the service. A program that fails is no error: it is an `Execution` that says so. */
export class DragomanError extends Error {
  override name = 'DragomanError';
}

/** What the service says is wrong; further codes may come with later versions. */
export type ErrorCode =
  | 'invalid_request'
  | 'unsupported_language'
  | 'unauthorized'
  | 'file_refused'
  | 'not_found'
  | 'conflict'
  | 'session_expired'
  | 'too_large'
  | 'quota_exceeded'
  | 'rate_limited'
  | 'session_busy'
  | 'overloaded'
  | 'sandbox_unavailable'
  | 'storage_unavailable'
  | 'shutting_down'
  | (string & {});

export interface ApiErrorDetails {
  /** Of the HTTP answer; 0 for an execution that the service could not go on with. */
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  /** When to try again, where that makes sense. */
  readonly retryAfterSeconds?: number | undefined;
  /** The service's name of the request, for its log. */
  readonly requestId?: string | undefined;
}

/** The service refused the request. */
export class ApiError extends DragomanError {
  override name = 'ApiError';
  readonly status: number;
  readonly code: ErrorCode;
  readonly retryAfterSeconds: number | undefined;
  readonly requestId: string | undefined;

  constructor({ status, code, message, retryAfterSeconds, requestId }: ApiErrorDetails) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.requestId = requestId;
  }
}

/** What is given as an id, or as the path of a file, is none. Nothing was sent. */
export class PathError extends TypeError {
  override name = 'PathError';
}

/** The service could not be reached, or the connection broke and did not come back. */
export class ConnectionError extends DragomanError {
  override name = 'ConnectionError';
}

/** The service took longer than the caller allowed. */
export class DeadlineError extends DragomanError {
  override name = 'DeadlineError';
}

/** Reads an answer that is no success. Never throws: a proxy may answer with anything. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const text = await response.text().catch(() => '');
  const { error, message, retry_after_seconds } = parsed(text);
  const header = Number(response.headers.get('retry-after') ?? Number.NaN);
  const nested = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : undefined;
  const code = typeof error === 'string' ? error : (nested?.code ?? nested?.type);
  const said = message ?? nested?.message ?? (typeof error === 'string' ? error : undefined);
  return new ApiError({
    status: response.status,
    code: response.status === 401 ? 'unauthorized' : typeof code === 'string' ? code : `http_${response.status}`,
    message: typeof said === 'string' ? said : `The service answered ${response.status} ${text.slice(0, 200)}`.trim(),
    retryAfterSeconds:
      typeof retry_after_seconds === 'number' ? retry_after_seconds : Number.isFinite(header) ? header : undefined,
    requestId: response.headers.get('x-request-id') ?? undefined,
  });
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
