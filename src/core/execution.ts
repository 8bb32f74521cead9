/** How an execution ended. The user's failure is data: `completed` with an exit code, or the limit that ended it. */
export type Outcome = 'completed' | 'timed_out' | 'out_of_memory' | 'output_limit' | 'killed' | 'cancelled';

/** What an execution consumed. Compile steps are not part of it. */
export interface Usage {
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
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
  readonly usage: Usage;
  /** True when files were left out of the artifacts because of a limit. */
  readonly artifactsTruncated: boolean;
}

/** What happens while an execution runs, in order. */
export type ExecutionEvent = { type: 'stdout'; data: Uint8Array } | { type: 'stderr'; data: Uint8Array };
