import type { TestServer } from './server.ts';

/** A block of a result, as far as tests look at it. */
interface McpBlock {
  readonly type: string;
  readonly text?: string;
  readonly data?: string;
  readonly mimeType?: string;
  readonly uri?: string;
  readonly name?: string;
}

export interface McpResult {
  readonly content: readonly McpBlock[];
  readonly isError?: boolean;
  readonly structuredContent?: Record<string, unknown>;
  readonly _meta?: Record<string, unknown>;
}

export interface McpMessage {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: results of any method
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: Record<string, unknown> };
}

export interface McpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Of a stream all of them, in order; else one, or none. */
  readonly messages: readonly McpMessage[];
}

type Place = Pick<TestServer, 'url' | 'key'>;

const bothKinds = 'application/json, text/event-stream';

/** Sends a body as it is. */
export async function sendMcp(
  { url, key }: Place,
  body: unknown,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<McpAnswer> {
  const response = await fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json', accept: bothKinds, ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, messages: messagesIn(text) };
}

function messagesIn(text: string): McpMessage[] {
  if (text === '') return [];
  if (text.startsWith('{')) return [JSON.parse(text)];
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(data!));
}

/** A client of one era, on the wire. */
export interface McpClient {
  readonly headers: Record<string, string>;
  send(method: string, params?: object, options?: { id?: number | string; signal?: AbortSignal }): Promise<McpAnswer>;
  /** The result of a tool. @throws Error when the answer is an error */
  call(name: string, given: object, meta?: object): Promise<McpResult>;
  notify(method: string, params: object): Promise<McpAnswer>;
}

/** Opens a session of an older revision. */
export async function legacyMcp(
  place: Place,
  extra: Record<string, string> = {},
  version = '2025-06-18',
): Promise<McpClient> {
  const opened = await sendMcp(
    place,
    {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: version, capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    },
    extra,
  );
  const headers = {
    ...extra,
    'mcp-session-id': opened.headers.get('mcp-session-id') ?? '',
    'mcp-protocol-version': version,
  };
  return clientOf(place, headers, (_method, params) => ({ params, headers }));
}

/** A client of the stateless revision. */
export function modernMcp(place: Place, extra: Record<string, string> = {}): McpClient {
  return clientOf(place, extra, (method, params) => {
    const { name, uri, _meta } = params as { name?: string; uri?: string; _meta?: object };
    const meta = {
      ..._meta,
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
    };
    const named = name ?? uri;
    return {
      params: { ...params, _meta: meta },
      headers: {
        ...extra,
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': method,
        ...(named === undefined ? {} : { 'mcp-name': named }),
      },
    };
  });
}

type Dress = (method: string, params: object) => { params: object; headers: Record<string, string> };

function clientOf(place: Place, headers: Record<string, string>, dress: Dress): McpClient {
  let last = 0;
  const send: McpClient['send'] = (method, params = {}, { id = ++last, signal } = {}) => {
    const dressed = dress(method, params);
    return sendMcp(place, { jsonrpc: '2.0', id, method, params: dressed.params }, dressed.headers, signal);
  };
  return {
    headers,
    send,
    async call(name, given, meta) {
      const { messages } = await send('tools/call', { name, arguments: given, ...(meta ? { _meta: meta } : {}) });
      const answer = messages.at(-1);
      if (!answer?.result) throw new Error(`no result: ${JSON.stringify(messages)}`);
      return answer.result as McpResult;
    },
    notify(method, params) {
      const dressed = dress(method, params);
      return sendMcp(place, { jsonrpc: '2.0', method, params: dressed.params }, dressed.headers);
    },
  };
}

/** The text of a result. */
export const textOf = ({ content }: McpResult): string => content.find(({ type }) => type === 'text')?.text ?? '';

/** The session that a result names. */
export function sessionIn(result: McpResult): string {
  const id = /\[session_id (\S+?)[\]\s]/.exec(textOf(result))?.[1];
  if (!id) throw new Error(`no session in ${textOf(result)}`);
  return id;
}

/** A result for programs. */
export const runOf = (result: McpResult) => result._meta?.['dragoman/run'] as Record<string, unknown>;
export const commandOf = (result: McpResult) => result._meta?.['dragoman/command'] as Record<string, unknown>;
