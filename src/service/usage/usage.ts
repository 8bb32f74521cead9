import type { Logger } from '../../core/index.ts';
import type { Owner, UsageAmounts, UsageDay, UsageRecords } from '../../stores/index.ts';

/** Counts; never waits and never fails. */
export interface UsageMeter {
  record(principal: Owner, amounts: Partial<UsageAmounts>): void;
}

export interface UsageReport {
  /** The days from `from` to `to` on which anything was used, oldest first. @throws DragomanError storage_unavailable */
  days(principal: Owner, from: string, to: string): Promise<UsageDay[]>;
}

export interface UsageLedgerOptions {
  readonly records: UsageRecords;
  readonly logger: Logger;
  readonly now: () => number;
  /** How often what was counted is written, in milliseconds. */
  readonly flushMs?: number;
}

interface Entry {
  readonly owner: Owner;
  readonly date: string;
  amounts: UsageAmounts;
}

const dayMs = 24 * 60 * 60_000;
const keptDays = 400;
const nothing: UsageAmounts = { executions: 0, cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };

/**
 * Use per principal and day. It is counted in memory and written every few seconds and at the end: a request costs an
 * addition, and `kill -9` loses the last seconds at most.
 */
export class UsageLedger implements UsageMeter, UsageReport {
  readonly #options: UsageLedgerOptions;
  #unwritten = new Map<string, Entry>();
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  /** The day on which old days were removed last. */
  #pruned = '';
  /** The day of the last use, which most uses have in common, as a number and as a date. */
  #day = { number: Number.NaN, date: '' };

  constructor(options: UsageLedgerOptions) {
    this.#options = options;
  }

  start(): void {
    const { flushMs = 5000, logger } = this.#options;
    const write = () =>
      this.flush().catch((error) =>
        logger.warn({ error: String(error) }, 'usage was not written; it is kept for later'),
      );
    this.#timer = setInterval(write, flushMs);
    this.#timer.unref();
  }

  /** Writes what was counted. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  record({ id, tenant }: Owner, amounts: Partial<UsageAmounts>): void {
    if (!Object.values(amounts).some((amount) => amount > 0)) return;
    const now = this.#options.now();
    const number = Math.floor(now / dayMs);
    if (number !== this.#day.number) this.#day = { number, date: dateOf(now) };
    this.#add({ owner: { id, tenant }, date: this.#day.date, amounts: { ...nothing, ...amounts } });
  }

  /** Writes what was counted until now. @throws DragomanError storage_unavailable; nothing is forgotten then */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#write());
    return this.#flushing;
  }

  async days(principal: Owner, from: string, to: string): Promise<UsageDay[]> {
    await this.flush();
    return this.#options.records.days(principal, from, to);
  }

  #add(entry: Entry): void {
    const key = keyOf(entry);
    const before = this.#unwritten.get(key);
    this.#unwritten.set(key, before ? { ...entry, amounts: sumOfUsage([before.amounts, entry.amounts]) } : entry);
  }

  async #write(): Promise<void> {
    const { records, now } = this.#options;
    const entries = [...this.#unwritten.values()];
    this.#unwritten = new Map();
    try {
      if (entries.length > 0)
        await records.add(entries.map(({ owner, date, amounts }) => ({ owner, date, ...amounts })));
    } catch (error) {
      for (const entry of entries) this.#add(entry);
      throw error;
    }
    const today = dateOf(now());
    if (today === this.#pruned) return;
    this.#pruned = today;
    await records.deleteBefore(dateOf(now() - keptDays * dayMs));
  }
}

function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

export function sumOfUsage(all: readonly UsageAmounts[]): UsageAmounts {
  return all.reduce(
    (sum, each) => ({
      executions: sum.executions + each.executions,
      cpuMs: sum.cpuMs + each.cpuMs,
      wallMs: sum.wallMs + each.wallMs,
      bytesStored: sum.bytesStored + each.bytesStored,
      bytesServed: sum.bytesServed + each.bytesServed,
    }),
    nothing,
  );
}

function keyOf({ owner: { tenant, id }, date }: Entry): string {
  return JSON.stringify([date, tenant, id]);
}
