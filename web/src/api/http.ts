import { signal } from '@preact/signals';

/** An answer that is no success, in words for the person who reads it. */
export class ApiError extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number;

  constructor(status: number, message: string, retryAfterSeconds = 0) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The browser is not signed in, or no longer. */
export const signedOut = signal(false);
/** The service does not answer: it restarts, or the network is away. */
export const isAway = signal(false);

export interface CallOptions {
  readonly body?: BodyInit | undefined;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

const awayMessage = 'The service does not answer.';

/** Sends a request to the API. @throws ApiError; status 0: the service could not be reached */
export async function send(method: string, path: string, options: CallOptions = {}): Promise<Response> {
  const { json, headers, signal: abort } = options;
  const body = json === undefined ? options.body : JSON.stringify(json);
  let response: Response;
  try {
    response = await fetch(`/v1${path}`, {
      method,
      body: body ?? null,
      signal: abort ?? null,
      headers: {
        'x-dragoman-ui': '1',
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
  } catch (error) {
    if (abort?.aborted) throw error;
    isAway.value = true;
    throw new ApiError(0, awayMessage);
  }
  if (response.ok) {
    isAway.value = false;
    return response;
  }
  if (response.status === 401 && !path.startsWith('/auth/')) signedOut.value = true;
  throw new ApiError(response.status, await reasonOf(response), Number(response.headers.get('retry-after') ?? 0));
}

/** Sends a request and reads its JSON; undefined where the answer has no body. */
export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Errors of every dialect: `{error: sentence}`, `{error: code, message}`, `{error: {message}}`. */
async function reasonOf(response: Response): Promise<string> {
  try {
    const { error, message } = await response.json();
    if (typeof message === 'string') return message;
    if (typeof error === 'string') return error;
    if (typeof error?.message === 'string') return error.message;
  } catch {
    // Not JSON.
  }
  return `The service answered ${response.status}.`;
}

/** Retries while the service restarts; gives up for any other reason. */
export async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let wait = 500; ; wait = Math.min(8000, wait * 2)) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 0 && error.status !== 503)) throw error;
      isAway.value = true;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

export const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** A path of a workspace as part of an address. */
export const pathPart = (path: string) => path.split('/').map(encodeURIComponent).join('/');
