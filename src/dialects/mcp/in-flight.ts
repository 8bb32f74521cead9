import type { Principal } from '../../core/index.ts';
import type { RequestId } from './json-rpc.ts';

/**
 * Requests of legacy clients that are being answered: a later message of the same MCP session may cancel one. Each holds its
 * connection, so their number is bounded with that of connections.
 */
export class InFlight {
  readonly #requests = new Map<string, AbortController>();

  get size(): number {
    return this.#requests.size;
  }

  /** Call `end` when the request is answered. */
  begin(principal: Principal, mcpSessionId: string, id: RequestId): { signal: AbortSignal; end(): void } {
    const controller = new AbortController();
    const key = keyOf(principal, mcpSessionId, id);
    this.#requests.set(key, controller);
    return {
      signal: controller.signal,
      end: () => {
        // A client that uses an id twice cancels the later one.
        if (this.#requests.get(key) === controller) this.#requests.delete(key);
      },
    };
  }

  /** What is answered already, or was never asked, is nothing to cancel. */
  cancel(principal: Principal, mcpSessionId: string, id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    this.#requests.get(keyOf(principal, mcpSessionId, id))?.abort();
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, mcpSessionId: string, id: RequestId) =>
  JSON.stringify([tenant, principalId, mcpSessionId, id]);
