/** A size in characters. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** Signals that a caller may send to a command. */
export const commandSignals = [
  'SIGHUP',
  'SIGINT',
  'SIGQUIT',
  'SIGKILL',
  'SIGUSR1',
  'SIGUSR2',
  'SIGTERM',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGWINCH',
] as const;

export type CommandSignal = (typeof commandSignals)[number];

/** Where output of a command went: with a terminal there is one stream. */
export type CommandStream = 'stdout' | 'stderr' | 'terminal';

/** How a command ended. Exactly one of `code` and `signal` is set, or neither where the sandbox ended. */
export interface CommandEnd {
  /**
   * `exited`: by itself, or by a signal of its own making; `killed`: by a signal that a caller sent; `timed_out`: by its time limit;
   * `out_of_memory`: the sandbox had no more; `sandbox_gone`: with its sandbox.
   */
  readonly reason: 'exited' | 'killed' | 'timed_out' | 'out_of_memory' | 'sandbox_gone';
  /** 0 to 255. */
  readonly code: number | null;
  /** As `SIGTERM`. */
  readonly signal: string | null;
}

/** A file of a sandbox, as the sandbox tells of it. */
export interface FileEntry {
  /** Absolute. */
  readonly path: string;
  readonly name: string;
  /** What is at the path itself. `other`: a pipe, a socket or a device. */
  readonly kind: FileKind;
  /** Of a symbolic link that leads somewhere: what is there. Else null. */
  readonly targetKind: FileKind | null;
  /** The text of a symbolic link; null for anything else. */
  readonly target: string | null;
  /** In bytes. */
  readonly size: number;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly user: string;
  readonly group: string;
}

type FileKind = 'file' | 'directory' | 'symlink' | 'other';

/** A change below a directory that is watched. */
export interface FileChange {
  /** `overflow`: more changed than is told of; the path is then empty. */
  readonly change: 'created' | 'written' | 'removed' | 'renamed' | 'mode' | 'overflow';
  /** Relative to what is watched. */
  readonly path: string;
}
