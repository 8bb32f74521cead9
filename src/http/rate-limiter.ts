import type { RateClass } from './dialect.ts';

/** So many requests in so many milliseconds; null for no limit. */
export type RateLimits = Readonly<Record<RateClass, { readonly count: number; readonly periodMs: number } | null>>;

interface Bucket {
  tokens: number;
  readAt: number;
}

/**
 * A token bucket for each principal and class: `count` requests at once, and from then on `count` per period. Written here
 * rather than taken from a library because it is this little, needs no timer, and runs on the clock it is given.
 */
export class RateLimiter {
  readonly #limits: RateLimits;
  readonly #clock: () => number;
  readonly #buckets: Record<RateClass, Map<string, Bucket>> = {
    exec: new Map(),
    upload: new Map(),
    download: new Map(),
    list: new Map(),
  };
  #forgetAt = 10_000;

  constructor(limits: RateLimits, clock: () => number) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Takes one request; returns 0 when it may pass, else the whole seconds after which one may. */
  take(principalId: string, rateClass: RateClass): number {
    const limit = this.#limits[rateClass];
    if (!limit) return 0;
    const { count, periodMs } = limit;
    const now = this.#clock();
    const buckets = this.#buckets[rateClass];
    let bucket = buckets.get(principalId);
    if (!bucket) {
      if (buckets.size >= this.#forgetAt) this.#forgetFull(buckets, now - periodMs);
      bucket = { tokens: count, readAt: now };
      buckets.set(principalId, bucket);
    }
    bucket.tokens = Math.min(count, bucket.tokens + ((now - bucket.readAt) * count) / periodMs);
    bucket.readAt = now;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * periodMs) / count / 1000);
    bucket.tokens -= 1;
    return 0;
  }

  /** Buckets not touched for a whole period are full again and need not be kept. */
  #forgetFull(buckets: Map<string, Bucket>, untouchedSince: number): void {
    for (const [principalId, { readAt }] of buckets) if (readAt <= untouchedSince) buckets.delete(principalId);
    this.#forgetAt = Math.max(10_000, 2 * buckets.size);
  }
}
