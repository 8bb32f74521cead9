import type { FileChange, FileEntry } from '../core/index.ts';
import type { EngineFiles } from '../engine/index.ts';
import type { FileAnswer, FileQuestion, SandboxFileRunner, SessionRef } from '../runner/index.ts';
import type { LiveSessions } from './live-sessions.ts';

/** A file whose size is not known is read no further. */
const maxUnknownBytes = 64 * 1024 * 1024;

/** Files inside the sandboxes of the sessions on this worker. */
export class LiveFiles implements SandboxFileRunner {
  readonly #sessions: LiveSessions;

  constructor(sessions: LiveSessions) {
    this.#sessions = sessions;
  }

  ask(session: SessionRef, question: FileQuestion): Promise<FileAnswer | null> {
    return this.#with(session, async (files) => {
      switch (question.do) {
        case 'stat':
          return one(await files.stat(question.path));
        case 'make':
          return one(await files.makeDirectory(question.path));
        case 'move':
          return one(await files.move(question.path, question.to));
        case 'remove':
          await files.remove(question.path);
          return { entries: [], truncated: false };
        case 'list':
          return files.list(question.path, question.depth);
      }
    });
  }

  read(session: SessionRef, path: string, { start, end }: { readonly start: number; readonly end: number | null }) {
    return this.#with(session, async (files) => {
      const { entry, size, read, close } = await files.open(path);
      const last = Math.min(end ?? Number.POSITIVE_INFINITY, size ?? start + maxUnknownBytes);
      async function* bytes() {
        try {
          yield* read(start, last);
        } finally {
          close();
        }
      }
      return { entry, size, bytes: bytes() };
    });
  }

  write(
    session: SessionRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    mode: number | null,
  ): Promise<FileEntry | null> {
    return this.#with(session, (files) => files.write(path, content, mode));
  }

  watch(
    session: SessionRef,
    path: string,
    recursive: boolean,
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileChange> | null> {
    return this.#with(session, (files) => files.watch(path, recursive, signal));
  }

  /** Works in the session's sandbox, which stays meanwhile. */
  async #with<T>(ref: SessionRef, work: (files: EngineFiles) => Promise<T>): Promise<T | null> {
    const live = this.#sessions.find(ref);
    if (!live?.isLive) return null;
    return this.#sessions.hold(live, () => work(live.sandbox!.files));
  }
}

function one(entry: FileEntry): FileAnswer {
  return { entries: [entry], truncated: false };
}
