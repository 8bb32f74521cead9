import type { Problem } from '../../http/index.ts';

/** Shapes and codes of JSON-RPC 2.0, and the codes that MCP adds. */

export type RequestId = string | number;

export interface RpcRequest {
  readonly kind: 'request';
  readonly id: RequestId;
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface RpcNotification {
  readonly kind: 'notification';
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** An answer to a request of ours. There are none, so it is taken and dropped. */
interface RpcResponse {
  readonly kind: 'response';
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse;

export const rpcCodes = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  server: -32000,
  sessionNotFound: -32001,
  resourceNotFound: -32002,
  headerMismatch: -32020,
  unsupportedVersion: -32022,
} as const;

/** A refusal that is a JSON-RPC error on the wire. */
export class RpcError extends Error {
  readonly code: number;
  /** HTTP status. 200: the request was understood, and this is its answer. */
  readonly status: number;
  readonly data: object | undefined;

  constructor(code: number, message: string, { status = 400, data }: { status?: number; data?: object } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.data = data;
  }
}

export const resultMessage = (id: RequestId, result: object) => ({ jsonrpc: '2.0', id, result }) as const;

export const errorMessage = (
  id: RequestId | null,
  { code, message, data }: Pick<RpcError, 'code' | 'message' | 'data'>,
) => ({ jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } }) as const;

export const notificationMessage = (method: string, params: object) => ({ jsonrpc: '2.0', method, params }) as const;

/** The JSON-RPC code for an error of the HTTP layer. */
export function rpcCodeOf({ code, status }: Pick<Problem, 'code' | 'status'>): number {
  // A body of another type is not read.
  if (code === 'invalid_request') return status === 415 ? rpcCodes.invalidRequest : rpcCodes.parseError;
  return code === 'internal' ? rpcCodes.internal : rpcCodes.server;
}

/** Reads the one message of a body. @throws RpcError */
export function readMessage(body: unknown): RpcMessage {
  if (Array.isArray(body))
    throw new RpcError(rpcCodes.invalidRequest, 'Send one message a request: there are no batches.');
  if (!isObject(body) || body.jsonrpc !== '2.0') throw noMessage();
  const { id, method, params = {} } = body;
  if (method === undefined && ('result' in body || 'error' in body)) return { kind: 'response' };
  if (typeof method !== 'string' || !isObject(params)) throw noMessage();
  if (!('id' in body)) return { kind: 'notification', method, params };
  if (typeof id !== 'string' && !Number.isInteger(id)) throw noMessage();
  return { kind: 'request', id: id as RequestId, method, params };
}

const noMessage = () => new RpcError(rpcCodes.invalidRequest, 'The body is no JSON-RPC 2.0 message.');

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The `_meta` of params; empty when there is none. */
export function metaOf({ _meta }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return isObject(_meta) ? _meta : {};
}
