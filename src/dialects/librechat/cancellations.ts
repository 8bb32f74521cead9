import { DragomanError, type Principal } from '../../core/index.ts';

/** What is known of a request that its client may cancel by name. */
interface Flight {
  readonly principalId: string;
  /** Ends what the request has begun. */
  cancel(): void;
  endedAt: number | undefined;
}

const maxRemembered = 1000;
const rememberedMs = 10 * 60_000;

/** Requests by the names their clients gave them, under way and for some minutes after. */
export class Cancellations {
  readonly #now: () => number;
  /** Insertion order is age. */
  readonly #flights = new Map<string, Flight>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Makes a request cancellable. The returned function is for its end, and takes what a later cancellation has to end instead:
   * without that there is nothing left to cancel.
   */
  begin(principal: Principal, id: string, cancel: () => void): (cancelLater: (() => void) | undefined) => void {
    const flight: Flight = { principalId: principal.id, cancel, endedAt: undefined };
    this.#flights.delete(id);
    this.#flights.set(id, flight);
    this.#forget();
    return (cancelLater) => {
      if (cancelLater) flight.cancel = cancelLater;
      else flight.endedAt = this.#now();
    };
  }

  /** False when there was nothing left to cancel. @throws DragomanError not_found; forbidden for another's request */
  cancel(principal: Principal, id: string): boolean {
    const flight = this.#flights.get(id);
    if (!flight) throw new DragomanError('not_found');
    if (flight.principalId !== principal.id) throw new DragomanError('forbidden');
    if (flight.endedAt !== undefined) return false;
    flight.cancel();
    flight.endedAt = this.#now();
    return true;
  }

  #forget(): void {
    const oldest = this.#now() - rememberedMs;
    for (const [id, { endedAt }] of this.#flights) {
      if (this.#flights.size <= maxRemembered && (endedAt === undefined || endedAt > oldest)) return;
      this.#flights.delete(id);
    }
  }
}
