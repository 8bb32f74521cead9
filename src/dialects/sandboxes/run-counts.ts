import { FairStore, type Principal } from '../../core/index.ts';

/** How often code ran in each context, as front ends number it. This process alone remembers it, for a day. */
export class RunCounts {
  readonly #counts = new FairStore<number>({ maxEntries: 20_000, maxBytes: 20_000, ttlMs: 86_400_000 });

  /** @param context any text that names a context of the principal's */
  next({ tenant, id: principalId }: Pick<Principal, 'tenant' | 'id'>, context: string): number {
    const key = { tenant, principalId, id: context };
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count, 1);
    return count;
  }
}
