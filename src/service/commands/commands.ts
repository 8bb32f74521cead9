import type { CommandEnd, CommandSignal, CommandStream, Principal, TerminalSize } from '../../core/index.ts';

/** A program to run in a session's sandbox, beside its cells. */
export interface NewCommand {
  /** A program of the sandbox and its arguments. A shell line is `['/bin/bash', '-c', line]`. */
  readonly argv: readonly string[];
  /** Its working directory: absolute, or relative to the workspace, which is the usual one. */
  readonly cwd?: string | undefined;
  /** Added to the sandbox's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** It gets a terminal of this size instead of three streams. */
  readonly terminal?: TerminalSize | undefined;
  /** It may be written to; else its input is empty. With a terminal always. */
  readonly hasInput?: boolean | undefined;
  /** It is ended after so long. Absent: the longest time there is. */
  readonly timeoutMs?: number | undefined;
  /** A name of the caller's own. */
  readonly tag?: string | undefined;
}

/** A command of a session: it runs, or has ended some minutes ago at most. */
export interface CommandInfo {
  readonly id: string;
  readonly sessionId: string;
  /** In the sandbox: unique among those that run. */
  readonly pid: number;
  readonly argv: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | null;
  readonly tag: string | null;
  readonly startedAt: number;
  /** When its time is over. */
  readonly deadline: number;
  /** Null: it runs. */
  readonly ended: (CommandEnd & { readonly at: number }) | null;
}

/** What happens in a command. Its events have numbers, the first is 1. */
export type CommandEvent =
  | { readonly type: 'output'; readonly stream: CommandStream; readonly data: Uint8Array }
  /** Output was dropped because nothing read it in time. Null: it is not known how much. */
  | { readonly type: 'dropped'; readonly bytes: number | null }
  | { readonly type: 'ended'; readonly end: CommandEnd }
  /** The last one: these paths of the workspace are the session's files as the command left them. */
  | { readonly type: 'files'; readonly changed: readonly string[]; readonly deleted: readonly string[] };

export interface NumberedCommandEvent {
  readonly number: number;
  readonly event: CommandEvent;
}

/**
 * Commands of sessions. They keep the sandbox running, in the background too, until they end, and end with it. A session of another
 * principal, and a command that is not of the session, is not_found. `command` is an id, or the pid of one that runs.
 */
export interface Commands {
  /**
   * Starts a command, with a sandbox for the session where it has none. Resolves when the program has started.
   * @throws DragomanError not_found, session_expired; invalid_request when there is no such program or directory; rate_limited when
   *   too many run, in the session or of the principal; overloaded, sandbox_unavailable
   */
  start(principal: Principal, sessionId: string, command: NewCommand): Promise<CommandInfo>;
  /** Those that run and those that ended some minutes ago, by start. */
  list(principal: Principal, sessionId: string): Promise<readonly CommandInfo[]>;
  get(principal: Principal, sessionId: string, command: string | number): Promise<CommandInfo>;
  /**
   * Events after number `after` (0: all that are kept, 'now': those that come), then those that come, until the command has ended and
   * its files are recorded, or `signal` aborts. A reader that keeps up gets every byte: the command waits for it.
   */
  events(
    principal: Principal,
    sessionId: string,
    command: string | number,
    after: number | 'now',
    signal?: AbortSignal,
  ): AsyncIterable<NumberedCommandEvent>;
  /**
   * Writes to its input, all or nothing.
   * @throws DragomanError conflict when its input is closed or it has ended; rate_limited when it does not read what came before;
   *   too_large
   */
  write(principal: Principal, sessionId: string, command: string | number, data: Uint8Array): Promise<void>;
  /** Ends its input; on a terminal, as Ctrl-D does. */
  closeInput(principal: Principal, sessionId: string, command: string | number): Promise<void>;
  /** Sends a signal to every process of its group. False: it has ended. */
  signal(principal: Principal, sessionId: string, command: string | number, signal: CommandSignal): Promise<boolean>;
  /** @throws DragomanError conflict when it has no terminal */
  resize(principal: Principal, sessionId: string, command: string | number, size: TerminalSize): Promise<void>;
  /** Kills it if it runs, and forgets what it said. */
  delete(principal: Principal, sessionId: string, command: string | number): Promise<void>;
}
