// Made from the OpenAPI document of the service by `npm run docs`. Do not edit.

/**
 * A file the execution made or changed.
 */
export interface Artifact {
  id: string;
  session_id: string;
  path: string;
  size: number;
  mime: string;
  sha256: string;
  created_at: string;
  /**
   * Who put it there: a caller, or code that made or changed it.
   */
  source: 'user' | 'program';
  change: 'created' | 'modified';
}
export interface Chat {
  title: string;
  model?: string | null;
  instructions?: string | null;
  /**
   * The model may run code.
   */
  code: boolean;
  /**
   * The last turn of the branch that is shown.
   */
  head?: string | null;
  /**
   * Where its code runs.
   */
  session_id?: string | null;
  /**
   * @maxItems 1000
   */
  turns: {
    id: string;
    /**
     * The turn before; null: the first one. Two turns with one parent are branches.
     */
    parent?: string | null;
    /**
     * What the person wrote.
     */
    text: string;
    files?:
      | {
          path: string;
          size: number;
        }[]
      | null;
    response_id?: string | null;
    model?: string | null;
    session_id?: string | null;
  }[];
}
export interface Command {
  id: string;
  session_id: string;
  /**
   * In the sandbox.
   */
  pid: number;
  argv: string[];
  cwd: string;
  terminal: TerminalSize | null;
  tag: string | null;
  state: 'running' | 'ended';
  end: {
    /**
     * `killed`: by a signal that a caller sent; `sandbox_gone`: with its sandbox.
     */
    reason: 'exited' | 'killed' | 'timed_out' | 'out_of_memory' | 'sandbox_gone';
    exit_code: number | null;
    signal: string | null;
    at: string;
  } | null;
  started_at: string;
  /**
   * When it is ended.
   */
  deadline: string;
}
export interface TerminalSize {
  columns: number;
  rows: number;
}
export interface CommandRequest {
  /**
   * A line for `/bin/bash -c`. This or `argv`.
   */
  command?: string | null;
  /**
   * A program of the sandbox and its arguments.
   */
  argv?: string[] | null;
  /**
   * Where it begins: absolute, or relative to the workspace, which is the usual one.
   */
  cwd?: string | null;
  /**
   * Added to the sandbox’s own environment.
   */
  env?: {
    [k: string]: string;
  } | null;
  /**
   * Its input can be written; absent: it is empty.
   */
  stdin?: boolean | null;
  /**
   * It gets a terminal of this size instead of three streams.
   */
  terminal?: TerminalSize | null;
  /**
   * It is ended after so long.
   */
  timeout_ms?: number | null;
  /**
   * A name of your own.
   */
  tag?: string | null;
}
export interface Completeness {
  status: 'complete' | 'incomplete' | 'invalid' | 'unknown';
  /**
   * Blanks that the next line could begin with.
   */
  indent: string;
}
export interface CompletionRequest {
  /**
   * A language that keeps variables, or one of its aliases.
   */
  language: string;
  /**
   * What is typed so far.
   */
  code: string;
  /**
   * A kernel of the session; absent: the default one of the language.
   */
  kernel_id?: string | null;
  /**
   * Where it is to go on, in characters (code points); absent: at its end.
   */
  cursor?: number | null;
}
export interface Completions {
  /**
   * What could stand from `start` to `end`; none: nothing is known.
   */
  matches: string[];
  /**
   * In characters (code points) of the code.
   */
  start: number;
  end: number;
}
export interface CreateShareAnswer {
  id: string;
  created_at: string;
  expires_at: string;
  /**
   * The link is `/ui/s/<secret>`. It is told once.
   */
  secret: string;
}
export interface DirectoryRequest {
  /**
   * Absolute, or relative to the workspace.
   */
  path: string;
}
export interface Execution {
  id: string;
  session_id: string;
  language: string;
  status: 'done';
  /**
   * `completed` with an exit code or an `error`, or what ended it.
   */
  outcome: 'completed' | 'timed_out' | 'out_of_memory' | 'output_limit' | 'killed' | 'cancelled' | 'worker_lost';
  /**
   * Null when a signal or a limit ended it.
   */
  exit_code: number | null;
  signal: string | null;
  /**
   * What was there before it: nothing, the variables of earlier ones, or only their files.
   */
  state: 'fresh' | 'continued' | 'restored';
  /**
   * Where saved variables were given back before it; else null.
   */
  restored: RestoredVariables | null;
  /**
   * Whether the next execution finds the variables; `none`: the language keeps none.
   */
  interpreter: 'kept' | 'lost' | 'none';
  started_at: string;
  /**
   * What its sandbox was behind.
   */
  isolation: string;
  /**
   * What ended so: the run, or the compilation (or check) that failed before it.
   */
  stage: 'compile' | 'run';
  usage: ExecutionUsage;
  /**
   * Of the compilation; zeroes when the program was there from before, null when there was nothing to compile.
   */
  compile_usage: ExecutionUsage | null;
  /**
   * Something was left out: the middle of a stream, results, or files beyond a limit.
   */
  truncated: boolean;
  /**
   * Paths that were there before it and are gone.
   */
  deleted: string[];
  /**
   * Files that were made but could not be stored.
   */
  artifacts_lost: number;
  /**
   * Which these are, and why.
   */
  lost: {
    path: string;
    reason: string;
  }[];
  stdout: string;
  stderr: string;
  /**
   * What it displayed, and the value of its last expression, in order.
   */
  results: MimeBundle[];
  error: ProgramError | null;
  artifacts: Artifact[];
}
/**
 * What became of saved variables that were given back before the code.
 */
export interface RestoredVariables {
  kernel: string;
  saved_at: string;
  /**
   * Code has run since they were saved; what it changed is not in them.
   */
  behind: boolean;
  /**
   * How many are whole.
   */
  variables: number;
  /**
   * Those that are gone, and why.
   */
  lost: {
    name: string;
    type: string;
    reason: string;
  }[];
  /**
   * How many are gone.
   */
  lost_count: number;
  /**
   * Those of which something inside is gone, by its type.
   */
  partial: {
    name: string;
    type: string;
    lost: string[];
  }[];
  /**
   * Classes and functions whose statement was run again.
   */
  redefined: string[];
  /**
   * Settings of the process that are gone.
   */
  ambient: string[];
  /**
   * Why nothing came back; null: something did.
   */
  reason:
    | ('deadline' | 'memory' | 'unavailable' | 'failed' | 'too_large' | 'quota' | 'storage' | 'broken' | 'changed')
    | null;
  /**
   * All of it in words.
   */
  message: string;
}
export interface ExecutionUsage {
  cpu_ms: number;
  wall_ms: number;
  peak_memory_bytes: number;
}
/**
 * One result in several forms by MIME type: text as it is, images and PDF as base64, JSON as JSON.
 */
export interface MimeBundle {
  [k: string]: unknown;
}
/**
 * An exception nothing caught.
 */
export interface ProgramError {
  name: string;
  value: string;
  traceback: string[];
}
export interface ExecutionRequest {
  /**
   * A language or one of its aliases, any case. `lang` is another name of this field.
   */
  language: string;
  /**
   * A cell of a live session, or a whole program; at most 8 MiB.
   */
  code: string;
  args?: string[] | null;
  stdin?: string | null;
  /**
   * A kernel of the session; absent: the default one of the language.
   */
  kernel_id?: string | null;
  /**
   * Wall clock; at most what the plan allows. Waiting for tools is free.
   */
  timeout_ms?: number | null;
  isolation?: ('namespaces' | 'gvisor' | 'microvm') | null;
  /**
   * Put into the workspace first.
   */
  files?: NativeFileReference[] | null;
  /**
   * Tools the code may call.
   */
  tools?: Tool[] | null;
}
export interface NativeFileReference {
  /**
   * The session the file is stored in: a live one, an upload or an execution.
   */
  session_id: string;
  id: string;
  /**
   * Relative to the workspace, `/` between segments.
   */
  path: string;
}
export interface Tool {
  name: string;
  description?: string;
  /**
   * JSON Schema of an object; absent: it takes nothing.
   */
  parameters?: {
    [k: string]: unknown;
  };
}
export interface File {
  id: string;
  session_id: string;
  path: string;
  size: number;
  mime: string;
  sha256: string;
  created_at: string;
  /**
   * Who put it there: a caller, or code that made or changed it.
   */
  source: 'user' | 'program';
}
export interface FileEntry {
  /**
   * Absolute.
   */
  path: string;
  name: string;
  /**
   * What is at the path itself; `other`: a pipe, a socket or a device.
   */
  kind: 'file' | 'directory' | 'symlink' | 'other';
  /**
   * The text of a symbolic link.
   */
  target: string | null;
  /**
   * What a symbolic link leads to.
   */
  target_kind: ('file' | 'directory' | 'symlink' | 'other') | null;
  size: number;
  /**
   * Permission bits.
   */
  mode: number;
  modified_at: string;
  user: string;
  group: string;
}
export interface FileSummary {
  kind:
    | 'table'
    | 'spreadsheet'
    | 'database'
    | 'arrays'
    | 'document'
    | 'presentation'
    | 'pdf'
    | 'page'
    | 'markdown'
    | 'message'
    | 'image'
    | 'drawing'
    | 'notebook'
    | 'archive'
    | 'sound'
    | 'film'
    | 'code'
    | 'text'
    | 'json'
    | 'binary';
  title?: string;
  /**
   * @maxItems 20
   */
  tables?: {
    /**
     * Of the sheet or table; empty where the file is one table.
     */
    name: string;
    /**
     * Null: counting them takes too long.
     */
    rows: number | null;
    column_count: number;
    /**
     * @maxItems 60
     */
    columns: {
      name: string;
      /**
       * Of the rows that were looked at.
       */
      type: 'whole' | 'number' | 'text' | 'date' | 'time' | 'boolean' | 'mixed' | 'other' | 'empty';
      /**
       * How many of these rows have nothing there.
       */
      empty: number;
      /**
       * @maxItems 3
       */
      examples: string[];
    }[];
  }[];
  table_count?: number;
  /**
   * Of a presentation: slides.
   */
  pages?: number;
  words?: number;
  lines?: number;
  cells?: number;
  language?: string;
  /**
   * Headings.
   *
   * @maxItems 50
   */
  outline?: string[];
  /**
   * In pixels, as `height`.
   */
  width?: number;
  height?: number;
  frames?: number;
  seconds?: number;
  entry_count?: number;
  /**
   * @maxItems 100
   */
  entries?: {
    name: string;
    size: number;
  }[];
  /**
   * What is in a JSON file.
   */
  shape?: string;
  /**
   * How its text begins.
   */
  excerpt?: string;
  details?: {
    [k: string]: string;
  };
  /**
   * Lists are shorter than what they list.
   */
  truncated?: boolean;
}
export interface Fork {
  id: string;
  name: string | null;
  /**
   * `live`: variables are kept; `dormant`: only files are, and variables that were saved; `expired`: everything is gone.
   */
  state: 'live' | 'dormant' | 'expired';
  /**
   * An execution runs or waits.
   */
  busy: boolean;
  created_at: string;
  last_active_at: string;
  /**
   * When it ends unless it is used before.
   */
  expires_at: string;
  idle_timeout_ms: number;
  memory_bytes: number;
  /**
   * What its sandbox is behind, from its beginning to its end; null: it is older than this, and the plan says it.
   */
  isolation: string | null;
  metadata: {
    [k: string]: string;
  };
  /**
   * `variables`: its first code finds them; `none`: it was not to have any, or there are none; `not_at_execution`: none are saved of that moment; `off`: they are not saved here; `not_saved`: they could not be saved.
   */
  variables: 'variables' | 'none' | 'not_at_execution' | 'off' | 'not_saved';
}
export interface ForkRequest {
  name?: string | null;
  idle_timeout_ms?: number | null;
  /**
   * The session ends, files and all, after so long without use.
   */
  lifetime_ms?: number | null;
  /**
   * At most what the plan allows.
   */
  memory_bytes?: number | null;
  metadata?: {
    [k: string]: string;
  } | null;
  /**
   * With its variables, as far as they can be saved. Absent: yes.
   */
  variables?: boolean;
  /**
   * To know of nothing later than this execution. Where its variables were not saved the fork has files alone.
   */
  execution_id?: string | null;
}
export interface InspectCodeAnswer {
  signature: string;
  documentation: string;
}
export interface InterruptSessionAnswer {
  /**
   * False: nothing ran.
   */
  interrupted: boolean;
}
export interface IsCompleteRequest {
  /**
   * A language that keeps variables, or one of its aliases.
   */
  language: string;
  /**
   * What is typed so far.
   */
  code: string;
  /**
   * A kernel of the session; absent: the default one of the language.
   */
  kernel_id?: string | null;
}
export interface Isolation {
  /**
   * As plans, requests and results say it.
   */
  name: string;
  /**
   * Why nothing can run behind it now; null: it can.
   */
  fault: string | null;
}
export interface Kernel {
  id: string;
  language: string;
  /**
   * Where it starts, relative to the workspace; empty: the workspace itself.
   */
  directory: string;
  /**
   * It runs the code of its language that names no kernel.
   */
  default: boolean;
  /**
   * `live`: it holds variables; `dormant`: its next code starts it anew.
   */
  state: 'live' | 'dormant';
  created_at: string;
}
export interface KernelRequest {
  /**
   * A language that keeps variables, or one of its aliases.
   */
  language: string;
  /**
   * Where it starts, relative to the workspace; made if it is missing.
   */
  directory?: string | null;
}
export interface KernelState {
  kernel: string;
  state: 'live' | 'saved';
  saved_at: string | null;
  /**
   * The last execution that they know of.
   */
  execution_id: string | null;
  /**
   * Code has run since they were saved.
   */
  behind: boolean;
  bytes: number;
  /**
   * What they were made with.
   */
  versions: {
    [k: string]: string;
  };
  /**
   * How many are whole.
   */
  variables: number;
  /**
   * Those that are gone, and why.
   */
  lost: {
    name: string;
    type: string;
    reason: string;
  }[];
  /**
   * How many are gone.
   */
  lost_count: number;
  /**
   * Those of which something inside is gone, by its type.
   */
  partial: {
    name: string;
    type: string;
    lost: string[];
  }[];
  /**
   * Classes and functions whose statement was run again.
   */
  redefined: string[];
  /**
   * Settings of the process that are gone.
   */
  ambient: string[];
  kept: {
    name: string;
    type: string;
  }[];
}
export interface Language {
  name: string;
  title: string;
  /**
   * What a request may call it instead, in any case.
   */
  aliases: string[];
  /**
   * By what they are versions of.
   */
  versions: {
    [k: string]: string;
  };
  /**
   * The command that makes a program of the source; null where the source itself is run.
   */
  compile: string[] | null;
  /**
   * The command that runs it.
   */
  run: string[];
  /**
   * The command that goes over a source first where its first argument asks for it; null where there is none.
   */
  check: {
    argument: string;
    command: string[];
  } | null;
  /**
   * A live session keeps variables from cell to cell; otherwise its files alone.
   */
  keeps_variables: boolean;
}
export interface ListChatsAnswer {
  data: {
    id: string;
    title: string;
    session_id: string | null;
    updated_at: string;
  }[];
  has_more: boolean;
}
export interface ListChatsQuery {
  limit?: number;
  after?: string;
  order?: 'asc' | 'desc';
}
export interface ListCommandsAnswer {
  data: Command[];
}
export interface ListKernelsAnswer {
  data: Kernel[];
}
export interface ListLanguagesAnswer {
  languages: Language[];
  isolations: Isolation[];
}
export interface ListSandboxFilesAnswer {
  data: FileEntry[];
  /**
   * There are more than 10 000.
   */
  truncated: boolean;
}
export interface ListSandboxFilesQuery {
  path?: string;
  depth?: number;
}
export interface ListSessionFilesAnswer {
  data: File[];
}
export interface ListSessionsAnswer {
  data: Session[];
  has_more: boolean;
}
export interface Session {
  id: string;
  name: string | null;
  /**
   * `live`: variables are kept; `dormant`: only files are, and variables that were saved; `expired`: everything is gone.
   */
  state: 'live' | 'dormant' | 'expired';
  /**
   * An execution runs or waits.
   */
  busy: boolean;
  created_at: string;
  last_active_at: string;
  /**
   * When it ends unless it is used before.
   */
  expires_at: string;
  idle_timeout_ms: number;
  memory_bytes: number;
  /**
   * What its sandbox is behind, from its beginning to its end; null: it is older than this, and the plan says it.
   */
  isolation: string | null;
  metadata: {
    [k: string]: string;
  };
}
export interface ListSessionsQuery {
  limit?: number;
  after?: string;
  order?: 'asc' | 'desc';
  name?: string;
}
export interface ListSharesAnswer {
  data: {
    id: string;
    created_at: string;
    expires_at: string;
  }[];
}
export interface ListVariablesAnswer {
  data: Variable[];
}
export interface Variable {
  name: string;
  /**
   * In words: `table`, `text`, `whole number`, `object`.
   */
  kind: string;
  /**
   * Name of its class.
   */
  type: string;
  shape?: number[];
  preview?: string;
  bytes?: number;
}
export interface ListVariablesQuery {
  language?: string;
}
export interface MoveRequest {
  /**
   * Absolute, or relative to the workspace.
   */
  from: string;
  /**
   * Absolute, or relative to the workspace.
   */
  to: string;
}
/**
 * The cells of a session’s notebook, in order.
 */
export interface NotebookDocument {
  /**
   * @maxItems 2000
   */
  cells: {
    id: string;
    kind: 'code' | 'text';
    language: string;
    source: string;
    /**
     * The latest execution of the cell.
     */
    execution_id?: string | null;
  }[];
}
export interface OpenTerminalQuery {
  cols?: number;
  rows?: number;
  command?: string;
}
export interface ReadSandboxFileQuery {
  path?: string;
}
export interface ReadSessionFileQuery {
  preview?: 'html' | 'text' | 'json' | 'png';
  form?: 'html' | 'text' | 'json' | 'png';
  page?: number;
  sheet?: number;
  offset?: number;
  width?: number;
}
export interface ReadStateAnswer {
  data: KernelState[];
}
export interface ReadUsageQuery {
  from?: string;
  to?: string;
}
export interface RemoveSandboxFileQuery {
  path?: string;
}
export interface RunningExecution {
  id: string;
  session_id: string;
  language: string;
  status: 'queued' | 'running';
}
export interface SaveStateAnswer {
  data: KernelState[];
}
export interface SessionChange {
  /**
   * Null: no name.
   */
  name?: string | null;
  /**
   * The sandbox is let go after so long without use. At most what is configured.
   */
  idle_timeout_ms?: number;
  /**
   * Replaces what was there.
   */
  metadata?: {
    [k: string]: string;
  };
}
export interface SessionRequest {
  name?: string | null;
  idle_timeout_ms?: number | null;
  /**
   * The session ends, files and all, after so long without use.
   */
  lifetime_ms?: number | null;
  /**
   * At most what the plan allows.
   */
  memory_bytes?: number | null;
  isolation?: ('namespaces' | 'gvisor' | 'microvm') | null;
  metadata?: {
    [k: string]: string;
  } | null;
  /**
   * Stored files to begin with.
   */
  files?: NativeFileReference[] | null;
}
export interface ShareRequest {
  title: string;
  expires_in_hours: number;
  /**
   * What is shown: a notebook, nbformat 4. At most 2 MiB.
   */
  notebook: {
    [k: string]: unknown;
  };
}
export interface SignalCommandAnswer {
  /**
   * False: it had ended.
   */
  signalled: boolean;
}
export interface SignalRequest {
  signal:
    | 'SIGHUP'
    | 'SIGINT'
    | 'SIGQUIT'
    | 'SIGKILL'
    | 'SIGUSR1'
    | 'SIGUSR2'
    | 'SIGTERM'
    | 'SIGCONT'
    | 'SIGSTOP'
    | 'SIGTSTP'
    | 'SIGWINCH';
}
export interface StatSandboxFileQuery {
  path?: string;
}
export interface StoredChat {
  title: string;
  model?: string | null;
  instructions?: string | null;
  /**
   * The model may run code.
   */
  code: boolean;
  /**
   * The last turn of the branch that is shown.
   */
  head?: string | null;
  /**
   * Where its code runs.
   */
  session_id?: string | null;
  /**
   * @maxItems 1000
   */
  turns: {
    id: string;
    /**
     * The turn before; null: the first one. Two turns with one parent are branches.
     */
    parent?: string | null;
    /**
     * What the person wrote.
     */
    text: string;
    files?:
      | {
          path: string;
          size: number;
        }[]
      | null;
    response_id?: string | null;
    model?: string | null;
    session_id?: string | null;
  }[];
  id: string;
  updated_at: string;
  expires_at: string;
}
export interface ToolCall {
  id: string;
  name: string;
  input: {
    [k: string]: unknown;
  };
}
export interface ToolResult {
  /**
   * Of the call.
   */
  id: string;
  /**
   * Any JSON value; null when absent.
   */
  value?: unknown;
  /**
   * The call failed: an exception in the program.
   */
  error?: string | null;
}
export interface ToolResultsRequest {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  results: ToolResult[];
}
export interface Usage {
  from: string;
  to: string;
  total: {
    executions: number;
    cpu_ms: number;
    wall_ms: number;
    bytes_stored: number;
    bytes_served: number;
  };
  /**
   * Days without any use are left out.
   */
  days: {
    date: string;
    executions: number;
    cpu_ms: number;
    wall_ms: number;
    bytes_stored: number;
    bytes_served: number;
  }[];
  /**
   * What its files take at this moment, each at its full size, and what they may take together.
   */
  storage: {
    bytes_used: number;
    bytes_allowed: number;
  };
}
/**
 * It goes on when its tool calls are answered.
 */
export interface WaitingExecution {
  id: string;
  session_id: string;
  language: string;
  status: 'tool_calls';
  tool_calls: ToolCall[];
}
export interface WatchSandboxFilesQuery {
  path?: string;
  recursive?: 'true' | 'false';
}
export interface WriteCommandQuery {
  close?: 'true' | 'false';
}
export interface WriteSandboxFileQuery {
  path?: string;
  mode?: string;
}
