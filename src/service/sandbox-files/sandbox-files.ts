import type { Readable } from 'node:stream';
import type { FileChange, FileEntry, Principal } from '../../core/index.ts';

/** A file of a sandbox that is being read. */
export interface SandboxFileContent {
  readonly entry: FileEntry;
  /** Bytes that follow; null: the sandbox does not know, as for a file of /proc. */
  readonly size: number | null;
  /** Errors when the file shrinks or the sandbox ends meanwhile. */
  readonly content: Readable;
}

/**
 * Files at any path that the sandbox's user may reach. Paths are absolute, or relative to the workspace, and are resolved inside the
 * sandbox. What changes in the workspace becomes the session's files; anything else is lost with the sandbox. A session without a
 * sandbox gets one. Every method throws DragomanError: not_found (also for the session), session_expired; invalid_request for a path
 * that is not what it has to be; forbidden for what the sandbox's user may not do; conflict for what exists; quota_exceeded
 * when the sandbox's file system is full; overloaded, sandbox_unavailable.
 */
export interface SandboxFiles {
  stat(principal: Principal, sessionId: string, path: string): Promise<FileEntry>;
  /**
   * What is in a directory, in the order of a walk, without following links; at most 10 000 entries.
   * @param depth 1: the directory's own entries
   */
  list(
    principal: Principal,
    sessionId: string,
    path: string,
    depth: number,
  ): Promise<{ readonly entries: readonly FileEntry[]; readonly truncated: boolean }>;
  /** Makes a directory, with those it is in. @throws DragomanError conflict when it exists */
  makeDirectory(principal: Principal, sessionId: string, path: string): Promise<FileEntry>;
  /** Moves a file or a directory, making the directories it goes to. @throws DragomanError conflict when a directory is in the way */
  move(principal: Principal, sessionId: string, from: string, to: string): Promise<FileEntry>;
  /** Removes a file, or a directory with all that is in it. */
  remove(principal: Principal, sessionId: string, path: string): Promise<void>;
  /** Reads a regular file. @param range bytes `start` to `end`, both counted */
  read(
    principal: Principal,
    sessionId: string,
    path: string,
    range?: { readonly start: number; readonly end?: number | undefined },
  ): Promise<SandboxFileContent>;
  /**
   * Writes a file in one step: until all bytes have come, what was there stays. Makes the directories it is in.
   * @param mode permission bits; absent: those of the file that was there, or 0o644
   * @throws DragomanError too_large
   */
  write(
    principal: Principal,
    sessionId: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    mode?: number,
  ): Promise<FileEntry>;
  /**
   * Changes below a directory, from when this resolves, until `signal` aborts or the sandbox ends. Watching alone does not keep the
   * sandbox running.
   */
  watch(
    principal: Principal,
    sessionId: string,
    path: string,
    options: { readonly recursive: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileChange>>;
}
