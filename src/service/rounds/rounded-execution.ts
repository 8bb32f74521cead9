import type { ToolCall, ToolResult } from '../../core/index.ts';
import type { RunningExecution } from '../executions/executions.ts';

/** An execution as its rounds are kept: what lasts between two requests of its caller. */
export interface RoundedExecution extends Pick<RunningExecution, 'id' | 'sessionId' | 'status' | 'done' | 'events'> {
  /** What its caller's credential was issued for. */
  readonly authContext: string | undefined;
  readonly notes: Readonly<Record<string, string>>;
  /** The worker that has begun it. */
  readonly worker: string | undefined;
  /** Its latest round of tool calls, answered or not. */
  readonly calls: readonly ToolCall[];
  /** Number of the event that told of these calls. */
  readonly calledAt: number;
  /** How many rounds of calls it has made. */
  readonly rounds: number;
  /** The beginning of what it has printed to stdout. */
  readonly opening: string;
  /** It is to be ended. */
  readonly isCancelled: boolean;
  /** A request waits for what it does next. */
  isAwaited: boolean;
  /** Whether it was given exactly these answers, as far as is known. */
  hasHad(results: readonly ToolResult[]): boolean;
  answer(results: readonly ToolResult[]): Promise<void>;
  cancel(): void;
}
