import type { CommandEnd, CommandSignal, TerminalSize } from '../core/index.ts';
import type { NumberedEvent } from '../event-log/index.ts';
import type { SessionRef } from './session-ref.ts';

/** A program to run in a session's sandbox, beside its jobs. */
export interface CommandOrder {
  readonly id: string;
  readonly argv: readonly string[];
  /** Absolute, or relative to the workspace. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | null;
  readonly hasInput: boolean;
  readonly tag: string | null;
  /** It is ended then, in milliseconds since the epoch. */
  readonly deadline: number;
}

export interface CommandState extends CommandOrder {
  /** In the sandbox. */
  readonly pid: number;
  readonly startedAt: number;
  /** Null: it runs. */
  readonly ended: CommandEnding | null;
}

export interface CommandEnding extends CommandEnd {
  readonly at: number;
  readonly cpuMs: number;
}

/** Output as text where it is valid UTF-8, else as base64. */
type CommandOutput = {
  readonly type: 'stdout' | 'stderr' | 'terminal';
  /** Bytes of output before this one, on all streams together: a gap between events tells what was dropped. */
  readonly at: number;
} & ({ readonly text: string } | { readonly base64: string });

export type RunnerCommandEvent =
  | CommandOutput
  | { readonly type: 'ended'; readonly end: CommandEnding; readonly at: number };

export interface CommandRef {
  readonly session: SessionRef;
  readonly id: string;
}

/** Commands in the sandboxes of sessions. A command that is not there is not_found; one that has ended can be read for some minutes. */
export interface CommandRunner {
  /**
   * Starts a command. Null: the session has no sandbox.
   * @throws DragomanError invalid_request when there is no such program or directory; rate_limited
   */
  start(session: SessionRef, owner: string, order: CommandOrder): Promise<CommandState | null>;
  list(session: SessionRef): Promise<readonly CommandState[]>;
  /** Events after number `after`, until the command has ended or `signal` aborts. The command waits for readers that keep up. */
  events(command: CommandRef, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<RunnerCommandEvent>>;
  /** Number of the latest event. */
  last(command: CommandRef): Promise<number>;
  /** Resolves when it has ended. */
  ended(command: CommandRef): Promise<CommandEnding>;
  /** @param base64 bytes for its input */
  write(command: CommandRef, base64: string): Promise<void>;
  closeInput(command: CommandRef): Promise<void>;
  signal(command: CommandRef, signal: CommandSignal): Promise<void>;
  resize(command: CommandRef, size: TerminalSize): Promise<void>;
  /** Kills it if it runs, and forgets it. */
  delete(command: CommandRef): Promise<void>;
}
