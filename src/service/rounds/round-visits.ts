import { DragomanError, within } from '../../core/index.ts';
import type { Round } from './rounds.ts';

/** A request that waits for a round of an execution, and came through another gateway. */
interface Visit {
  readonly round: Promise<Round>;
  readonly gone: AbortController;
  askedAt: number;
  isOver: boolean;
}

/** A gateway that does not ask for so long has died, and its caller's connection with it. */
const silentMs = 15_000;
const lookMs = 5000;
/** How long one question waits, at most. */
const maxWaitMs = 5000;

/** Requests that other gateways have got for executions of this one. They ask again and again until there is a round. */
export class RoundVisits {
  readonly #visits = new Map<string, Visit>();
  #timer: NodeJS.Timeout | undefined;

  /** Waits for the round of a visit, which `begin` begins when it is a new one. Null: there is none yet. @throws what `begin` throws */
  async wait(token: string, waitMs: number, begin: (gone: AbortSignal) => Promise<Round>): Promise<Round | null> {
    const visit = this.#visits.get(token) ?? this.#open(token, begin);
    visit.askedAt = performance.now();
    return (await within(visit.round, Math.min(waitMs, maxWaitMs))) ?? null;
  }

  /** Its caller has gone. */
  end(token: string): void {
    this.#visits.get(token)?.gone.abort();
  }

  #open(token: string, begin: (gone: AbortSignal) => Promise<Round>): Visit {
    const gone = new AbortController();
    const round = begin(gone.signal);
    const visit: Visit = { round, gone, askedAt: performance.now(), isOver: false };
    const over = () => {
      visit.isOver = true;
    };
    round.then(over, over);
    this.#visits.set(token, visit);
    this.#timer ??= setInterval(() => this.#look(), lookMs).unref();
    return visit;
  }

  /** What is over stays until its gateway has surely heard of it. */
  #look(): void {
    const now = performance.now();
    for (const [token, visit] of this.#visits) {
      if (now - visit.askedAt < silentMs) continue;
      if (visit.isOver) this.#visits.delete(token);
      else visit.gone.abort(new DragomanError('cancelled'));
    }
    if (this.#visits.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
