/** A message of JSON-RPC, as far as a bridge has to know it. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface ServiceLinkOptions {
  /** Without `/mcp`. */
  readonly url: string;
  /** The key for it, as of now. */
  key(): Promise<string | undefined>;
  /** Waits for the service, or starts it. Absent: it runs or it does not. */
  ready?(): Promise<boolean>;
}

/** The service does not answer, or not as one; or it does not know the key. */
export class Unreachable extends Error {
  readonly isRefused: boolean;

  constructor(message: string, { cause, isRefused = false }: { cause?: unknown; isRefused?: boolean } = {}) {
    super(message, { cause });
    this.isRefused = isRefused;
  }
}

const versionKey = 'io.modelcontextprotocol/protocolVersion';

/** Whether a message is of the stateless revision, which carries its version itself. */
export function isModern({ params }: Message): boolean {
  return (params?._meta as Record<string, unknown> | undefined)?.[versionKey] !== undefined;
}

/**
 * The service's address for MCP. It keeps the session of a host of an older revision, and opens another one when the service has
 * forgotten it.
 */
export class ServiceLink {
  readonly #options: ServiceLinkOptions;
  #initialize: Message | undefined;
  #session: { id: string; version: string } | undefined;
  #opening: Promise<void> | undefined;
  #reopening: Promise<void> | undefined;

  constructor(options: ServiceLinkOptions) {
    this.#options = options;
  }

  /**
   * Sends a message.
   * @returns what it is answered with, each the text of one message
   * @throws Unreachable before the service has taken it
   */
  async *send(message: Message, signal?: AbortSignal): AsyncGenerator<string> {
    const isOpening = message.method === 'initialize' && !isModern(message);
    if (isOpening) this.#initialize = message;
    const opened = isOpening ? this.#post(message, signal) : this.#postInSession(message, signal);
    // What comes next on the pipe waits for the session.
    if (isOpening)
      this.#opening = opened.then(
        () => {},
        () => {},
      );
    const response = await opened;
    if (isOpening) this.#keepSession(response, message);
    yield* messagesIn(response, message);
  }

  /** Ends the session. */
  async close(): Promise<void> {
    if (!this.#session) return;
    await this.#fetch('DELETE', this.#sessionHeaders()).catch(() => {});
  }

  async #postInSession(message: Message, signal: AbortSignal | undefined): Promise<Response> {
    if (isModern(message)) return this.#post(message, signal);
    await this.#opening;
    // The service came up after the host had been answered without it.
    const session = this.#session;
    if (!session) await this.#reopen();
    const response = await this.#post(message, signal);
    if (response.status !== 404) return response;
    // It was not taken: the service does not know the session any more.
    if (this.#session === session) await this.#reopen();
    return this.#post(message, signal);
  }

  /** Opens another session with what the host said at the start; once for all messages that wait for it. */
  #reopen(): Promise<void> {
    this.#reopening ??= this.#openAgain().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #openAgain(): Promise<void> {
    const initialize = this.#initialize;
    if (!initialize) return;
    this.#session = undefined;
    const response = await this.#post({ ...initialize, id: 'dragoman-reopen' });
    this.#keepSession(response, initialize);
    await response.text();
    const told = await this.#post({ method: 'notifications/initialized' });
    await told.text();
  }

  #keepSession({ headers }: Response, { params }: Message): void {
    const id = headers.get('mcp-session-id');
    if (id) this.#session = { id, version: String(params?.protocolVersion ?? '') };
  }

  async #post(message: Message, signal?: AbortSignal): Promise<Response> {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(isModern(message) ? modernHeaders(message) : this.#sessionHeaders()),
    };
    const body = JSON.stringify({ jsonrpc: '2.0', ...message });
    const post = () => this.#fetch('POST', headers, body, signal);
    try {
      return await post();
    } catch (error) {
      if (signal?.aborted || !this.#options.ready || !(await this.#options.ready())) throw error;
      return await post();
    }
  }

  async #fetch(
    method: string,
    headers: Record<string, string>,
    body?: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    const key = await this.#options.key();
    try {
      return await fetch(`${this.#options.url}/mcp`, {
        method,
        headers: { ...headers, ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
        ...(body === undefined ? {} : { body }),
        ...(signal ? { signal } : {}),
      });
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new Unreachable('the service does not answer', { cause });
    }
  }

  #sessionHeaders(): Record<string, string> {
    return this.#session ? { 'mcp-session-id': this.#session.id } : {};
  }
}

/** Headers repeat what the body of a stateless message says. */
function modernHeaders({ method, params }: Message): Record<string, string> {
  const name = params?.name ?? params?.uri;
  return {
    'mcp-protocol-version': String((params!._meta as Record<string, unknown>)[versionKey]),
    ...(method === undefined ? {} : { 'mcp-method': method }),
    ...(typeof name === 'string' ? { 'mcp-name': headerText(name) } : {}),
  };
}

/** A header holds ASCII alone: anything else is base64 between marks. */
function headerText(text: string): string {
  const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?');
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

/** The messages of an answer. @throws Unreachable for what no MCP server answers, and when the key is not accepted */
async function* messagesIn(response: Response, { id }: Message): AsyncGenerator<string> {
  const type = response.headers.get('content-type') ?? '';
  if (type.startsWith('text/event-stream')) return yield* eventsIn(response);
  const text = await response.text();
  if (text === '') return;
  if (!type.startsWith('application/json') || !text.includes('"jsonrpc"'))
    throw new Unreachable(`what answers is no Dragoman (status ${response.status})`);
  if (response.status === 401) throw new Unreachable('the key is not accepted', { isRefused: true });
  // A refusal that came before the message was read does not name it.
  yield response.ok || id === undefined ? text : JSON.stringify({ ...JSON.parse(text), id });
}

async function* eventsIn(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Pieces of a line that is not complete: a line may be megabytes long.
  let pieces: string[] = [];
  for await (const chunk of response.body!) {
    const [first = '', ...lines] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    for (const line of lines) {
      const whole = pieces.join('');
      pieces = [line];
      if (whole.startsWith('data: ')) yield whole.slice('data: '.length).trimEnd();
    }
  }
}
