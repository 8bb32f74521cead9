import type {
  CellManner,
  CellResult,
  ExecutionEvent,
  FileRef,
  KernelQuestion,
  Principal,
  StoredFile,
  Tier,
  ToolCall,
  ToolDefinition,
  ToolResult,
} from '../../core/index.ts';
import type { NumberedEvent as Numbered } from '../../event-log/index.ts';
import type { Continuity } from '../../runner/index.ts';
import type { InputFile } from '../files/files.ts';
import type { RestoredVariables } from '../states/states.ts';

/** An event and its place in the execution's history, from 1. */
export type NumberedEvent = Numbered<ExecutionEvent>;

/** What a caller wants to run. */
export interface ExecutionRequest {
  /**
   * Names the execution, so that a caller that comes back as another process finds it by `find`. Of the form of ids, underivable for others,
   * and used once: it is never run a second time while it is remembered. Absent: a new one.
   */
  readonly id?: string | undefined;
  /** Absent: in a session of its own that ends with it, and its files are kept as of any execution. */
  readonly sessionId?: string | undefined;
  /** A kernel of the session that runs this language. Absent: the language's default one. */
  readonly kernelId?: string | undefined;
  /** Name or alias, any case. */
  readonly language: string;
  readonly code: string;
  /** With arguments or input the code runs as a program of its own, also in a language that has cells. */
  readonly args?: readonly string[] | undefined;
  readonly stdin?: string | undefined;
  /** Variables of the environment while it runs, besides those of every sandbox. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Stored files to be put into the workspace first. */
  readonly files?: readonly InputFile[] | undefined;
  /** One that the plan lets a request choose; absent: the plan's, and in a session the session's. */
  readonly tier?: Tier | undefined;
  /** Wall clock; more than the plan's longest is lowered to it. Waiting for tools is not counted. */
  readonly wallMs?: number | undefined;
  /** Runs it as a whole program, with plain tracebacks and an exit code, where the language has an interpreter that stays. */
  readonly asProgram?: boolean | undefined;
  /** What is asked of the kernel about the code, which then does not run and is no part of the session's history. */
  readonly question?: KernelQuestion | undefined;
  /** Of a cell. Absent: as usual. */
  readonly manner?: CellManner | undefined;
  /** Tools of the caller that the code may call. */
  readonly tools?: readonly ToolDefinition[] | undefined;
  /** What the dialect wants to read again when it comes back to the execution. */
  readonly notes?: Readonly<Record<string, string>> | undefined;
}

/** A finished execution. */
export interface Execution {
  readonly id: string;
  /** The session, also one made for it alone. */
  readonly sessionId: string;
  readonly language: string;
  /** What its sandbox was behind. */
  readonly tier: Tier;
  readonly continuity: Continuity;
  /** Where saved variables were given back before it: what became of them. */
  readonly restored?: RestoredVariables | undefined;
  readonly startedAt: number;
  readonly result: CellResult;
  /** New and changed files first, then unchanged inputs of this request. */
  readonly files: readonly ReportedFile[];
  /** Paths of files that were there before it and are gone. */
  readonly deleted: readonly string[];
  /** Files that were made but could not be stored. */
  readonly lost: readonly LostFile[];
}

/** An execution that callers follow, leave and come back to. It runs on without followers. */
export interface RunningExecution {
  readonly id: string;
  readonly sessionId: string;
  readonly language: string;
  /** `queued` behind another of its session or for a place; `waiting` for the answers to tool calls. */
  readonly status: 'queued' | 'running' | 'waiting' | 'done';
  /** Tool calls that are not answered yet; none once it is done. */
  readonly pending: readonly ToolCall[];
  /** Number of its latest event so far, also when that is no longer kept; 0: none. */
  readonly last: number;
  /**
   * The events after number `after` (0: all), past ones first, until the execution is done or `signal` aborts. A history is
   * bounded: the oldest stream output is dropped first.
   */
  events(after?: number, signal?: AbortSignal): AsyncIterable<NumberedEvent>;
  /**
   * Rejects only for faults of the service or the request, never for what the code did.
   * @throws DragomanError cancelled when it was cancelled before it began, overloaded, sandbox_unavailable, invalid_request …
   */
  readonly done: Promise<Execution>;
  /**
   * Answers tool calls, some or all of those pending. Answering again with the same value is fine.
   * @throws DragomanError invalid_request for a call that was never made; conflict for another value, or when it is done
   */
  answer(results: readonly ToolResult[]): Promise<void>;
  /** Ends it; a kernel keeps its variables if it heeds the interrupt. */
  cancel(): void;
  /** As Ctrl-C on a terminal, once it runs: code that does not heed it goes on. */
  interrupt(): Promise<void>;
}

/** A file that a program made and that was not kept. */
export interface LostFile {
  readonly path: string;
  /** A sentence for the caller. */
  readonly reason: string;
}

/** What became of a file that was in the workspace when the program ended. */
export type ReportedFile =
  | { readonly change: 'created'; readonly file: StoredFile }
  | { readonly change: 'modified'; readonly file: StoredFile; readonly from: FileRef }
  /** An input that is still what it was, or was read-only: its own id, where it is mounted. */
  | { readonly change: 'inherited'; readonly path: string; readonly ref: FileRef };

/** Code that runs and has run. Another principal's execution is not_found. */
export interface Executions {
  /**
   * Begins an execution; those of one session run in order.
   * @throws DragomanError invalid_request, unsupported_language, not_found, session_expired, file_refused, session_busy;
   *   rate_limited when too many executions of the principal's have tools to wait for; conflict for an id that is known
   */
  start(principal: Principal, request: ExecutionRequest): Promise<RunningExecution>;
  /** An execution by its id, running or finished, while it is remembered. @throws DragomanError not_found */
  find(principal: Principal, id: string): Promise<RunningExecution>;
}

/** What a watcher hears of a session's executions. */
export interface WatchedExecution {
  readonly phase: 'begun' | 'ended';
  readonly execution: RunningExecution;
  readonly code: string;
}

/** News of the executions of a session. */
export interface ExecutionWatch {
  /**
   * The executions of a session, whichever dialect begins them: those under way, then each that begins and ends, until `signal` aborts.
   * The caller has checked whose the session is.
   */
  watch(sessionId: string, signal: AbortSignal): AsyncIterable<WatchedExecution>;
}
