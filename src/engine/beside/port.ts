import type {
  CommandEnd,
  CommandSignal,
  CommandStream,
  FileChange,
  FileEntry,
  TerminalSize,
} from '../../core/index.ts';

/** A program to run beside the kernels of a live session. */
export interface CommandRequest {
  readonly argv: readonly string[];
  /** Absolute, or relative to the workspace. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly terminal: TerminalSize | null;
  readonly hasInput: boolean;
  /** Bytes of output it may say before `more`. */
  readonly window: number;
  readonly onOutput: (stream: CommandStream, data: Uint8Array) => void;
}

/** A command that has started. */
export interface EngineCommand {
  /** In the sandbox. */
  readonly pid: number;
  /** Resolves when it has ended, after all of its output. Never rejects. */
  readonly done: Promise<CommandEnd & { readonly cpuMs: number }>;
  /** Lets it say so many bytes more. */
  more(bytes: number): void;
  /**
   * Writes to its input, all or nothing.
   * @throws DragomanError conflict when it has no input or reads no more; rate_limited when it does not read what came before
   */
  write(data: Uint8Array): Promise<void>;
  closeInput(): void;
  /** Sends a signal to its group. @param as why it will have ended, if it does */
  signal(signal: CommandSignal, as?: 'killed' | 'timed_out'): void;
  /** @throws DragomanError conflict without a terminal */
  resize(size: TerminalSize): void;
}

/** A file that is open for reading. Close it. */
export interface OpenedFile {
  readonly entry: FileEntry;
  /** Bytes; null: not known, as of a file of /proc. */
  readonly size: number | null;
  /** Bytes from `start` to before `end`, or to the end of the file where that comes first. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * Work with files at any path of a sandbox, done inside. Every method throws DragomanError: not_found, invalid_request, forbidden,
 * conflict, quota_exceeded; sandbox_unavailable when the sandbox has ended or does not answer.
 */
export interface EngineFiles {
  stat(path: string): Promise<FileEntry>;
  list(path: string, depth: number): Promise<{ readonly entries: readonly FileEntry[]; readonly truncated: boolean }>;
  makeDirectory(path: string): Promise<FileEntry>;
  move(from: string, to: string): Promise<FileEntry>;
  remove(path: string): Promise<void>;
  open(path: string): Promise<OpenedFile>;
  write(path: string, content: AsyncIterable<Uint8Array>, mode: number | null): Promise<FileEntry>;
  /** Watches from when it resolves, until `signal` aborts or the sandbox ends. It does not keep the sandbox running. */
  watch(path: string, recursive: boolean, signal: AbortSignal): Promise<AsyncIterable<FileChange>>;
}
