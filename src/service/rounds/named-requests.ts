import { DragomanError, FairStore, type Principal } from '../../core/index.ts';
import type { Executions, RunningExecution } from '../executions/executions.ts';
import type { Peers } from '../peers/peers.ts';
import type { NamedRequest, NamedRequests } from './rounds.ts';

interface Remembered {
  executionId: string | undefined;
  isCancelled: boolean;
  hasEnded: boolean;
  readonly cancelled: (() => void) | undefined;
}

/** The longest execution waits ten minutes for its client; then its request is remembered for as long again. */
const rememberedMs = 20 * 60_000;
const maxRemembered = 1000;
/** Of one request: its name and its place in the store. */
const bytesOfOne = 256;

export interface NamedRequestParts {
  readonly executions: Pick<Executions, 'find'>;
  readonly peers: Peers;
}

/** How long another gateway may take to cancel a request. */
const askMs = 3000;

/** `NamedRequests` in the memory of this process. Others are asked for what is not there. */
export class RememberedRequests implements NamedRequests {
  readonly #parts: NamedRequestParts;
  readonly #requests: FairStore<Remembered>;

  /** @param now milliseconds; absent: the clock of the process */
  constructor(parts: NamedRequestParts, now?: () => number) {
    this.#parts = parts;
    const maxBytes = maxRemembered * bytesOfOne;
    this.#requests = new FairStore({
      maxEntries: maxRemembered,
      maxBytes,
      ttlMs: rememberedMs,
      ...(now ? { now } : {}),
    });
  }

  begin(principal: Principal, name: string, cancelled?: () => void): NamedRequest {
    const request: Remembered = { executionId: undefined, isCancelled: false, hasEnded: false, cancelled };
    const requests = this.#requests;
    const key = keyOf(principal, name);
    requests.set(key, request, bytesOfOne);
    return {
      attach(executionId) {
        request.executionId = executionId;
        return request.isCancelled;
      },
      end() {
        request.hasEnded = true;
        // A later one may have its name.
        if (cancelled && requests.get(key) === request) requests.delete(key);
      },
    };
  }

  async cancel(principal: Principal, name: string): Promise<boolean> {
    const here = this.#requests.get(keyOf(principal, name)) && (await this.cancelHere(principal, name));
    if (here) return true;
    const elsewhere = await this.#cancelElsewhere(principal, name);
    if (here === undefined && elsewhere.length === 0) throw new DragomanError('not_found');
    return elsewhere.includes(true);
  }

  /** The same, of a request that came to this gateway. Undefined: there is none of the name. */
  async cancelHere(principal: Principal, name: string): Promise<boolean | undefined> {
    const request = this.#requests.get(keyOf(principal, name));
    if (!request) return undefined;
    const { executionId, isCancelled, hasEnded } = request;
    if (isCancelled) return false;
    request.isCancelled = true;
    const execution = executionId === undefined ? undefined : await this.#find(principal, executionId);
    const isOver = execution ? execution.status === 'done' : hasEnded;
    if (isOver) return false;
    execution?.cancel();
    request.cancelled?.();
    return true;
  }

  async #find(principal: Principal, executionId: string): Promise<RunningExecution | undefined> {
    try {
      return await this.#parts.executions.find(principal, executionId);
    } catch (error) {
      if (error instanceof DragomanError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /** What each other gateway says that has a request of this name. */
  async #cancelElsewhere({ id, tenant }: Principal, name: string): Promise<boolean[]> {
    const { peers } = this.#parts;
    const question = { type: 'cancel_named', principal: { id, tenant }, name } as const;
    const ask = (gateway: string) => peers.ask<boolean | null>(gateway, question, askMs).catch(() => null);
    return (await Promise.all(peers.others().map(ask))).filter((answer) => answer !== null);
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });
