import type {
  CellManner,
  CellResult,
  ExecutionEvent,
  KernelQuestion,
  Limits,
  StateLoss,
  StateReport,
  Tier,
  TierState,
  ToolDefinition,
  ToolNaming,
  ToolResult,
  UsageNow,
} from '../core/index.ts';
import type { NumberedEvent } from '../event-log/index.ts';
import type { CommandRunner } from './commands.ts';
import type { SandboxFileRunner } from './sandbox-files.ts';
import type { SessionRef } from './session-ref.ts';

/**
 * Runs code for the service, in this process or elsewhere. Everything that passes is plain data: it survives `structuredClone`
 * and JSON. Bytes of files never pass: the running side reads inputs by digest and stores what was made itself, by `JobFiles`.
 * Every method may throw DragomanError; a job's own failure is its `failed` event.
 */
export interface Runner {
  /** Languages that can be run, the same ones until the runner is replaced. */
  languages(): Promise<readonly Language[]>;
  /** Versions by language, then by what they are versions of. Slow the first time. @throws DragomanError sandbox_unavailable */
  versions(): Promise<LanguageVersions>;
  /** Why nothing can be run now; null: it can. */
  fault(): Promise<string | null>;
  /** The tiers it has, or was to have. Every other one is missing too. */
  tiers(): Promise<readonly TierState[]>;

  /** Takes a job; it begins at once. @throws DragomanError conflict when a job of this id was taken before */
  submit(job: Job): Promise<void>;
  /**
   * What happens in a job, from the event after number `after` (0: from the first) to its end or until `signal` aborts. `started`
   * is always number 1, and the last event is `ended` or `failed`. Can be read again for some minutes after the end.
   */
  events(job: JobRef, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<JobEvent>>;
  /**
   * Looks whether tool results may be given, and gives none.
   * @throws DragomanError as `answer`
   */
  checkAnswer(jobId: string, results: readonly ToolResult[]): Promise<AnswerCheck>;
  /**
   * Answers tool calls. Answering again with the same value is fine.
   * @throws DragomanError invalid_request for calls that were never made and results that are too large; conflict for another
   *   answer than the first, or when the job has ended
   */
  answer(jobId: string, results: readonly ToolResult[]): Promise<void>;
  /** As Ctrl-C on a terminal: a kernel keeps its variables if the code heeds it; a program ends. Does nothing after the end. */
  interrupt(jobId: string): Promise<void>;
  /** Ends a job: its outcome is `cancelled`. Does nothing after the end. */
  cancel(jobId: string): Promise<void>;

  /**
   * Chooses the worker that is to hold a session of this tier (null: of any): `current` as long as that worker lives.
   * @throws DragomanError overloaded where there is no worker; sandbox_unavailable where none has the tier
   */
  placeSession(current: string | null, tier: Tier | null): Promise<string>;
  /**
   * Calls back with each worker whose idle sandboxes may go soon, some seconds later: it ends and takes nothing new, or its memory is short, and then
   * again and again for as long as it is. Returns what ends that.
   */
  leaving?(listener: (worker: string, why: 'ends' | 'memory') => void): () => void;
  /** Those of these sessions that a worker holds a sandbox for. */
  sessions(sessions: readonly SessionRef[]): Promise<readonly LiveState[]>;
  /** What a session's sandbox uses at this moment; null when it has none. */
  usageNow(session: SessionRef): Promise<UsageNow | null>;
  /** What is held at this moment, for operators. */
  census(): Promise<RunnerCensus>;
  /** Counts as use of a session, and says how long its sandbox may be idle from now on, in milliseconds. */
  keepSession(session: SessionRef, idleMs: number): Promise<void>;
  /**
   * If the session has a sandbox: makes its workspace hold these files of the session's, and no longer those it had before.
   * Between jobs only: a job does the same with its inputs.
   * @param pass as `Job.pass`
   * @throws DragomanError invalid_request when they do not fit, and then they are not there
   */
  syncSession(session: SessionRef, files: readonly JobInput[], pass?: string): Promise<void>;
  /** Ends kernels of a session, and with null all of them with every process beside them. Files stay. */
  endKernels(session: SessionRef, kernels: readonly string[] | null): Promise<void>;
  /**
   * Saves the variables of the session's kernels that have run code since they were last saved; nothing where it has no sandbox. Cells go
   * on meanwhile. The bytes are stored as files of the job `save.id`.
   */
  saveStates(session: SessionRef, save: StateSave): Promise<readonly SavedState[]>;
  /** Ends a session's sandbox. */
  dropSession(session: SessionRef): Promise<void>;
  /**
   * Makes a session's sandbox with its files, if it has none; in the session's turn, as a job.
   * @throws DragomanError sandbox_unavailable, overloaded, invalid_request when the files do not fit
   */
  openSession(order: SessionOrder): Promise<void>;
  /**
   * Stores, for the job of this id, what commands and work with files have changed in the workspace of a session since the last job. Between
   * jobs only. Null: the session has no sandbox.
   * @param readOnly paths of files that do not change, whatever happens to them
   * @param pass as `Job.pass`
   */
  collect(session: SessionRef, jobId: string, readOnly: readonly string[], pass?: string): Promise<Collected | null>;
  readonly commands: CommandRunner;
  readonly sandboxFiles: SandboxFileRunner;
}

/** What a session's sandbox is made of. */
export interface SessionOrder {
  readonly session: SessionRef;
  readonly owner: string;
  readonly idleMs: number;
  readonly inputs: readonly JobInput[];
  readonly folders: readonly string[];
  readonly limits: Limits;
  /** As of a job's session. What became of it is told with the next cell. */
  readonly checkpoint?: JobSession['checkpoint'];
  readonly tier: Tier;
  /** As `Job.pass`. */
  readonly pass?: string | undefined;
}

/** Files that were collected: see `JobEnding`. */
export type Collected = Pick<JobEnding, 'files' | 'deleted' | 'folders' | 'lost'>;

/** A language, as a runner can run it. */
export interface Language {
  readonly name: string;
  readonly title: string;
  /** Other names; the case does not matter. */
  readonly aliases: readonly string[];
  /** Name of the kernel that keeps its variables; languages may share one. Null: it has programs only. */
  readonly kernel: string | null;
  /** How identifiers of tools are made for it; null: its programs cannot call tools. */
  readonly tools: ToolNaming | null;
  /** Command lines, for people to read. Null: the source itself is run. */
  readonly compile: readonly string[] | null;
  readonly run: readonly string[];
  /** What goes over the source first where a program's first argument is this word; null: nothing does. */
  readonly check: { readonly argument: string; readonly command: readonly string[] } | null;
}

export type LanguageVersions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A file that lies in the workspace when the code begins. */
export interface JobInput {
  /** Relative, `/` between segments. */
  readonly path: string;
  /** sha256 of its bytes in lower-case hexadecimal. */
  readonly digest: string;
  readonly size: number;
  readonly readOnly: boolean;
  /** Permission bits. Absent: 0o644, or 0o444 where it is read-only. */
  readonly mode?: number | undefined;
  /** When it was written, in milliseconds since the epoch. Absent: when it is staged. */
  readonly modified?: number | undefined;
}

export interface JobSession extends SessionRef {
  /** The kernel the code runs in; null: the usual one of its language. */
  readonly kernel: JobKernel | null;
  /** Kernels that have held variables of this session: what a new sandbox cannot give back. */
  readonly ran: readonly string[];
  /** The saved variables of the kernel, for where it does not run. Absent: there are none. */
  readonly state?: { readonly ref: StateRef; readonly deadlineMs: number } | undefined;
  /** What ran in the session, for where it has no sandbox. Absent: there is none. */
  readonly checkpoint?:
    | {
        readonly ref: StateRef;
        readonly deadlineMs: number;
        /** Code has run since it was written. */
        readonly isBehind: boolean;
      }
    | undefined;
  /** How long its sandbox may be idle afterwards, in milliseconds. */
  readonly idleMs: number;
}

/** Bytes that describe a saved state and name all others of it. */
export interface StateRef {
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  readonly size: number;
}

/** How states are saved. */
export interface StateSave {
  /** As a job's, for `JobFiles.put`. */
  readonly id: string;
  /** Also what was saved already: it may not have been recorded. */
  readonly again?: boolean;
  readonly deadlineMs: number;
  /** Of one kernel. */
  readonly maxBytes: number;
  /** Where sandboxes can be written to files, everything that runs is saved as one, instead of kernels, unless it fails. */
  readonly checkpoint: { readonly deadlineMs: number; readonly maxBytes: number };
  /** As `Job.pass`. */
  readonly pass?: string | undefined;
}

/** What became of saving a kernel, or the whole session. */
export interface SavedState {
  /** `wholeSession`: everything that runs. */
  readonly kernel: string;
  /** Null: nothing was saved. */
  readonly ref: StateRef | null;
  readonly bytes: number;
  /** What a trial could load of it, as the kernel claims. */
  readonly report: StateReport | null;
  /** What it was made with, by name, as the kernel claims. */
  readonly versions: Readonly<Record<string, string>>;
  /** Why nothing was saved. */
  readonly loss: StateLoss | null;
}

/** What became of what was to be given back before a cell: the variables of its kernel, each of them or none; or the whole session. */
export type Restored =
  | { readonly report: StateReport; readonly loss?: undefined; readonly isWhole?: undefined }
  | { readonly loss: StateLoss; readonly report?: undefined; readonly isWhole?: boolean }
  | { readonly isWhole: true; readonly report?: undefined; readonly loss?: undefined };

/** One of several kernels of a session. */
export interface JobKernel {
  readonly id: string;
  /** Its working directory, relative to the workspace; empty: the workspace itself. */
  readonly directory: string;
}

/** One piece of code to run, with everything that is needed for it. */
export interface Job {
  readonly id: string;
  /** Tenant and principal, opaque: equal for jobs of the same one. */
  readonly owner: string;
  /** Canonical name. */
  readonly language: string;
  readonly code: string;
  readonly args: readonly string[];
  readonly stdin: string | null;
  /** Variables of the environment while it runs. Absent: those of every sandbox alone. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** A cell of the language's kernel, or a program in a sandbox of its own. */
  readonly mode: 'cell' | 'program';
  /** Of a cell: what is asked about the code, which then does not run. */
  readonly question?: KernelQuestion | undefined;
  /** Of a cell. Absent: as usual. */
  readonly manner?: CellManner | undefined;
  /** All files of the workspace; of a session's all it has. */
  readonly inputs: readonly JobInput[];
  /** Empty folders of the workspace, as of `JobEnding.folders`. Null: empty folders are not kept. */
  readonly folders: readonly string[] | null;
  readonly limits: Limits;
  /** What its sandbox is behind: this, and nothing else. */
  readonly tier: Tier;
  /** Tools the code may call, and how long it may wait for the caller's answers in milliseconds; null: none. */
  readonly tools: { readonly definitions: readonly ToolDefinition[]; readonly waitMs: number } | null;
  /** Null: it runs in a sandbox that ends with it. */
  readonly session: JobSession | null;
  /** The job must not start later than this, in milliseconds since the epoch. */
  readonly deadline: number;
  /** W3C `traceparent` of the step that it is a part of. Absent: it is not traced. */
  readonly trace?: string | undefined;
  /** What a worker elsewhere shows when it asks for bytes of this job: opaque, at most 32 KiB. Absent: it needs none. */
  readonly pass?: string | undefined;
  /** What the gateway needs to record how it ended. Opaque: it is handed back with the ending. Absent: nothing is recorded elsewhere. */
  readonly keep?: string | undefined;
}

export type JobRef = Pick<Job, 'id' | 'owner'>;

/**
 * What was there before the code ran: nothing; the variables of earlier code, in its sandbox or in one that went on from its checkpoint; or only
 * its files and what was saved of its variables.
 */
export type Continuity = 'fresh' | 'continued' | 'restored';

/** What a program prints: its bytes as text where they are valid UTF-8, else as base64. */
export type JobOutput = { readonly type: 'stdout' | 'stderr' } & (
  | { readonly text: string }
  | { readonly base64: string }
);

/** A file the code made or changed. Its bytes are stored. */
export interface JobFile {
  readonly path: string;
  readonly change: 'created' | 'modified';
  readonly digest: string;
  readonly size: number;
  /** Permission bits that are kept of it: never setuid, setgid or sticky. */
  readonly mode: number;
}

/** An error of the service or the request, as data. */
export interface JobFault {
  readonly code: string;
  readonly message: string;
  readonly retryAfterSeconds: number | null;
}

export interface JobEnding {
  readonly type: 'ended';
  readonly continuity: Continuity;
  /** What became of saved variables, where they were given back before the code. */
  readonly restored?: Restored | undefined;
  readonly result: CellResult;
  readonly files: readonly JobFile[];
  /** Paths of inputs that are gone. */
  readonly deleted: readonly string[];
  /** All empty folders that are left, sorted; at most `maxEmptyFolders`. Null: they are not kept. */
  readonly folders: readonly string[] | null;
  /** Files that were made and could not be stored, each with a sentence for the caller. */
  readonly lost: readonly { readonly path: string; readonly reason: string }[];
}

export type JobEvent =
  | { readonly type: 'started'; readonly worker: string }
  | JobOutput
  | Exclude<ExecutionEvent, { type: 'stdout' | 'stderr' }>
  /** The code has ended, and its files take more than a moment to store: everything it showed comes before this. */
  | { readonly type: 'storing' }
  | JobEnding
  | { readonly type: 'failed'; readonly error: JobFault };

export interface AnswerCheck {
  /** Some of the results are of calls that still wait. */
  readonly changes: boolean;
  /** The program stands still until it is answered. */
  readonly waits: boolean;
}

/** A session's sandbox that a worker holds. */
export interface LiveState {
  readonly id: string;
  /** Kernels that hold variables now. */
  readonly kernels: readonly string[];
  /** A job uses it. */
  readonly isBusy: boolean;
}

/** A sandbox of a session, as operators see it. */
export interface HeldSession extends LiveState {
  readonly epoch: number;
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
}

export interface RunnerCensus {
  /** By tier: sandboxes alive, parked ones included, and how many of them are parked. */
  readonly tiers: readonly { readonly tier: Tier; readonly live: number; readonly parked: number }[];
  /** Sessions that have a sandbox: at most as many as a worker may hold. */
  readonly sessions: readonly HeldSession[];
}

/** On whose behalf bytes are read and stored. */
export interface FileUse {
  /** Of the job, or of what works as one. */
  readonly jobId: string;
  /** As `Job.owner`. */
  readonly owner: string;
  /** See `Job.pass`. */
  readonly pass?: string | undefined;
}

/** How the running side reads and stores bytes for a job. In one process these are the stores; elsewhere grants. */
export interface JobFiles {
  /** Opens stored bytes. @throws DragomanError not_found, storage_unavailable */
  open(use: FileUse, digest: string): Promise<AsyncIterable<Uint8Array>>;
  /** These will be opened next, in this order: they may be fetched ahead. */
  expect?(use: FileUse, inputs: readonly JobInput[]): void;
  /** Stores a file of a job. @throws DragomanError quota_exceeded, too_large, storage_unavailable */
  put(
    use: FileUse,
    path: string,
    content: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<{ readonly digest: string; readonly size: number }>;
}
