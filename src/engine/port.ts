import type {
  CellManner,
  CellResult,
  ExecutionEvent,
  ExecutionResult,
  KernelQuestion,
  Limits,
  StateLoss,
  StateReport,
  Tier,
  ToolCall,
  ToolDefinition,
  ToolResult,
  UsageNow,
} from '../core/index.ts';
import type { CheckpointFolder, FileContent, KnownFile } from '../sandbox/index.ts';
import type { CommandRequest, EngineCommand, EngineFiles } from './beside/index.ts';
import type { RuntimeCatalogue } from './runtimes.ts';
import type { KernelState, RestoreStateOptions, SaveStateOptions } from './state/index.ts';

/** A file to be in the workspace before the program starts. */
export interface EngineInput {
  readonly path: string;
  readonly size: number;
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  readonly readOnly: boolean;
  /** Permission bits. Absent: 0o644, or 0o444 where it is read-only. */
  readonly mode?: number | undefined;
  /** When it was written, in milliseconds since the epoch. Absent: when it is staged. */
  readonly modified?: number | undefined;
  /** Exactly `size` bytes. */
  open(): AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>;
}

/** A program to run once, in a sandbox of its own. */
export interface EngineRequest {
  /** Name or alias of a runtime of the catalogue. */
  readonly language: string;
  readonly code: string;
  readonly args: readonly string[];
  readonly stdin: string | undefined;
  /** Variables of the environment, for programs of the image. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly inputs: readonly EngineInput[];
  /** Empty folders to be in the workspace. Absent: none, and none are reported. */
  readonly folders?: readonly string[] | undefined;
  readonly limits: Limits;
  /** Programs of one owner are compiled once. Absent: compiled every time. */
  readonly owner?: string | undefined;
}

/** A cell to run in a session's interpreter. */
export interface EngineCellRequest {
  /** Name or alias of a runtime that has a kernel. */
  readonly language: string;
  readonly code: string;
  /** Id of a kernel that `startKernel` has started. Absent: the default kernel of the language, started with its first cell. */
  readonly kernel?: string | undefined;
  /** What is asked about the code, which then does not run. */
  readonly question?: KernelQuestion | undefined;
  /** Absent: as usual. */
  readonly manner?: CellManner | undefined;
  /** Variables of the environment for this cell alone. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A kernel of a live session: an interpreter with variables of its own. Plain data. */
export interface EngineKernel {
  /** As the caller chose it. A default kernel has the name of its interpreter: `python`, `javascript` (TypeScript too), `bash`. */
  readonly id: string;
  /** Name of a runtime. */
  readonly language: string;
  /** Its working directory when it starts, as an absolute path of the sandbox. */
  readonly folder: string;
  /** `ended`: its process is gone. Its next cell starts a new one, without the variables, in the same folder. */
  readonly state: 'idle' | 'busy' | 'ended';
}

/** A kernel to start. */
export interface KernelRequest {
  /** Name or alias of a runtime that has a kernel. */
  readonly language: string;
  /** 1 to 100 letters, digits or `_.:-`. Absent: a new one. */
  readonly id?: string | undefined;
  /** Working directory, made where it is missing: relative to the workspace, or absolute in the sandbox. Absent: the workspace. */
  readonly folder?: string | undefined;
}

export interface EngineCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ExecutionEvent) => void) | undefined;
  /** From `Engine.tools`; for this execution only. */
  readonly tools?: ToolBroker | undefined;
  /** None of the code is run before it resolves, while its sandbox is made ready; it is not run at all where it rejects. Absent: it may begin. */
  readonly permit?: Promise<void> | undefined;
}

/** A file that a program created, or an input that it modified. */
export interface Artifact {
  readonly path: string;
  readonly change: 'created' | 'modified';
  readonly content: FileContent;
}

/** A finished run whose artifacts can still be read. Release it: until then its sandbox holds memory. */
export interface EngineRun {
  readonly result: ExecutionResult;
  readonly artifacts: readonly Artifact[];
  /** Inputs that are unchanged; changes to read-only ones do not count. */
  readonly inherited: readonly string[];
  /** Inputs that are gone. */
  readonly deleted: readonly string[];
  /** The empty folders that are left, sorted. None where the request named no folders. */
  readonly folders: readonly string[];
  /** Destroys the sandbox in the background. */
  release(): void;
}

/** A file of a session's workspace that was written since the last look. Close its content. */
interface TouchedFile {
  readonly path: string;
  readonly content: FileContent;
}

export interface WorkspaceChanges {
  readonly touched: readonly TouchedFile[];
  /** Paths of files that are gone. */
  readonly gone: readonly string[];
  /** All empty folders that are there now, sorted. */
  readonly folders: readonly string[];
  /** Folders, told once each, whose files are left out because they are caches. */
  readonly caches: readonly string[];
  /** Files were left out because of a limit. Those beyond the number limit come with the next call. */
  readonly truncated: boolean;
}

export type CellEnd = Omit<CellResult, 'artifactsTruncated'>;

/** A running cell. */
export interface EngineCell {
  /**
   * Resolves when the cell is over and everything it wrote is in the result. The session is being frozen again by then.
   * Rejects with `SandboxGone` alone: the sandbox was dead before any of the code ran.
   */
  readonly done: Promise<CellEnd>;
  /** As Ctrl-C on a terminal: variables survive if the code reacts to it. */
  interrupt(): void;
}

/**
 * A live session: interpreters whose variables survive from cell to cell, and a workspace. Make its calls one after another, except where
 * they say otherwise.
 */
export interface EngineSession {
  /** Its sandbox is gone; only `close` still makes sense. */
  readonly ended: boolean;
  /**
   * Writes files into the workspace and makes empty folders; they do not count as changes. A folder whose place is taken is left out.
   * @throws DragomanError invalid_request when they do not fit
   * @throws SandboxGone
   */
  stage(inputs: readonly EngineInput[], folders?: readonly string[]): Promise<void>;
  /** Removes files and empty folders from the workspace; that does not count as a change. @throws SandboxGone */
  remove(paths: readonly string[]): Promise<void>;
  /**
   * Runs a cell. Cells of all kernels run one after another.
   * @throws DragomanError not_found for an unknown kernel; invalid_request when it runs another language
   */
  run(cell: EngineCellRequest, options: EngineCallOptions & { readonly limits: Limits }): EngineCell;
  /** The kernels that were started, the default ones among them. */
  kernels(): readonly EngineKernel[];
  /**
   * Starts a kernel; a session has at most 16.
   * @throws DragomanError conflict when the id is taken; invalid_request when its folder cannot be used
   * @throws SandboxGone
   */
  startKernel(request: KernelRequest): Promise<EngineKernel>;
  /** Ends a kernel's processes and starts it again. @throws DragomanError not_found, invalid_request @throws SandboxGone */
  restartKernel(id: string): Promise<EngineKernel>;
  /** Ends a kernel and forgets it; the files stay. @throws DragomanError not_found @throws SandboxGone */
  stopKernel(id: string): Promise<void>;
  /** Ends every interpreter and every process of the owner; the files stay. @throws SandboxGone */
  restart(): Promise<void>;
  /** What changed in the workspace since the last call or `stage`. The sandbox stands still until `resume` or the next cell. */
  changes(): Promise<WorkspaceChanges>;
  /** After `changes`, once the contents of files are read: lets go on what goes on between cells. */
  resume(): Promise<void>;
  /**
   * Saves the variables of a kernel that runs. Cells wait for its fork alone: the rest goes on beside them. One save at a time.
   * @throws SandboxGone
   */
  saveState(kernel: string, options: SaveStateOptions): Promise<KernelState | StateLoss>;
  /**
   * Gives a kernel that has run nothing its variables back, before its first cell; it is started. Where that fails it is ended, and its
   * next cell starts it anew.
   * @throws DragomanError as `run`; SandboxGone
   */
  restoreState(
    kernel: Pick<EngineCellRequest, 'language' | 'kernel'>,
    state: KernelState,
    options: RestoreStateOptions,
  ): Promise<StateReport | StateLoss>;
  /**
   * Starts a program beside the kernels. The sandbox runs until it has ended. May be called at any time.
   * @throws DragomanError invalid_request when there is no such program or directory; rate_limited
   * @throws SandboxGone
   */
  startCommand(request: CommandRequest): Promise<EngineCommand>;
  /** Files at any path of the sandbox. May be used at any time. */
  readonly files: EngineFiles;
  /** May be asked at any time. Undefined once the sandbox is gone. */
  usageNow(): UsageNow | undefined;
  /**
   * Writes all that runs in it to a folder of the engine's `checkpoints`, and goes on; cells and commands wait meanwhile.
   * @returns what another session needs besides, to go on from there
   * @throws Error when it cannot be written, or not before `signal` aborts; the sandbox may have ended then
   * @throws SandboxGone
   */
  checkpoint(folder: string, signal: AbortSignal): Promise<SessionNotes>;
  /** Destroys the sandbox. */
  close(): Promise<void>;
}

/** What the engine knows of a session whose sandbox is written to files. Plain data. */
export interface SessionNotes {
  /** Files of the workspace at the last look. */
  readonly known: readonly (readonly [string, Pick<KnownFile, 'size' | 'digest' | 'mode' | 'readOnly'>])[];
  readonly folders: readonly string[];
  readonly toldCaches: readonly string[];
  readonly kernels: readonly EngineKernel[];
  /** It can only go on under these. */
  readonly limits: Pick<Limits, 'memoryBytes' | 'processes' | 'openFiles'>;
}

/** Sessions that are written to files, with what runs in them, and go on from there in another sandbox. */
export interface EngineCheckpoints {
  /** A checkpoint of another version cannot be used. */
  version(): Promise<string>;
  /** Only this host can use them. */
  readonly areOfHost: boolean;
  /** An empty folder for the files of one checkpoint; remove it. @throws Error when there is no room */
  makeFolder(): Promise<CheckpointFolder>;
  /**
   * Opens a session as it was. What is in `folder` is used up.
   * @param isCopy another session goes on from the same checkpoint: seeds are renewed
   * @throws DragomanError sandbox_unavailable
   */
  restore(
    request: { readonly limits: Limits; readonly owner?: string | undefined; readonly notes: SessionNotes },
    folder: string,
    options: { readonly isCopy: boolean; readonly signal: AbortSignal },
  ): Promise<EngineSession>;
}

/** The tool calls of one execution, for the caller that answers them. */
export interface ToolBroker {
  /** Calls that the caller was told about and has not answered. */
  readonly pending: readonly ToolCall[];
  /** The program is stopped until a call is answered. */
  readonly isParked: boolean;
  /** Checks results without giving them; false when they would change nothing. @throws DragomanError as `answer` */
  check(results: readonly ToolResult[]): boolean;
  /**
   * Answers some or all pending calls. Repeating the same answer is allowed; the program hears it once.
   * @throws DragomanError invalid_request for calls that were never made and for results that are too large; conflict for
   *   another answer than the first, or when the program has ended
   */
  answer(results: readonly ToolResult[]): void;
}

/** Runs programs and cells in sandboxes. Knows no users, stores or wires. */
export interface Engine {
  /** What its sandboxes are behind. */
  readonly tier: Tier;
  /** How many times as long as on the host's own processor programs take in them. Known once it has started. */
  readonly pace: number;
  readonly catalogue: RuntimeCatalogue;
  /** @throws Error naming what the host lacks */
  start(): Promise<void>;
  /** Waits for sandboxes that are being torn down, then ends everything. */
  close(): Promise<void>;
  /** Parked sandboxes by kind, and all that are alive. */
  census(): { parked: Record<string, number>; live: number };
  /** A kind of sandbox that cannot be made at present: programs that need one are refused. */
  lacking(): string | undefined;
  /** Versions that the image's languages report; asked once. @throws DragomanError sandbox_unavailable */
  versions(limits: Limits): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  /**
   * Tools for one execution in this language.
   * @param waitMs how long the execution may wait for answers; after that it is cancelled
   * @param owner whose execution it is: owners share the checker of inputs in turn
   * @throws DragomanError invalid_request
   */
  tools(language: string, definitions: readonly ToolDefinition[], waitMs: number, owner: string): ToolBroker;
  /** Runs a program. @throws DragomanError sandbox_unavailable, invalid_request */
  execute(request: EngineRequest, options?: EngineCallOptions): Promise<EngineRun>;
  /**
   * Opens a live session.
   * @param language of its first cell, where that runs in the usual kernel: it may have been started ahead
   * @throws DragomanError sandbox_unavailable
   */
  openSession(limits: Limits, owner?: string, language?: string): Promise<EngineSession>;
  /** Undefined: its sandboxes cannot be written to files. */
  readonly checkpoints: EngineCheckpoints | undefined;
}
