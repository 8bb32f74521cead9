import type { Principal } from '../../core/index.ts';
import type { NamedRequests } from '../../service/index.ts';
import type { RequestId } from './json-rpc.ts';

/**
 * Requests of legacy clients that are being answered: a later message of the same MCP session may cancel one. Each holds its
 * connection, so their number is bounded with that of connections.
 */
export class InFlight {
  readonly #requests = new Map<string, AbortController>();
  readonly #named: NamedRequests;

  /** @param named what any gateway may cancel */
  constructor(named: NamedRequests) {
    this.#named = named;
  }

  get size(): number {
    return this.#requests.size;
  }

  /** Call `end` when the request is answered. */
  begin(principal: Principal, mcpSessionId: string, id: RequestId): { signal: AbortSignal; end(): void } {
    const controller = new AbortController();
    const key = keyOf(principal, mcpSessionId, id);
    this.#requests.set(key, controller);
    const named = this.#named.begin(principal, nameOf(mcpSessionId, id), () => controller.abort());
    return {
      signal: controller.signal,
      end: () => {
        named.end();
        // A client that uses an id twice cancels the later one.
        if (this.#requests.get(key) === controller) this.#requests.delete(key);
      },
    };
  }

  /** What is answered already, or was never asked, is nothing to cancel. */
  cancel(principal: Principal, mcpSessionId: string, id: unknown): void {
    if (typeof id !== 'string' && typeof id !== 'number') return;
    const here = this.#requests.get(keyOf(principal, mcpSessionId, id));
    if (here) here.abort();
    else this.#named.cancel(principal, nameOf(mcpSessionId, id)).catch(() => {});
  }
}

/** No other dialect has such names. */
const nameOf = (mcpSessionId: string, id: RequestId) => JSON.stringify(['mcp', mcpSessionId, id]);

const keyOf = ({ tenant, id: principalId }: Principal, mcpSessionId: string, id: RequestId) =>
  JSON.stringify([tenant, principalId, mcpSessionId, id]);
