import type { Logger, Principal } from '../../core/index.ts';
import type { Documents } from '../../stores/index.ts';

/** What was used. Times in milliseconds, sizes in bytes. */
export interface UsageAmounts {
  readonly executions: number;
  readonly cpuMs: number;
  readonly wallMs: number;
  /** Files recorded, each at its full size even when its bytes were there already. */
  readonly bytesStored: number;
  /** Files opened for reading by callers, each at its full size. */
  readonly bytesServed: number;
}

/** One principal's use of one day. */
export interface UsageDay extends UsageAmounts {
  /** `YYYY-MM-DD`, UTC. */
  readonly date: string;
}

/** Counts; never waits and never fails. */
export interface UsageMeter {
  record(principal: Owner, amounts: Partial<UsageAmounts>): void;
}

export interface UsageReport {
  /** The days from `from` to `to` on which anything was used, oldest first. @throws DragomanError storage_unavailable */
  days(principal: Owner, from: string, to: string): Promise<UsageDay[]>;
}

type Owner = Pick<Principal, 'id' | 'tenant'>;

export interface UsageLedgerOptions {
  readonly documents: Documents;
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

const kind = 'usage';
const dayMs = 24 * 60 * 60_000;
const keptDays = 400;
const nothing: UsageAmounts = { executions: 0, cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };

/**
 * Use per principal and day. It is counted in memory and written every few seconds and at the end, one document per principal
 * and day: a request costs an addition, and `kill -9` loses the last seconds at most.
 */
export class UsageLedger implements UsageMeter, UsageReport {
  readonly #options: UsageLedgerOptions;
  #unwritten = new Map<string, Entry>();
  #flushing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

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
    const date = new Date(this.#options.now()).toISOString().slice(0, 10);
    this.#add({ owner: { id, tenant }, date, amounts: { ...nothing, ...amounts } });
  }

  /** Writes what was counted until now. @throws DragomanError storage_unavailable; nothing is forgotten then */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => {}).then(() => this.#write());
    return this.#flushing;
  }

  async days(principal: Owner, from: string, to: string): Promise<UsageDay[]> {
    await this.flush();
    const documents = await this.#options.documents.list(kind, principal, { limit: keptDays + 1, order: 'desc' });
    return documents
      .map(({ name, body }) => ({ date: name!, ...(body as UsageAmounts) }))
      .filter(({ date }) => date >= from && date <= to)
      .toSorted((a, b) => (a.date < b.date ? -1 : 1));
  }

  #add(entry: Entry): void {
    const key = keyOf(entry);
    const before = this.#unwritten.get(key);
    this.#unwritten.set(key, before ? { ...entry, amounts: sumOfUsage([before.amounts, entry.amounts]) } : entry);
  }

  async #write(): Promise<void> {
    const entries = [...this.#unwritten.values()];
    this.#unwritten = new Map();
    while (entries.length > 0) {
      try {
        await this.#writeOne(entries[0]!);
      } catch (error) {
        for (const entry of entries) this.#add(entry);
        throw error;
      }
      entries.shift();
    }
  }

  async #writeOne(entry: Entry): Promise<void> {
    const { documents } = this.#options;
    const { owner, date, amounts } = entry;
    const id = keyOf(entry);
    const written = (await documents.get(kind, id))?.body as UsageAmounts | undefined;
    const createdAt = Date.parse(date);
    await documents.put({
      kind,
      id,
      tenant: owner.tenant,
      principalId: owner.id,
      name: date,
      createdAt,
      expiresAt: createdAt + keptDays * dayMs,
      body: sumOfUsage([written ?? nothing, amounts]),
      essential: true,
    });
  }
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
