import { DragomanError, FairStore, type Principal } from '../../core/index.ts';
import type { ExecutionLog } from '../executions/execution-log.ts';
import type { NamedRequest, NamedRequests } from './rounds.ts';

interface Remembered {
  executionId: string | undefined;
  isCancelled: boolean;
  hasEnded: boolean;
}

/** The longest execution waits ten minutes for its client; then its request is remembered for as long again. */
const rememberedMs = 20 * 60_000;
const maxRemembered = 1000;
/** Of one request: its name and its place in the store. */
const bytesOfOne = 256;

/** `NamedRequests` in the memory of this process. */
export class RememberedRequests implements NamedRequests {
  readonly #log: Pick<ExecutionLog, 'tracked'>;
  readonly #requests: FairStore<Remembered>;

  /** @param now milliseconds; absent: the clock of the process */
  constructor(log: Pick<ExecutionLog, 'tracked'>, now?: () => number) {
    this.#log = log;
    const maxBytes = maxRemembered * bytesOfOne;
    this.#requests = new FairStore({
      maxEntries: maxRemembered,
      maxBytes,
      ttlMs: rememberedMs,
      ...(now ? { now } : {}),
    });
  }

  begin(principal: Principal, name: string): NamedRequest {
    const request: Remembered = { executionId: undefined, isCancelled: false, hasEnded: false };
    this.#requests.set(keyOf(principal, name), request, bytesOfOne);
    return {
      attach(executionId) {
        request.executionId = executionId;
        return request.isCancelled;
      },
      end() {
        request.hasEnded = true;
      },
    };
  }

  cancel(principal: Principal, name: string): boolean {
    const request = this.#requests.get(keyOf(principal, name));
    if (!request) throw new DragomanError('not_found');
    const { executionId, isCancelled, hasEnded } = request;
    const execution = executionId === undefined ? undefined : this.#log.tracked(principal, executionId);
    const isOver = execution ? execution.status === 'done' : hasEnded;
    if (isCancelled || isOver) return false;
    request.isCancelled = true;
    execution?.cancel();
    return true;
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });
