/**
 * How an execution ended. The user's failure is data: `completed` with an exit code, or the limit that ended it. `worker_lost`: the machine
 * that ran it is gone, the code may have run in part, and it is not run again.
 */
export type Outcome =
  | 'completed'
  | 'timed_out'
  | 'out_of_memory'
  | 'output_limit'
  | 'killed'
  | 'cancelled'
  | 'worker_lost';

/** What an execution consumed. */
export interface Usage {
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
}

/** What a sandbox uses at this moment. */
export interface UsageNow {
  /** Processor time since it was made. */
  readonly cpuMs: number;
  readonly memoryBytes: number;
  /** What is in its workspace; null: its boundary cannot tell. */
  readonly workspaceBytes: number | null;
}

/** A stream's text: UTF-8 with replacement characters, head and tail kept when it was longer than the limit. */
export interface OutputText {
  text: string;
  /** Bytes the program wrote. */
  bytes: number;
  truncated: boolean;
}

/** Every ending of an execution in one shape. */
export interface ExecutionResult {
  readonly outcome: Outcome;
  /** The program's exit status; null when a signal or a limit ended it. */
  readonly exitCode: number | null;
  /** Name of the signal that ended it, `SIGKILL` and the like. */
  readonly signal: string | null;
  readonly stdout: OutputText;
  readonly stderr: OutputText;
  /** Of the run alone. */
  readonly usage: Usage;
  /** What the rest tells of: the program's run, or the compilation that failed before it. */
  readonly stage: 'compile' | 'run';
  /** Of the compilation; zeroes when the program was still there from before, null when there is nothing to compile. */
  readonly compileUsage: Usage | null;
  /** True when files were left out of the artifacts because of a limit. */
  readonly artifactsTruncated: boolean;
}

/**
 * One result in several forms, by MIME type. Text forms are strings, images and PDFs base64, JSON forms any JSON value. It comes
 * from a sandbox: bounded and of known types, but never trusted.
 */
export type MimeBundle = Readonly<Record<string, unknown>>;

/** What a cell shows besides its streams: `display` whenever it asks to, `result` for the value of its last expression. */
export interface RichOutput {
  readonly kind: 'display' | 'result';
  readonly bundle: MimeBundle;
  /** How many bytes had been printed when it was shown. */
  readonly after?: { readonly stdout: number; readonly stderr: number };
}

/** An exception nothing caught, as the program's own runtime words it. */
export interface ProgramError {
  readonly name: string;
  readonly value: string;
  /** Lines as a terminal would show them, without colours. */
  readonly traceback: readonly string[];
}

/** A program's request that the caller run one of the tools it was given. */
export interface ToolCall {
  /** Unique within the execution. */
  readonly id: string;
  /** The tool's own name, as the caller gave it. */
  readonly name: string;
  /** Checked against the tool's parameters. */
  readonly input: Readonly<Record<string, unknown>>;
}

/** The caller's answer to a tool call. */
export type ToolResult =
  | { readonly id: string; readonly value: unknown }
  | { readonly id: string; readonly error: string };

/** A tool code may call; `parameters` is a JSON Schema of an object. */
export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * What became of the interpreter that ran a cell: its variables are there for the next cell (`kept`), it is gone (`lost`), or
 * there was none, because the language has no kernel.
 */
export type InterpreterState = 'kept' | 'lost' | 'none';

/** How a cell of a live session ended, with everything it showed. */
/**
 * What a client asks a kernel about code that is being written. The code does not run: the answer is the one result of the execution,
 * under `kernelAnswerType`, and a claim of the sandbox like any other.
 */
export type KernelQuestion =
  /** How the code could go on at `cursor`, in characters (code points). */
  | { readonly kind: 'complete'; readonly cursor: number }
  /** What the name at `cursor` is, in characters. Python alone. */
  | { readonly kind: 'inspect'; readonly cursor: number }
  /** Which variables there are; the code is empty. Python and JavaScript alone. */
  | { readonly kind: 'variables' }
  /** Whether the code is whole. */
  | { readonly kind: 'is_complete' };

/**
 * How a cell runs for a client that is a notebook itself. Errors are told as errors alone, not on stderr as well, and values have the
 * forms their own libraries give them.
 */
export interface CellManner {
  /** Shows no value, and is no part of the interpreter's history. */
  readonly isSilent: boolean;
  /** Is part of the interpreter's own history (`In`, `Out`). */
  readonly isRemembered: boolean;
  /** Expressions to evaluate after code that succeeds, by the caller's names for them. Python alone. */
  readonly expressions: Readonly<Record<string, string>>;
}

export const kernelAnswerType = 'application/vnd.dragoman.answer+json';

export interface CellResult extends ExecutionResult {
  readonly outputs: readonly RichOutput[];
  /** Rich outputs were left out because they were too many or too large. */
  readonly outputsTruncated: boolean;
  readonly error: ProgramError | null;
  readonly interpreter: InterpreterState;
}

/** A program's error as text, empty when there is none or when it stands at the end of stderr already: most kernels print it, too. */
export function unprintedError({ error, stderr }: Pick<CellResult, 'error' | 'stderr'>): string {
  if (!error) return '';
  const last = error.traceback.at(-1)?.trimEnd() || `${error.name}: ${error.value}`.trimEnd();
  return stderr.text.trimEnd().endsWith(last) ? '' : error.traceback.join('\n') || last;
}

/** What a program wrote to stderr itself, for readers that get its error apart: without the traceback that kernels print there. */
export function stderrApart({ error, stderr }: Pick<CellResult, 'error' | 'stderr'>): string {
  const traceback = error?.traceback.join('\n').trimEnd();
  const printed = stderr.text.trimEnd();
  return traceback && printed.endsWith(traceback) ? printed.slice(0, -traceback.length) : stderr.text;
}

/** What happens while an execution runs, in order. */
export type ExecutionEvent =
  | { readonly type: 'stdout' | 'stderr'; readonly data: Uint8Array }
  | {
      readonly type: 'display' | 'result';
      readonly bundle: MimeBundle;
      /** By which it can be replaced later. */
      readonly name?: string | undefined;
      /** It replaces what was shown by its name, in this cell or an earlier one. */
      readonly isUpdate?: true | undefined;
      /** About its forms: the width of an image, for example. From the sandbox, bounded. */
      readonly metadata?: Readonly<Record<string, unknown>> | undefined;
    }
  /** What the cell has shown is taken back: at once, or when it shows something else. */
  | { readonly type: 'clear'; readonly waits: boolean }
  /** What the expressions of a `CellManner` came to: Jupyter's own answer for each. From the sandbox, bounded. */
  | { readonly type: 'expressions'; readonly values: Readonly<Record<string, unknown>> }
  | { readonly type: 'error'; readonly error: ProgramError }
  /** Every call that waits for the caller: the program goes on when all are answered, or earlier when it can. */
  | { readonly type: 'tool_calls'; readonly calls: readonly ToolCall[] };
