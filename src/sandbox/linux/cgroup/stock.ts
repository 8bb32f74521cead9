import type { CgroupLimits } from './cgroup.ts';

/** Empty groups that wait for their next sandbox; more are removed. */
const most = 16;

/** Shares of the processor against other groups, as every group is made. */
export const usualWeight = 100;
/**
 * What the kernel may still count in an empty group: it counts ahead by processor, and frees small objects late. A group with more holds
 * files of the image that its sandbox was the first to read, and is not used again.
 */
export const mostMemoryLeft = 2 * 1024 * 1024;

/** A group that may serve one sandbox after another. */
export interface Reusable {
  /** Prepares it for a sandbox: limits, and counting from zero. @throws Error when the kernel refuses */
  begin(limits: CgroupLimits): void;
  /** Whether it is empty, and nothing that its last sandbox did is to be seen in it once `begin` was called. */
  isAsNew(): boolean;
  /** Ends what is left in it and removes it. */
  destroy(): Promise<void>;
}

/**
 * Control groups that are used again: to make and remove one costs the kernel a millisecond, most of it in its own threads. A group
 * comes back only when it is empty and as new; any other one is removed.
 */
export class Stock<G extends Reusable> {
  readonly #make: (name: string) => G;
  readonly #waiting: G[] = [];
  #made = 0;
  #isClosed = false;

  constructor(make: (name: string) => G) {
    this.#make = make;
  }

  /** A group under these limits with nothing in it. @throws Error when the kernel refuses */
  take(limits: CgroupLimits): G {
    // The one that has waited for longest: what the kernel frees late is free by then.
    for (let group = this.#waiting.shift(); group; group = this.#waiting.shift()) {
      try {
        group.begin(limits);
        return group;
      } catch {
        // What is left of its last sandbox exceeds the new limits, for example.
        void group.destroy().catch(() => {});
      }
    }
    const group = this.#make(String(++this.#made));
    try {
      group.begin(limits);
      return group;
    } catch (error) {
      void group.destroy().catch(() => {});
      throw error;
    }
  }

  /** The sandbox of this group has ended. Resolves when the group is empty: it waits for its next sandbox, or is gone. */
  async giveBack(group: G): Promise<void> {
    if (!this.#isClosed && this.#waiting.length < most && isAsNew(group)) this.#waiting.push(group);
    else await group.destroy();
  }

  /** Removes what waits. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#waiting.splice(0).map((group) => group.destroy()));
  }
}

/** A group that cannot tell is not used again. */
function isAsNew(group: Reusable): boolean {
  try {
    return group.isAsNew();
  } catch {
    return false;
  }
}
