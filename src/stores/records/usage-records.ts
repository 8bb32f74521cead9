import type { Owner } from './file-records.ts';

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

/** One day of one owner. */
export interface OwnedUsage extends UsageDay {
  readonly owner: Owner;
}

/** Use by owner and day. */
export interface UsageRecords {
  /** Adds to what is recorded, all or nothing. */
  add(entries: readonly OwnedUsage[]): Promise<void>;
  /** The days from `from` to `to`, both included, on which anything was used, oldest first. */
  days(owner: Owner, from: string, to: string): Promise<UsageDay[]>;
  /**
   * What all owners used on the days from `from` to `to`, in the order of day, tenant and owner, from behind `after`: a page of it,
   * because there may be many owners.
   */
  page(from: string, to: string, limit: number, after?: OwnedUsage): Promise<OwnedUsage[]>;
  /** Removes the days before `date`. */
  deleteBefore(date: string): Promise<void>;
}
