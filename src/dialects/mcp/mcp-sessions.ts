import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { FairStore, type Principal } from '../../core/index.ts';
import { type LegacyVersion, legacyVersions } from './eras.ts';

/** What a legacy client's `initialize` agreed on. */
export interface McpSession {
  /** Unique; names the Dragoman session behind it. */
  readonly id: string;
  readonly version: LegacyVersion;
  /** The Dragoman session behind it, if that is remembered: finding it by its name costs more. */
  readonly workplace: string | undefined;
  remember(workplace: string): void;
}

export interface McpSessionsOptions {
  /** Signs ids. The same one accepts them, also after a restart. */
  readonly secret: Buffer;
  /** How long an id is accepted, in milliseconds. */
  readonly lifeMs: number;
  /** Milliseconds since the epoch. */
  now(): number;
}

const idBytes = 16;
const timeBytes = 6;
const headBytes = idBytes + timeBytes + 1;
const tagBytes = 16;
const maxEnded = 10_000;
const maxWorkplaces = 10_000;
const workplaceMs = 3_600_000;

/**
 * The sessions of legacy clients. Hosts open thousands, keep them idle for days and forget them, so nothing has to be kept for one: its id
 * carries what was agreed on, signed together with the principal it was given to. What a client ended,
 * and where those in use work, is remembered by share.
 */
export class McpSessions {
  readonly #options: McpSessionsOptions;
  readonly #ended: FairStore<true>;
  readonly #workplaces: FairStore<string>;

  constructor(options: McpSessionsOptions) {
    this.#options = options;
    const { lifeMs, now } = options;
    this.#ended = new FairStore({ maxEntries: maxEnded, maxBytes: Number.MAX_SAFE_INTEGER, ttlMs: lifeMs, now });
    this.#workplaces = new FairStore({
      maxEntries: maxWorkplaces,
      maxBytes: Number.MAX_SAFE_INTEGER,
      ttlMs: workplaceMs,
      now,
    });
  }

  /** Returns the value of `Mcp-Session-Id` for a new session. */
  begin(principal: Principal, version: LegacyVersion): string {
    const head = Buffer.alloc(headBytes);
    randomBytes(idBytes).copy(head);
    head.writeUIntBE(this.#options.now(), idBytes, timeBytes);
    head[headBytes - 1] = legacyVersions.indexOf(version);
    return Buffer.concat([head, this.#tag(head, principal)]).toString('base64url');
  }

  /** The session of this header; undefined when it was never given to this principal, or is over. */
  find(principal: Principal, header: string): McpSession | undefined {
    const bytes = Buffer.from(header.slice(0, 100), 'base64url');
    if (bytes.length !== headBytes + tagBytes || bytes.toString('base64url') !== header) return undefined;
    const head = bytes.subarray(0, headBytes);
    if (!timingSafeEqual(bytes.subarray(headBytes), this.#tag(head, principal))) return undefined;
    const version = legacyVersions[head[headBytes - 1]!];
    const isOver = this.#options.now() - head.readUIntBE(idBytes, timeBytes) > this.#options.lifeMs;
    const id = head.subarray(0, idBytes).toString('base64url');
    if (version === undefined || isOver || this.#ended.get(keyOf(principal, id))) return undefined;
    const key = keyOf(principal, id);
    return {
      id,
      version,
      workplace: this.#workplaces.get(key),
      remember: (workplace) => this.#workplaces.set(key, workplace, 0),
    };
  }

  end(principal: Principal, { id }: Pick<McpSession, 'id'>): void {
    this.#ended.set(keyOf(principal, id), true, 0);
  }

  #tag(head: Buffer, { tenant, id }: Principal): Buffer {
    const owner = JSON.stringify([tenant, id]);
    return createHmac('sha256', this.#options.secret).update(head).update(owner).digest().subarray(0, tagBytes);
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });
