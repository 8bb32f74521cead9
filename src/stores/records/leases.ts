/** A lease, and who has it. */
export interface HeldLease {
  readonly name: string;
  readonly holder: string;
}

/** Work that one process at a time does. */
export interface Leases {
  /**
   * Takes a lease, or prolongs it for the holder that has it.
   * @param until when it ends by itself, milliseconds since the epoch
   * @returns false when another holder has it
   */
  take(name: string, holder: string, now: number, until: number): Promise<boolean>;
  /** Prolongs a lease that the holder still has, whether or not its time is over. @returns false when it is gone, or another holder's */
  prolong(held: HeldLease, until: number): Promise<boolean>;
  /** How many leases have names that begin so, of those whose time is not over. */
  count(prefix: string, now: number): Promise<number>;
  /**
   * Does work that a process which stood still must not end after another has begun it: unlike a lease, this ends with the process, not with
   * time. A database of one process has nothing to wait for.
   * @param work is given a question that rejects when it is no longer alone
   * @returns undefined when another process is at it
   */
  alone<T>(name: string, work: (stillAlone: () => Promise<void>) => Promise<T>): Promise<T | undefined>;
  /** Gives a lease back; one that another holder has by now stays. */
  release(name: string, holder: string): Promise<void>;
}
