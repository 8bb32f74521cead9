import { Readable } from 'node:stream';
import { DragomanError, type FileChange, type FileEntry, type Principal } from '../../core/index.ts';
import type { FileQuestion, Runner, SessionRef } from '../../runner/index.ts';
import type { SessionSandboxes } from '../sessions/session-sandboxes.ts';
import type { SandboxFileContent, SandboxFiles } from './sandbox-files.ts';

export interface SandboxFileServiceOptions {
  readonly runner: Runner;
  /** Of one file that is written. */
  readonly maxFileBytes: number;
}

const workspace = '/mnt/data';

/** The `SandboxFiles` over a runner. */
export class SandboxFileService implements SandboxFiles {
  readonly #options: SandboxFileServiceOptions;
  readonly #sandboxes: SessionSandboxes;

  constructor(options: SandboxFileServiceOptions, sandboxes: SessionSandboxes) {
    this.#options = options;
    this.#sandboxes = sandboxes;
  }

  async stat(principal: Principal, sessionId: string, path: string): Promise<FileEntry> {
    return (await this.#ask(principal, sessionId, { do: 'stat', path })).entries[0]!;
  }

  list(principal: Principal, sessionId: string, path: string, depth: number) {
    return this.#ask(principal, sessionId, { do: 'list', path, depth });
  }

  makeDirectory(principal: Principal, sessionId: string, path: string): Promise<FileEntry> {
    return this.#changing(principal, sessionId, [path], (ref) => this.#entry(ref, { do: 'make', path }));
  }

  move(principal: Principal, sessionId: string, from: string, to: string): Promise<FileEntry> {
    return this.#changing(principal, sessionId, [from, to], (ref) => this.#entry(ref, { do: 'move', path: from, to }));
  }

  async remove(principal: Principal, sessionId: string, path: string): Promise<void> {
    const { sandboxFiles } = this.#options.runner;
    await this.#changing(principal, sessionId, [path], (ref) => sandboxFiles.ask(ref, { do: 'remove', path }));
  }

  async read(
    principal: Principal,
    sessionId: string,
    path: string,
    { start, end }: { readonly start: number; readonly end?: number | undefined } = { start: 0 },
  ): Promise<SandboxFileContent> {
    const range = { start, end: end === undefined ? null : end + 1 };
    const { entry, size, bytes } = await this.#sandboxes.use(principal, sessionId, (ref) =>
      this.#options.runner.sandboxFiles.read(ref, path, range),
    );
    const last = Math.min(range.end ?? Number.POSITIVE_INFINITY, size ?? Number.POSITIVE_INFINITY);
    const expected = size === null ? null : Math.max(0, last - start);
    return { entry, size: expected, content: Readable.from(whole(bytes, expected), { objectMode: false }) };
  }

  write(
    principal: Principal,
    sessionId: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    mode?: number,
  ): Promise<FileEntry> {
    const { runner, maxFileBytes } = this.#options;
    let hasBegun = false;
    const bounded = async function* () {
      hasBegun = true;
      let size = 0;
      for await (const chunk of content) {
        size += chunk.length;
        if (size > maxFileBytes) throw new DragomanError('too_large');
        yield chunk;
      }
    };
    return this.#changing(principal, sessionId, [path], async (ref) => {
      // The bytes come once: what has been read cannot be written into another sandbox.
      if (hasBegun) throw new DragomanError('sandbox_unavailable', { message: 'The sandbox ended meanwhile.' });
      return runner.sandboxFiles.write(ref, path, bounded(), mode ?? null);
    });
  }

  watch(
    principal: Principal,
    sessionId: string,
    path: string,
    { recursive }: { readonly recursive: boolean },
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileChange>> {
    return this.#sandboxes.use(principal, sessionId, (ref) =>
      this.#options.runner.sandboxFiles.watch(ref, path, recursive, signal),
    );
  }

  #ask(principal: Principal, sessionId: string, question: FileQuestion) {
    return this.#sandboxes.use(principal, sessionId, (ref) => this.#options.runner.sandboxFiles.ask(ref, question));
  }

  async #entry(ref: SessionRef, question: FileQuestion): Promise<FileEntry | null> {
    const answer = await this.#options.runner.sandboxFiles.ask(ref, question);
    return answer && answer.entries[0]!;
  }

  /** Work after which the workspace's files become the session's. A cell that runs does the same at its end, and is not waited for. */
  #changing<T>(
    principal: Principal,
    sessionId: string,
    paths: readonly string[],
    work: (ref: SessionRef) => Promise<T | null>,
  ): Promise<T> {
    return this.#sandboxes.use(principal, sessionId, async (ref, session) => {
      const done = await work(ref);
      if (done === null) return null;
      const isIdle = session.isIdle;
      const collected = this.#sandboxes.collect(principal, session);
      if (isIdle && paths.some(isInWorkspace)) await collected;
      return done;
    });
  }
}

/** Whether a path is one of the workspace, as far as its text tells. */
function isInWorkspace(path: string): boolean {
  return !path.startsWith('/') || path === workspace || path.startsWith(`${workspace}/`);
}

/** @throws DragomanError sandbox_unavailable when fewer bytes come than were promised */
async function* whole(bytes: AsyncIterable<Uint8Array>, expected: number | null): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of bytes) {
    read += chunk.length;
    yield chunk;
  }
  if (expected !== null && read < expected)
    throw new DragomanError('sandbox_unavailable', { message: 'The file became shorter while it was read.' });
}
