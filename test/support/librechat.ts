import { startServer, type TestServer } from './server.ts';

/** A file to upload. */
export interface Upload {
  readonly name: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** What `/exec` answers, as far as tests look at it. */
export interface ExecBody {
  readonly session_id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  readonly signal: string | null;
  readonly message: string | null;
  readonly status: string | null;
  readonly wall_time: number;
  readonly files: readonly {
    readonly id: string;
    readonly name: string;
    readonly session_id: string;
    readonly storage_session_id: string;
    readonly inherited?: true;
    readonly modified_from?: { readonly id: string; readonly storage_session_id: string };
  }[];
  readonly deleted_files?: readonly string[];
  readonly error?: string;
}

export interface UploadBody {
  readonly message: string;
  readonly session_id: string;
  readonly storage_session_id: string;
  readonly files: readonly { readonly fileId: string; readonly filename: string; readonly status?: string }[];
  readonly error?: string;
}

/** Raw requests in the shapes LibreChat sends them. */
export class LibreChatClient {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param credential an API key, or headers to send instead of one */
  constructor(base: string, credential: string | Readonly<Record<string, string>> = {}) {
    this.#base = base;
    const headers = typeof credential === 'string' ? { 'x-api-key': credential } : credential;
    this.#headers = { 'user-agent': 'LibreChat/1.0', ...headers };
  }

  /** Sends a request; the body is read as JSON where it is JSON, else as text. */
  async request<T>(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Answer<T>> {
    const response = await fetch(this.#base + path, { ...init, headers: { ...this.#headers, ...init.headers } });
    const isJson = response.headers.get('content-type')?.startsWith('application/json');
    const body = isJson ? await response.json() : await response.text();
    return { status: response.status, headers: response.headers, body: body as T };
  }

  exec(body: object, headers: Record<string, string> = {}): Promise<Answer<ExecBody>> {
    const json = { 'content-type': 'application/json', ...headers };
    return this.request('/exec', { method: 'POST', body: JSON.stringify(body), headers: json });
  }

  run(lang: string, code: string, more: object = {}): Promise<Answer<ExecBody>> {
    return this.exec({ lang, code, ...more });
  }

  upload(
    files: readonly Upload[],
    fields: Readonly<Record<string, string>> = {},
    path = '/upload',
  ): Promise<Answer<UploadBody>> {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    for (const { name, content } of files) form.append('file', new Blob([content]), name);
    return this.request(path, { method: 'POST', body: form });
  }

  /** Uploads one file and returns the reference the next `/exec` sends for it. */
  async attach(
    name: string,
    content: string | Uint8Array<ArrayBuffer>,
    fields: Record<string, string> = { kind: 'user' },
  ) {
    const { body } = await this.upload([{ name, content }], fields);
    const { kind = 'user', id, version } = fields;
    return {
      id: body.files[0]!.fileId,
      storage_session_id: body.storage_session_id,
      resource_id: id ?? 'u1',
      name,
      kind,
      ...(version === undefined ? {} : { version: Number(version) }),
    };
  }

  get<T>(path: string): Promise<Answer<T>> {
    return this.request(path);
  }

  async download(sessionId: string, fileId: string, query = ''): Promise<{ response: Response; bytes: Buffer }> {
    const response = await fetch(`${this.#base}/download/${sessionId}/${fileId}${query}`, { headers: this.#headers });
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  }
}

/** The shape LibreChat demands of every id. */
export const idPattern = /^[A-Za-z0-9_-]{21}$/;

/** A server with two keys, and limits small enough to be reached by tests. */
export async function startForLibreChat(): Promise<{ server: TestServer; ann: LibreChatClient; bob: LibreChatClient }> {
  const server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: 'ann:ann-secret-0001,bob:bob-secret-0002',
      DRAGOMAN_RUN_TIMEOUT_MS: '5000',
      DRAGOMAN_MEMORY_BYTES: '512m',
      DRAGOMAN_MAX_BODY_BYTES: '1m',
      DRAGOMAN_MAX_UPLOAD_BYTES: '1m',
      DRAGOMAN_MAX_UPLOAD_FILES: '5',
      DRAGOMAN_UPLOAD_TIMEOUT_MS: '1500',
      DRAGOMAN_OUTPUT_BYTES: '64k',
      DRAGOMAN_FLOOD_BYTES: '2m',
      DRAGOMAN_LOG_LEVEL: 'debug',
    },
  });
  return {
    server,
    ann: new LibreChatClient(`${server.url}/v1`, 'ann-secret-0001'),
    bob: new LibreChatClient(`${server.url}/v1`, 'bob-secret-0002'),
  };
}
