import { type CallOptions, Deadline, pause } from './deadline.ts';
import { type ApiError, apiErrorOf, ConnectionError, DragomanError } from './errors.ts';

export interface TransportOptions {
  /** Where the service is: `http://127.0.0.1:8080`, with or without `/v1`. */
  readonly url: string;
  /** Absent where the service is open to this machine. */
  readonly apiKey?: string | undefined;
  /** Headers of every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** How long a call may take that gives no time of its own, in milliseconds; a minute by default. */
  readonly timeoutMs?: number | undefined;
  /** How often a call is made again that the service had no room for, or that only reads and lost its connection; 2 by default. */
  readonly retries?: number | undefined;
  /** What to use in place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined;
}

export interface Call extends CallOptions {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: NonNullable<RequestInit['body']>;
  /** Whether doing it twice is the same as doing it once; only reading by default. */
  readonly repeatable?: boolean;
  /** Statuses besides successes that are answers. */
  readonly accept?: readonly number[];
}

const usualTimeoutMs = 60_000;
const usualRetries = 2;
/** Longest pause before a further try. */
const longestPauseMs = 30_000;
/** Refusals of a service that has not begun with the request. */
const refusals = new Set(['rate_limited', 'overloaded', 'shutting_down', 'sandbox_unavailable']);

/** Sends requests to one service. */
export class Transport {
  readonly #base: string;
  readonly #options: TransportOptions;
  readonly #fetch: typeof fetch;

  /** @throws TypeError when the address is none, or has parts that a service cannot be asked at: a user, a query, a fragment, `.`, `..` */
  constructor(options: TransportOptions) {
    const url = new URL(options.url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new TypeError(`${options.url} is no http address`);
    if (url.username || url.password) throw new TypeError('The address has a user or a password: use the API key');
    // `URL` takes `..` away, so that the service would be another one than the address shows.
    if (/[?#]/.test(options.url) || /[\\/](\.|%2e){1,2}([\\/]|$)/i.test(options.url.trim()))
      throw new TypeError(
        `${options.url} has a query, a fragment, "." or "..", which the address of a service has not`,
      );
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1`;
    this.#options = options;
    // Browsers want it called on the global object.
    this.#fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
  }

  /** The answer as JSON. @throws ApiError, ConnectionError, DeadlineError, or the reason of the caller's signal */
  async json<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const deadline = this.#deadline(call);
    try {
      const response = await this.#tried(method, path, call, deadline.signal);
      return (response.status === 204 ? undefined : await this.#reading(() => response.json(), deadline.signal)) as T;
    } finally {
      deadline.stop();
    }
  }

  /**
   * The answer with its body unread. The time limit is for its head; after that the body may take as long as something of it
   * arrives within `idleMs`. `deadline.abort` closes it.
   */
  async open(method: string, path: string, call: Call = {}): Promise<{ response: Response; deadline: Deadline }> {
    const deadline = this.#deadline(call);
    try {
      return { response: await this.#tried(method, path, call, deadline.signal), deadline };
    } catch (error) {
      deadline.stop();
      throw error;
    }
  }

  #deadline({ timeoutMs = this.#options.timeoutMs ?? usualTimeoutMs, signal }: CallOptions): Deadline {
    return new Deadline(timeoutMs, signal);
  }

  async #tried(method: string, path: string, call: Call, signal: AbortSignal): Promise<Response> {
    const retries = this.#options.retries ?? usualRetries;
    const { repeatable = method === 'GET' } = call;
    const isStream = call.body instanceof ReadableStream;
    for (let tried = 0; ; tried++) {
      try {
        return await this.#once(method, path, call, signal);
      } catch (error) {
        const again =
          !isStream && tried < retries && (isRefusal(error) || (repeatable && error instanceof ConnectionError));
        if (!again) throw error;
        const said = (error as Partial<ApiError>).retryAfterSeconds;
        await pause(Math.min(said === undefined ? 200 * 2 ** tried : said * 1000, longestPauseMs), signal);
      }
    }
  }

  async #once(method: string, path: string, call: Call, signal: AbortSignal): Promise<Response> {
    const { apiKey, headers } = this.#options;
    const { json, body = json === undefined ? null : JSON.stringify(json) } = call;
    const request: RequestInit & { duplex?: 'half' } = {
      method,
      headers: {
        ...headers,
        ...(apiKey ? { 'x-api-key': apiKey } : {}),
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...call.headers,
      },
      body,
      signal,
      // The key must not follow to another address.
      redirect: 'error',
      ...(body instanceof ReadableStream ? { duplex: 'half' } : {}),
    };
    const response = await this.#reading(() => this.#fetch(this.#address(path, call.query), request), signal);
    if (response.ok || call.accept?.includes(response.status)) return response;
    throw await apiErrorOf(response);
  }

  /** What breaks below is a `ConnectionError`, but for the end of the caller's patience. */
  async #reading<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (error instanceof DragomanError) throw error;
      throw new ConnectionError(`${new URL(this.#base).origin} cannot be reached: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  #address(path: string, query: Call['query'] = {}): string {
    const given = Object.entries(query).filter((entry) => entry[1] !== undefined);
    const search = new URLSearchParams(
      given.map(([name, value]): [string, string] => [name, String(value)]),
    ).toString();
    return `${this.#base}${path}${search && `?${search}`}`;
  }
}

function isRefusal(error: unknown): boolean {
  const { status, code } = error as Partial<ApiError>;
  return (status === 429 || status === 503) && code !== undefined && refusals.has(code);
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? (cause?.message || message);
}
