import type { TestServer } from './server.ts';

interface Amounts {
  readonly cpu_ms: number;
  readonly wall_ms: number;
  readonly peak_memory_bytes: number;
}

/** What `/v1/executions` answers, as far as tests look at it. */
export interface CellAnswer {
  readonly id: string;
  readonly session_id: string;
  readonly status: string;
  readonly outcome: string;
  readonly exit_code: number | null;
  /** `usage` is of the run, and `stage` says which of the two ended so. */
  readonly stage: string;
  readonly usage: Amounts;
  readonly compile_usage: Amounts | null;
  readonly state: string;
  readonly interpreter: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly results: readonly Record<string, unknown>[];
  readonly error: { readonly name: string; readonly value: string; readonly traceback: readonly string[] } | null;
  readonly artifacts: readonly { readonly id: string; readonly path: string; readonly change: string }[];
  readonly deleted: readonly string[];
  readonly truncated: boolean;
  readonly tool_calls?: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
}

/** Calls of the native API. */
export interface NativeClient {
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
  /** @throws Error when the answer is no success */
  json<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T>;
  session(request?: object): Promise<string>;
  /** Runs a cell, in Python unless said otherwise. */
  cell(session: string, code: string, request?: object): Promise<CellAnswer>;
  /** Begins one and follows its events. */
  stream(session: string, code: string, request?: object, signal?: AbortSignal): Promise<Response>;
}

export function nativeClient({ url, key }: Pick<TestServer, 'url' | 'key'>): NativeClient {
  const send = (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    signal?: AbortSignal,
  ) =>
    fetch(`${url}/v1${path}`, {
      method,
      headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      ...(signal ? { signal } : {}),
    });
  const json = async <T>(method: string, path: string, body?: unknown, headers?: Record<string, string>) => {
    const response = await send(method, path, body, headers);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    send,
    json,
    session: async (request = {}) => (await json<{ id: string }>('POST', '/sessions', request)).id,
    cell: (session, code, request) =>
      json('POST', `/sessions/${session}/executions`, { language: 'python', code, ...request }),
    stream: (session, code, request, signal) =>
      send(
        'POST',
        `/sessions/${session}/executions`,
        { language: 'python', code, ...request },
        { accept: 'text/event-stream' },
        signal,
      ),
  };
}
