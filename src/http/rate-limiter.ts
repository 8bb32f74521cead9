import type { RateClass, RateLimits } from '../core/index.ts';

interface Bucket {
  tokens: number;
  readAt: number;
  /** When it will be full again. */
  fullAt: number;
}

/**
 * A token bucket for each principal and class: `count` requests at once, and from then on `count` per period, both as the
 * principal's plan has it. Several gateways let through their part each. Written here rather than taken from a library because it is this little, needs no timer, and runs
 * on the clock it is given, in milliseconds: a monotonic one, because a clock that steps back would lock every principal out.
 */
export class RateLimiter {
  readonly #clock: () => number;
  readonly #gateways: () => number;
  readonly #buckets: Record<RateClass, Map<string, Bucket>> = {
    exec: new Map(),
    upload: new Map(),
    download: new Map(),
    list: new Map(),
  };
  #forgetAt = 10_000;

  /** @param gateways how many processes share what a principal may do; absent: this one alone */
  constructor(clock: () => number, gateways: () => number = () => 1) {
    this.#clock = clock;
    this.#gateways = gateways;
  }

  /** Takes one request; returns 0 when it may pass, else the whole seconds after which one may. */
  take(principalId: string, limits: RateLimits, rateClass: RateClass): number {
    const limit = limits[rateClass];
    if (!limit) return 0;
    const { periodMs } = limit;
    const rate = limit.count / this.#gateways();
    const count = Math.max(1, rate);
    const now = this.#clock();
    const buckets = this.#buckets[rateClass];
    let bucket = buckets.get(principalId);
    if (!bucket) {
      if (buckets.size >= this.#forgetAt) this.#forgetFull(buckets, now);
      bucket = { tokens: count, readAt: now, fullAt: now };
      buckets.set(principalId, bucket);
    }
    bucket.tokens = Math.min(count, bucket.tokens + ((now - bucket.readAt) * rate) / periodMs);
    bucket.readAt = now;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) * periodMs) / rate / 1000);
    bucket.tokens -= 1;
    bucket.fullAt = now + ((count - bucket.tokens) * periodMs) / rate;
    return 0;
  }

  /** A full bucket says the same as none. */
  #forgetFull(buckets: Map<string, Bucket>, now: number): void {
    for (const [principalId, { fullAt }] of buckets) if (fullAt <= now) buckets.delete(principalId);
    this.#forgetAt = Math.max(10_000, 2 * buckets.size);
  }
}
