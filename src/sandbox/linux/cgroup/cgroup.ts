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
  /** The user it will have, as an id of this process' namespace; undefined for our own user. */
  readonly user: number | undefined;
  /** Resolves when it has that user; rejects when that fails. */
  readonly confined: Promise<void>;
}

/** One sandbox's control group (in v1: the same name in several hierarchies). */
export interface Cgroup {
  /** Changes what it enforces, also for processes that are in it. @throws Error when memory in use exceeds a lower limit (v1) */
  limit(limits: CgroupLimits): void;
  /** Moves a process in. This takes an RCU grace period (about 8 ms), so do it before a request needs the sandbox. */
  place(process: PlacedProcess): Promise<void>;
  /** Resolves when every process has stopped, or was thawed meanwhile. @throws Error when neither happens within two seconds */
  freeze(): Promise<void>;
  thaw(): void;
  /** Share of the processor against other groups: normal is 100. */
  weigh(weight: number): void;
  usage(): SandboxUsage;
  /** Kills what is left, thaws it so that the signal takes effect, and removes the group. */
  remove(): Promise<void>;
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
  create(id: string, limits: CgroupLimits): Cgroup;
  /**
   * Bounds what all sandboxes together read from a disk (`diskOf`).
   * @returns what to call with the pid of each zygote, before it makes sandboxes
   * @throws Error naming what the host lacks
   */
  boundReads(disk: string, bytesPerSecond: number): (zygote: number) => void | Promise<void>;
  close(): Promise<void>;
}
