import { DragomanError, FairStore, type Principal } from '../../core/index.ts';

/** A request that its client may cancel by name. */
interface Flight {
  /** Ends what the request has begun. */
  cancel(): void;
  hasEnded: boolean;
}

/** The longest program waits ten minutes for its client; then its request is remembered for as long again. */
const rememberedMs = 20 * 60_000;
const maxRemembered = 1000;
/** Of one request: its name and its place in the store. */
const bytesOfOne = 256;

/**
 * Requests by the names their clients gave them, while they run and for some minutes after. A principal's names are its own, and
 * a principal with many requests forgets its own oldest ones.
 */
export class Cancellations {
  readonly #flights: FairStore<Flight>;

  /** @param now milliseconds */
  constructor(now: () => number) {
    const maxBytes = maxRemembered * bytesOfOne;
    this.#flights = new FairStore({ maxEntries: maxRemembered, maxBytes, ttlMs: rememberedMs, now });
  }

  /**
   * Makes a request cancellable. Call the returned function when the request ends, with what a later cancellation has to end
   * instead; without that, nothing is left to cancel.
   */
  begin(principal: Principal, id: string, cancel: () => void): (cancelLater: (() => void) | undefined) => void {
    const flight: Flight = { cancel, hasEnded: false };
    this.#flights.set(keyOf(principal, id), flight, bytesOfOne);
    return (cancelLater) => {
      if (cancelLater) flight.cancel = cancelLater;
      else flight.hasEnded = true;
    };
  }

  /** False when nothing was left to cancel. @throws DragomanError not_found, also for a request of another principal */
  cancel(principal: Principal, id: string): boolean {
    const flight = this.#flights.get(keyOf(principal, id));
    if (!flight) throw new DragomanError('not_found');
    if (flight.hasEnded) return false;
    flight.cancel();
    flight.hasEnded = true;
    return true;
  }
}

const keyOf = ({ tenant, id: principalId }: Principal, id: string) => ({ tenant, principalId, id });
