import type { Limits } from '../core/index.ts';
import type { Claim, ClaimAllowance, Order } from '../guest-protocol/index.ts';

/** What a zygote imports before its first fork, so that no sandbox forked from it has to. */
export interface Template {
  readonly name: string;
  /** Python modules, imported in this order. */
  readonly imports: readonly string[];
  /** Path inside of a Python file whose `warm()` exercises them; parked sandboxes may repeat it. */
  readonly warm: string | null;
}

/** How a sandbox's first process ended, from a trusted party and never from the sandbox itself. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What the sandbox has used since it was placed under its limits. */
export interface SandboxUsage {
  readonly cpuMs: number;
  readonly peakMemoryBytes: number;
  /** Processes the kernel killed because the memory limit was reached. */
  readonly oomKills: number;
}

/** A regular file of the workspace. */
export interface WorkspaceFile {
  readonly path: string;
  readonly size: number;
  /** Changes whenever the content may have changed; the program cannot set it. */
  readonly stamp: string;
}

export interface WorkspaceListing {
  /** Sorted by path. */
  readonly files: readonly WorkspaceFile[];
  /** Something was passed over: too many entries, too deep, or a name that is not a valid workspace path. */
  readonly truncated: boolean;
}

/** A file taken from the workspace; it stays readable after the sandbox is gone. Close it. */
export interface WorkspaceContent {
  readonly size: number;
  /** sha256 in lower-case hexadecimal. */
  digest(): Promise<string>;
  /** The bytes from the start; at most `size` of them, whatever became of the file. */
  read(): AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * The directory the program sees as /mnt/data. What is kept of it is to be listed and read while nothing of the user runs.
 * Links, devices, pipes and sockets are never followed or opened, whoever runs.
 */
export interface Workspace {
  list(limits: { entries: number; depth: number }): Promise<WorkspaceListing>;
  /** Undefined when there is no such regular file. */
  open(path: string): Promise<WorkspaceContent | undefined>;
}

/** What a sandbox's owner is told. Output and claims are the program's word: bounded by the sandbox, trusted by nobody. */
export interface SandboxListener {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  claim(claim: Claim): void;
}

/** An isolated process tree with a workspace and limits. Serves one owner, then is destroyed. */
export interface Sandbox {
  readonly id: string;
  readonly template: string;
  readonly workspace: Workspace;
  /** Resolves when the first process has ended and its output has been delivered. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Its first process has ended, though `exited` may still wait for output. Known of all sandboxes of a zygote at once. */
  readonly ended: boolean;
  /** Why the isolation itself ended the sandbox (a broken protocol), if it did. */
  readonly violation: string | undefined;
  /**
   * Replaces whoever listened before; nothing is delivered while nobody listens but claims of set-up. More claims, or more
   * bytes of them, than the allowance end the sandbox; without one they are few and short.
   */
  listen(listener: SandboxListener, allowance?: ClaimAllowance): void;
  /**
   * Puts it under other limits than it was made with; to be called before anything of a user is in it.
   * @throws DragomanError sandbox_unavailable when the host refuses
   */
  limit(limits: Pick<Limits, 'memoryBytes' | 'processes' | 'cpus'>): void;
  /** Sends an order. Resolves once it is on its way. */
  send(order: Order): Promise<void>;
  /** Delivers what has been written so far: after a claim, everything the claimant wrote before it. */
  drain(): void;
  /**
   * Stops every process. When it resolves, all they had written has been delivered and nothing follows until `thaw`, which may
   * also overtake it.
   */
  freeze(): Promise<void>;
  thaw(): void;
  /** Lowers (or restores) the sandbox's share of the processor against others'. */
  background(on: boolean): void;
  usage(): SandboxUsage;
  /** Kills whatever is left and frees everything the sandbox had. Idempotent; resolves when nothing is left. */
  destroy(): Promise<void>;
}

/** Makes sandboxes. One implementation per boundary: namespaces today, a user-space kernel or a microVM beside it. */
export interface IsolationBackend {
  readonly name: string;
  /** Sweeps what a killed server left, then starts a zygote per template. @throws DragomanError naming what the host lacks */
  start(): Promise<void>;
  /**
   * Makes a sandbox: confined, under its limits, nothing of a user in it.
   * @throws DragomanError sandbox_unavailable
   */
  create(template: string): Promise<Sandbox>;
  /** Sandboxes alive, for measurements. */
  readonly live: number;
  /** Destroys every sandbox and zygote. */
  close(): Promise<void>;
}
