import type { Principal, StoredFile } from '../../core/index.ts';
import type { McpSession } from './mcp-sessions.ts';

/** Who asks, and what its request says beside its message. */
export interface Caller {
  readonly principal: Principal;
  /** Undefined: a modern client, which has no session. */
  readonly legacy: McpSession | undefined;
  /** Name of the session to work in, from a header. */
  readonly sessionName: string | undefined;
  /** Whether results may link files. */
  readonly links: boolean;
  /** The address of a file for people without a key; undefined: there is none. */
  download(file: StoredFile): string | undefined;
  /**
   * Counts bytes that are held for this caller until its answer is read.
   * @throws DragomanError rate_limited when its principal holds too much, overloaded when all together do
   */
  hold(bytes: number): void;
}

/** One call of a tool. */
export interface Call {
  readonly caller: Caller;
  /** Aborts when the client cancels; in the modern era also when it leaves. */
  readonly signal: AbortSignal;
  /** Tells how far it is. Undefined: the client did not ask. `progress` only grows. */
  readonly report: ((progress: number, message: string) => void) | undefined;
}
