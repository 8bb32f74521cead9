import type { FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError, HeldBytes, type Principal, type StoredFile } from '../../core/index.ts';
import type { Caller } from './call.ts';
import type { DownloadLinks } from './download-links.ts';
import { isLegacyVersion, isModern } from './eras.ts';
import { RpcError, type RpcMessage, rpcCodes } from './json-rpc.ts';
import type { McpSessions } from './mcp-sessions.ts';
import { ownNames } from './workplace.ts';

/** Bytes that are held for answers, until they are read. */
const heldLimits = { perPrincipal: 64 * 1024 * 1024, total: 256 * 1024 * 1024 };

/** Tells who sent a message, and in which era. */
export class Callers {
  readonly #sessions: McpSessions;
  readonly #links: boolean;
  readonly #downloads: DownloadLinks;
  readonly #held = new HeldBytes(heldLimits, 'Too many answers wait to be read. Read them, then try again.');

  /** @param links whether results link files unless a caller wants none */
  constructor(sessions: McpSessions, downloads: DownloadLinks, links: boolean) {
    this.#sessions = sessions;
    this.#downloads = downloads;
    this.#links = links;
  }

  /** @throws RpcError for a modern message that contradicts its headers, and a legacy one without a session of this caller */
  of(message: RpcMessage, request: FastifyRequest, reply: FastifyReply): Caller {
    const { principal, headers } = request;
    const common = {
      principal,
      sessionName: sessionName(headers['x-dragoman-session']),
      links: this.#links && headers['x-dragoman-links'] !== 'off',
      download: (file: StoredFile) => this.#downloads.make(principal, file),
      hold: (bytes: number) => this.#hold(principal, reply, bytes),
    };
    if (isModern(message, headers)) return { ...common, legacy: undefined };
    return { ...common, legacy: sessionOf(request, this.#sessions) };
  }

  #hold({ id }: Principal, { raw }: FastifyReply, bytes: number): void {
    if (raw.destroyed) throw new DragomanError('cancelled');
    this.#held.take(id, bytes);
    raw.once('close', () => this.#held.give(id, bytes));
  }
}

/** What hosts send where they have no conversation yet, or could not fill a placeholder in: all users would meet under it. */
const noNames = /^(?:|new|null|undefined|none)$|\{\{|\$\{/i;

/** The legacy session of a request. @throws RpcError */
export function sessionOf({ principal, headers }: FastifyRequest, sessions: McpSessions) {
  const header = headers['mcp-session-id'];
  if (typeof header !== 'string')
    throw new RpcError(rpcCodes.server, 'The header Mcp-Session-Id is missing. Send initialize first.');
  const said = headers['mcp-protocol-version'];
  if (said !== undefined && !isLegacyVersion(said))
    throw new RpcError(rpcCodes.server, 'Unsupported protocol version in MCP-Protocol-Version.');
  const session = sessions.find(principal, header);
  if (!session) throw new RpcError(rpcCodes.sessionNotFound, 'Session not found', { status: 404 });
  return session;
}

/** @throws RpcError for a name that cannot be one */
function sessionName(header: string | string[] | undefined): string | undefined {
  const name = (Array.isArray(header) ? header.join() : header)?.trim();
  if (name === undefined || noNames.test(name)) return undefined;
  if (name.startsWith(ownNames))
    throw new RpcError(rpcCodes.invalidRequest, `x-dragoman-session must not begin with "${ownNames}".`);
  if (/^[\x20-\x7e]{1,200}$/.test(name)) return name;
  throw new RpcError(rpcCodes.invalidRequest, 'x-dragoman-session must be 1 to 200 ASCII characters.');
}
