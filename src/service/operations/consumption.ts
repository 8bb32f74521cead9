import { setImmediate } from 'node:timers/promises';
import type { OwnedStorage, OwnedUsage, Owner, Records, UsageAmounts } from '../../stores/index.ts';
import { sumOfUsage, type UsageLedger } from '../usage/usage.ts';

/** Rows that are read in one turn of the event loop. */
const pageRows = 500;
/** Owners that are counted one by one; the others count in the totals alone. */
const maxOwners = 20_000;
/** A sum is shown this long without another count, because a page looks again and again; longer where counting takes long. */
const freshMs = 3000;
const longestFreshMs = 5 * 60_000;
/** Counting takes at most one part in so many of the time. */
const restFactor = 30;
const dayMs = 24 * 60 * 60_000;

interface OwnerUsage {
  readonly owner: Owner;
  readonly total: UsageAmounts;
  /** By day, `YYYY-MM-DD`. */
  readonly days: ReadonlyMap<string, UsageAmounts>;
}

export interface UsageOverview {
  readonly from: string;
  readonly to: string;
  readonly total: UsageAmounts;
  /** Of all owners, by day. */
  readonly days: ReadonlyMap<string, UsageAmounts>;
  /** Those who used the most processor time, most first. */
  readonly owners: readonly OwnerUsage[];
  /** Owners that are not among these. */
  readonly others: number;
}

export interface StorageOverview {
  readonly bytes: number;
  readonly files: number;
  /** Those whose files take the most, most first. */
  readonly owners: readonly OwnedStorage[];
  readonly others: number;
}

export interface ConsumptionOptions {
  readonly records: Pick<Records, 'usage' | 'files'>;
  readonly usage: Pick<UsageLedger, 'flush'>;
  readonly now: () => number;
}

/** What all keys and users used and store. It is read in pages, so that requests get their turn, and one reading serves all who ask. */
export class Consumption {
  readonly #options: ConsumptionOptions;
  readonly #usage = new Map<number, Reading<Counted>>();
  #storage: Reading<readonly OwnedStorage[]> | undefined;

  constructor(options: ConsumptionOptions) {
    this.#options = options;
  }

  /** @param days up to today, UTC */
  async usage(days: number, limit: number): Promise<UsageOverview> {
    const now = this.#options.now();
    for (const [key, { until }] of this.#usage) if (now > until) this.#usage.delete(key);
    let reading = this.#usage.get(days);
    if (!reading) {
      reading = this.#read(() => this.#count(dateOf(now - (days - 1) * dayMs), dateOf(now)));
      this.#usage.set(days, reading);
      reading.value.catch(() => this.#usage.delete(days));
    }
    const { owners, ...rest } = await reading.value;
    return { ...rest, owners: owners.slice(0, limit), others: Math.max(0, owners.length - limit) };
  }

  async storage(limit: number): Promise<StorageOverview> {
    if (!this.#storage || this.#options.now() > this.#storage.until) {
      this.#storage = this.#read(() => this.#stored());
      this.#storage.value.catch(() => {
        this.#storage = undefined;
      });
    }
    const all = await this.#storage.value;
    const bytes = all.reduce((sum, owner) => sum + owner.bytes, 0);
    const files = all.reduce((sum, owner) => sum + owner.files, 0);
    return { bytes, files, owners: all.slice(0, limit), others: Math.max(0, all.length - limit) };
  }

  /** Begins a reading, and says how long it counts once it is there. */
  #read<T>(read: () => Promise<T>): Reading<T> {
    const { now } = this.#options;
    const begun = now();
    const reading: Reading<T> = {
      until: Number.POSITIVE_INFINITY,
      value: read().then((value) => {
        const took = now() - begun;
        reading.until = now() + Math.min(longestFreshMs, Math.max(freshMs, restFactor * took));
        return value;
      }),
    };
    return reading;
  }

  async #count(from: string, to: string): Promise<Counted> {
    const { records, usage } = this.#options;
    await usage.flush();
    const days = new Map<string, UsageAmounts>();
    const owners = new Map<string, { owner: Owner; days: Map<string, UsageAmounts> }>();
    for (let after: OwnedUsage | undefined; ; await setImmediate()) {
      const rows = await records.usage.page(from, to, pageRows, after);
      for (const { owner, date, ...amounts } of rows) {
        days.set(date, sumOfUsage([days.get(date) ?? nothing, amounts]));
        const key = JSON.stringify([owner.tenant, owner.id]);
        const known = owners.get(key) ?? { owner, days: new Map() };
        if (owners.size < maxOwners || owners.has(key)) owners.set(key, known);
        known.days.set(date, amounts);
      }
      after = rows.at(-1);
      if (rows.length < pageRows) break;
    }
    const sums = [...owners.values()].map(({ owner, days: own }) => {
      return { owner, days: own, total: sumOfUsage([...own.values()]) };
    });
    sums.sort((a, b) => b.total.cpuMs - a.total.cpuMs || b.total.executions - a.total.executions);
    return { from, to, total: sumOfUsage([...days.values()]), days, owners: sums };
  }

  async #stored(): Promise<readonly OwnedStorage[]> {
    const all: OwnedStorage[] = [];
    for (let after: Owner | undefined; ; await setImmediate()) {
      const rows = await this.#options.records.files.storedPage(pageRows, after);
      all.push(...rows.filter(({ files }) => files > 0));
      after = rows.at(-1)?.owner;
      if (rows.length < pageRows) break;
    }
    return all.sort((a, b) => b.bytes - a.bytes);
  }
}

type Counted = Omit<UsageOverview, 'others'>;

interface Reading<T> {
  /** When it is to be made anew, in milliseconds since the epoch. */
  until: number;
  readonly value: Promise<T>;
}

const nothing = sumOfUsage([]);

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
