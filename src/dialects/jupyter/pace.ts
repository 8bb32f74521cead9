/** Messages of one key that are taken at once, and how many more each second, over all its sockets: each is told to every client. */
const burst = 2000;
const perSecond = 200;
/** Keys whose pace is remembered. */
const maxKeys = 10_000;

/** How fast keys may send messages. */
export class Pace {
  readonly #clock: () => number;
  readonly #byKey = new Map<string, { tokens: number; at: number }>();

  /** @param clock milliseconds; only differences matter */
  constructor(clock: () => number = () => performance.now()) {
    this.#clock = clock;
  }

  /** Counts a message; returns how long it has to wait, in milliseconds. */
  take(key: string): number {
    const now = this.#clock();
    const known = this.#byKey.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, known.tokens + ((now - known.at) / 1000) * perSecond) - 1;
    // The order of the map is that of use, and what was not used for longest is full again.
    this.#byKey.delete(key);
    this.#byKey.set(key, { tokens, at: now });
    if (this.#byKey.size > maxKeys) this.#byKey.delete(this.#byKey.keys().next().value!);
    return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1000);
  }
}
