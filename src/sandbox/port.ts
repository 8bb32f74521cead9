import type { Limits, Tier, UsageNow } from '../core/index.ts';
import type { Aside, Claim, ClaimAllowance, Order, Park } from '../guest-protocol/index.ts';

/** Python modules that a warm unit has imported, so that no sandbox made from it has to. */
export interface Template {
  readonly name: string;
  /** Has no Python at all: its sandboxes run programs of the image, and cannot serve a session or fork a module. */
  readonly isBare?: boolean;
  /** Another template, whose imports are the first of these: a warm unit of this one may be made from one of that. */
  readonly extends?: string | undefined;
  /** Imported in this order. */
  readonly imports: readonly string[];
  /** Path inside of a Python file whose `warm()` exercises them; what it writes to may be copied ahead in parked sandboxes. */
  readonly warm: string | null;
  /** Modules that forks may become (`park`): their `prepare()` is over before the first sandbox is made. */
  readonly parked?: readonly string[];
  /**
   * Instead of Python: a program of the image that waits for orders, with its arguments. Its sandboxes have forks of it. Only for backends
   * that fork programs.
   */
  readonly forks?: readonly string[] | undefined;
}

/** The limits that a boundary enforces itself; the others are counted by the engine. */
export type SandboxLimits = Pick<
  Limits,
  'memoryBytes' | 'processes' | 'cpus' | 'workspaceBytes' | 'workspaceFiles' | 'openFiles'
>;

/** How boundaries differ, as far as the engine does something else for it. */
export interface BackendTraits {
  /** Limits that `adopt` can change. A request with other values for the rest gets a sandbox of its own making. */
  readonly adjustable: readonly (keyof SandboxLimits)[];
  /** What `create` starts from. Only in a fork the engine has what the warm-up writes to copied. */
  readonly warmUnit: 'fork' | 'checkpoint' | 'snapshot' | 'boot';
  /** How many of a kind are worth their memory while nothing uses them: of one that is in use, and of one that is not. */
  readonly mostParked: { readonly inUse: number; readonly atRest: number };
  /** Sandboxes of a bare template copy programs out of `BackendOptions.programsDir` themselves, told their names (`orders.place`). */
  readonly placesPrograms?: boolean;
}

/** A sandbox to be made. */
export interface SandboxRequest {
  /** Name of a template. */
  readonly template: string;
  /** A process to start and leave waiting for its program. */
  readonly park?: Park | undefined;
  readonly limits: SandboxLimits;
  /** Absent: made ahead of need; `adopt` names the owner. */
  readonly owner?: string | undefined;
}

/** How a sandbox's first process ended, as reported by a trusted party and never by the sandbox itself. */
export interface ExitStatus {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What the sandbox has used since it was made. */
export interface SandboxUsage {
  readonly cpuMs: number;
  readonly peakMemoryBytes: number;
  /** Processes that the kernel killed because the memory limit was reached. */
  readonly oomKills: number;
}

/** What is known of a file from an earlier look. */
export interface KnownFile {
  readonly size: number;
  /** sha256 in lower-case hexadecimal. A file of this size, digest and mode is unchanged. */
  readonly digest?: string | undefined;
  /** Permission bits. A file with other ones has changed. Absent: they do not matter. */
  readonly mode?: number | undefined;
  /** From the workspace. A file with this stamp is unchanged: programs cannot set stamps. */
  readonly stamp?: string | undefined;
  /** Whatever happens to it does not count as a change. */
  readonly readOnly?: boolean | undefined;
}

/** Known files by path. */
export type Baseline = ReadonlyMap<string, KnownFile>;

/** How much of a workspace is looked at, and how much of it is handed over. */
export interface CollectLimits {
  /** Directory entries looked at. */
  readonly entries: number;
  readonly depth: number;
  /** Changed files handed over. */
  readonly files: number;
  /** Bytes of one changed file. */
  readonly fileBytes: number;
  /** Bytes of all changed files together: holes and hard links make a tree look larger than any file system it is on. */
  readonly totalBytes: number;
}

/** The bytes of a file in a sandbox. Read them before the sandbox is thawed or destroyed, then close. */
export interface FileContent {
  readonly size: number;
  /** Permission bits that are kept of it, for example 0o755; never setuid, setgid or sticky. */
  readonly mode: number;
  /** The bytes from the start; at most `size` of them. */
  read(): AsyncIterable<Uint8Array>;
  close(): void;
}

export interface ChangedFile {
  readonly path: string;
  readonly change: 'created' | 'modified';
  readonly content: FileContent;
}

export interface WorkspaceChanges {
  /** Known files first, then new ones by path, hidden ones last. Close the content of each. */
  readonly files: readonly ChangedFile[];
  /** Known files that no longer exist. */
  readonly gone: readonly string[];
  /** Known files that are unchanged. */
  readonly unchanged: readonly string[];
  /** Folders that hold no file that would be handed over and no folder, sorted. At most `entries` of them. */
  readonly folders: readonly string[];
  /** Caches, the first few: what is in them is left out. */
  readonly caches: readonly string[];
  /** Something was left out: because of a limit, or because its name is not a valid workspace path. */
  readonly truncated: boolean;
  /** What to compare with next time. Files left out because of the number of files are not in it. */
  readonly next: Baseline;
}

/**
 * The directory that the program sees as /mnt/data. Regular files only: links, devices, pipes and sockets are never followed or
 * opened. Folders that tools use as caches (`__pycache__`, `.cache` and the like) are passed over unless a known file is in them.
 */
export interface Workspace {
  /**
   * Whether `changes` would find anything. May be asked while the sandbox runs.
   * @param folders the empty folders that are known, sorted; absent: folders do not count
   */
  differs(since: Baseline, limits: CollectLimits, folders?: readonly string[]): Promise<boolean>;
  /** What is not as known. Files are compared by bytes that the host hashes itself. Call it while nothing of the user runs. */
  changes(since: Baseline, limits: CollectLimits): Promise<WorkspaceChanges>;
  /** What exists now, to compare with later. */
  snapshot(limits: CollectLimits): Promise<Baseline>;
  /** Undefined when there is no such regular file. */
  open(path: string): Promise<FileContent | undefined>;
}

/** Receives what a sandbox says. All of it is bounded by the link and trusted by no one. */
export interface LinkListener {
  stdout(chunk: Uint8Array): void;
  stderr(chunk: Uint8Array): void;
  claim(claim: Claim): void;
}

/** Two pipes for much data between the host and a live sandbox, beside its link. Bytes that come out are hostile. */
export interface BulkPipes {
  /** Drops what was written and not read. Call it while the sandbox is frozen. */
  discard(): void;
  /**
   * What the sandbox writes from now on, in chunks of at most 64 KiB, until the sandbox ends or `signal` aborts. One reader at a
   * time.
   */
  read(signal: AbortSignal): AsyncIterable<Uint8Array>;
  /**
   * Writes to the sandbox, at the pace at which it reads, and resolves when the pipe has everything. One writer at a time.
   * @throws Error when the sandbox ends or `signal` aborts before
   */
  write(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void>;
}

/** The two-way connection to the guest. A claim is delivered after all output that was written before it. */
export interface GuestLink {
  /**
   * Replaces the listener; without one everything is dropped. More claims, or more bytes of them, than the allowance end the
   * sandbox; the default allows few and short ones.
   */
  listen(listener: LinkListener, allowance?: ClaimAllowance): void;
  /** Sets what hears what is said beside cells; it lasts. Whatever is said without a `grant` ends the sandbox. */
  attend(listener: (aside: Aside) => void): void;
  /** Lets the guest say so many bytes more beside cells. */
  grant(bytes: number): void;
  /** Sends an order. Resolves once it is on its way, also when the sandbox is dead. */
  send(order: Order): Promise<void>;
  /** The pipes for much data, once `serve` has asked for them. @throws Error when there are none */
  bulk(): Promise<BulkPipes>;
  /** Resolves when everything written so far has been delivered. */
  flush(): Promise<void>;
}

/**
 * An isolated process tree with a workspace and limits. It serves one owner, then is destroyed. A backend whose kernel or machine is not
 * safe between owners makes one for each sandbox.
 */
export interface Sandbox {
  readonly id: string;
  readonly template: string;
  readonly link: GuestLink;
  readonly workspace: Workspace;
  /** How many times as long as on the host's own processor its programs take. Waits for what happens inside are as many times longer. */
  readonly pace: number;
  /** Resolves when the first process has ended and all its output has been delivered. Never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** The first process has ended; `exited` may still be waiting for output. */
  readonly ended: boolean;
  /** Why the boundary itself killed the sandbox (a broken protocol), if it did. */
  readonly violation: string | undefined;
  /**
   * Hands the sandbox to its owner: adjusts limits, and renews whatever must not be shared with other sandboxes of the same warm
   * unit. Call it once, before anything of the owner is sent.
   * @throws DragomanError sandbox_unavailable when a limit cannot be changed
   */
  adopt(owner: { readonly limits: SandboxLimits; readonly owner?: string | undefined }): Promise<void>;
  /**
   * Stops every process. When it resolves, everything written before has been delivered and nothing follows until `thaw`, which
   * may also overtake it. A sandbox whose kernel does not answer in time is killed instead.
   * @throws Error when the processes do not stop in time
   */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** Lowers (or restores) the sandbox's share of the processor against others. */
  background(on: boolean): void;
  usage(): Promise<SandboxUsage>;
  /** The processor time of `usage`, which is known at once. @throws Error once it is gone */
  cpuMs(): number;
  /** Undefined once it is gone. */
  usageNow(): UsageNow | undefined;
  /**
   * Writes everything that runs, with its memory and its workspace, as files into a folder of `SandboxCheckpoints`, and goes on. Call it
   * while it is frozen: it stays so, and what is sent and thawed meanwhile waits. Absent: the boundary cannot.
   * @throws Error when it cannot be written, or not before `signal` aborts; where it is not known what runs then, the sandbox ends
   */
  checkpoint?(folder: string, signal: AbortSignal): Promise<void>;
  /** Kills everything and frees all resources. Idempotent; resolves when nothing is left. */
  destroy(): Promise<void>;
}

/** A folder of the host for the files of one checkpoint. Their names have letters, digits, points and hyphens alone. */
export interface CheckpointFolder {
  readonly path: string;
  /** Idempotent. */
  remove(): Promise<void>;
}

/**
 * Sandboxes that are written to files and made again of them. A checkpoint holds what hostile programs have put into memory: nothing on the
 * host reads it but the boundary itself, in the confinement of a sandbox.
 */
export interface SandboxCheckpoints {
  /** Changes with everything that a checkpoint of this template can only be restored with: image, guest, and the boundary's own program. */
  versionOf(template: string): Promise<string>;
  /** Only this host can restore them: what they were made from is nowhere else. */
  readonly areOfHost: boolean;
  /** @throws Error when there is no room */
  makeFolder(): Promise<CheckpointFolder>;
  /**
   * Makes a sandbox as it was when its checkpoint was written, with a supervisor in it; it runs. The request is that of the sandbox that was
   * written. What is in `folder` is used up.
   * @param isCopy another sandbox goes on from the same checkpoint: the two must not agree in what has to be random
   * @throws DragomanError sandbox_unavailable
   */
  restore(
    request: SandboxRequest,
    folder: string,
    { isCopy, signal }: { readonly isCopy: boolean; readonly signal: AbortSignal },
  ): Promise<Sandbox>;
}

/** Makes sandboxes. One implementation per boundary; `registry.ts` lists them. */
export interface Backend {
  readonly tier: Tier;
  readonly traits: BackendTraits;
  /** `Sandbox.pace` of its sandboxes, known once it has started; absent: 1. */
  readonly pace?: number | undefined;
  /** Removes what a killed server left behind, then prepares the warm units. @throws Error naming what the host lacks */
  start(): Promise<void>;
  /**
   * Makes a sandbox: confined, under its limits, nothing of a user in it, its parked process started.
   * @throws DragomanError sandbox_unavailable
   */
  create(request: SandboxRequest): Promise<Sandbox>;
  /** Absent: what runs in its sandboxes cannot outlive them. */
  readonly checkpoints?: SandboxCheckpoints | undefined;
  /** Sandboxes alive, for measurements. */
  readonly live: number;
  /** Destroys every sandbox and warm unit. */
  close(): Promise<void>;
}
