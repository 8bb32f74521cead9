import type { SandboxUsage } from '../../port.ts';

/** What a control group enforces. */
export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly processes: number;
  readonly cpus: number;
}

/** The first process of a sandbox that is being made. */
export interface PlacedProcess {
  readonly pid: number;
  /** Resolves when it is confined, and in its group where it enters that itself; rejects when that fails. */
  readonly confined: Promise<void>;
}

/** One sandbox's control group (in v1: the same name in several hierarchies). */
export interface Cgroup {
  /** What it is called below each of the tree's entrances. */
  readonly name: string;
  /** Changes what it enforces, also for processes that are in it. @throws Error when memory in use exceeds a lower limit (v1) */
  limit(limits: CgroupLimits): void;
  /**
   * Sees to it that the process is in. Where the tree has entrances, it has entered by itself and this makes sure of it; else it is moved,
   * which takes an RCU grace period (about 8 ms): do it before a request needs the sandbox.
   * @throws Error when it is not in, or anything else is
   */
  place(process: PlacedProcess): Promise<void>;
  /** Resolves when every process has stopped, or was thawed meanwhile. @throws Error when neither happens within two seconds */
  freeze(): Promise<void>;
  thaw(): void;
  /** Share of the processor against other groups: normal is 100. */
  weigh(weight: number): void;
  /** Since it was taken. */
  usage(): SandboxUsage;
  /** The processor time of `usage` alone. */
  cpuMs(): number;
  /** Bytes of memory at this moment. */
  memory(): number;
  /** The sandbox has ended: kills what is left, and keeps the group for another sandbox or removes it. */
  release(): Promise<void>;
}

/** What killed servers left behind. */
export interface Leftovers {
  readonly sandboxes: number;
  /** Those still alive when they were found. */
  readonly processes: number;
}

/** The subtree that is this server's own. */
export interface CgroupTree {
  /** What was swept when the tree was opened. */
  readonly swept: Leftovers;
  /** Directories that a zygote is to inherit as descriptors: through them a fork enters its group in each, by writing to `tasks`. */
  readonly entrances: readonly string[];
  /** A group with nothing in it. @throws Error when the kernel refuses */
  take(limits: CgroupLimits): Cgroup;
  /**
   * Bounds what all sandboxes together read from a disk (`diskOf`).
   * @returns what to call with the pid of each zygote, before it makes sandboxes
   * @throws Error naming what the host lacks
   */
  boundReads(disk: string, bytesPerSecond: number): (zygote: number) => void | Promise<void>;
  close(): Promise<void>;
}
