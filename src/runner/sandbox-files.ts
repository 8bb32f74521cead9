import type { FileChange, FileEntry } from '../core/index.ts';
import type { SessionRef } from './session-ref.ts';

/** Work with files that is one question and one answer. */
export type FileQuestion =
  | { readonly do: 'stat' | 'make' | 'remove'; readonly path: string }
  | { readonly do: 'move'; readonly path: string; readonly to: string }
  | { readonly do: 'list'; readonly path: string; readonly depth: number };

export interface FileAnswer {
  /** What is at the path now; after `list` what is in it. */
  readonly entries: readonly FileEntry[];
  readonly truncated: boolean;
}

/** Files at any path of a session's sandbox, worked with inside. Null from any method: the session has no sandbox. */
export interface SandboxFileRunner {
  ask(session: SessionRef, question: FileQuestion): Promise<FileAnswer | null>;
  /**
   * Opens a file and reads bytes `start` to before `end` (null: to its end). Not reading on, or leaving the bytes, closes it.
   * @returns `size`: of the whole file; null: not known
   */
  read(
    session: SessionRef,
    path: string,
    range: { readonly start: number; readonly end: number | null },
  ): Promise<{
    readonly entry: FileEntry;
    readonly size: number | null;
    readonly bytes: AsyncIterable<Uint8Array>;
  } | null>;
  /** @param mode permission bits; null: those of the file that was there, or usual ones */
  write(
    session: SessionRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    mode: number | null,
  ): Promise<FileEntry | null>;
  watch(
    session: SessionRef,
    path: string,
    recursive: boolean,
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileChange> | null>;
}
