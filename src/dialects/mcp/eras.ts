import type { IncomingHttpHeaders } from 'node:http';
import { isObject, metaOf, RpcError, type RpcMessage, type RpcRequest, rpcCodes } from './json-rpc.ts';

/** Revisions of the protocol. A modern request carries its revision itself; a legacy one belongs to a session that agreed on one. */
export const modernVersion = '2026-07-28';
export const legacyVersions = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;

export type LegacyVersion = (typeof legacyVersions)[number];

const versionKey = 'io.modelcontextprotocol/protocolVersion';
const capabilitiesKey = 'io.modelcontextprotocol/clientCapabilities';
export const serverInfoKey = 'io.modelcontextprotocol/serverInfo';

export function isLegacyVersion(version: unknown): version is LegacyVersion {
  return legacyVersions.includes(version as LegacyVersion);
}

/** The legacy revision that is agreed on with a client that asks for this one. */
export function agreedVersion(asked: unknown): LegacyVersion {
  return isLegacyVersion(asked) ? asked : legacyVersions[0];
}

/**
 * Whether a message is of the modern era: by what its `_meta` says, else by its header.
 * @throws RpcError when its headers and its body contradict each other, or its revision is unknown
 */
export function isModern(message: RpcMessage, headers: IncomingHttpHeaders): boolean {
  if (message.kind === 'response') return false;
  const said = trimmed(headers['mcp-protocol-version']);
  const claimed = metaOf(message.params)[versionKey];
  if (claimed === undefined) {
    if (said === undefined || said < modernVersion) return false;
    if (message.kind === 'notification') return true;
    throw new RpcError(rpcCodes.invalidParams, `A request of ${modernVersion} carries ${versionKey} in _meta.`);
  }
  if (typeof claimed !== 'string') throw new RpcError(rpcCodes.invalidParams, `${versionKey} is a string.`);
  // The older handshake never carries this key, so what does is modern even if it names an older revision.
  if (said !== undefined && said !== claimed) throw mismatch('MCP-Protocol-Version', said, claimed);
  if (claimed !== modernVersion)
    throw new RpcError(rpcCodes.unsupportedVersion, `Unsupported protocol version: ${claimed.slice(0, 40)}`, {
      data: { supported: [modernVersion], requested: claimed },
    });
  if (message.kind === 'request') checkRequest(message, headers, said);
  return true;
}

/** What a modern request needs besides its revision. @throws RpcError */
function checkRequest(request: RpcRequest, headers: IncomingHttpHeaders, version: string | undefined): void {
  if (!isObject(metaOf(request.params)[capabilitiesKey]))
    throw new RpcError(rpcCodes.invalidParams, `_meta needs ${capabilitiesKey}.`);
  if (version === undefined) throw missing('MCP-Protocol-Version');
  const method = trimmed(headers['mcp-method']);
  if (method === undefined) throw missing('Mcp-Method');
  if (method !== request.method) throw mismatch('Mcp-Method', method, request.method);
  const field = nameFields.get(request.method);
  const name = field && request.params[field];
  if (typeof name !== 'string') return;
  const said = trimmed(headers['mcp-name']);
  if (said === undefined) throw missing('Mcp-Name');
  if (decoded(said) !== name) throw mismatch('Mcp-Name', said, name);
}

/** What `Mcp-Name` repeats, by method. */
const nameFields: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['resources/read', 'uri'],
]);

/** A header that holds more than ASCII comes as base64 between marks. */
function decoded(header: string): string | undefined {
  const [, base64] = /^=\?base64\?([A-Za-z0-9+/]*={0,2})\?=$/.exec(header) ?? [];
  return base64 === undefined ? header : Buffer.from(base64, 'base64').toString('utf8');
}

const trimmed = (header: string | string[] | undefined) => (Array.isArray(header) ? header.join() : header)?.trim();

const missing = (name: string) => new RpcError(rpcCodes.headerMismatch, `The header ${name} is missing.`);

const mismatch = (header: string, said: string, body: string) =>
  new RpcError(rpcCodes.headerMismatch, `The header ${header} and the body disagree.`, {
    data: { mismatch: { header: said.slice(0, 200), body: body.slice(0, 200) } },
  });
