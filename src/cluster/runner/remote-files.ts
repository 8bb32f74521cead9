import type { FileChange, FileEntry } from '../../core/index.ts';
import type { FileAnswer, FileQuestion, SandboxFileRunner, SessionRef } from '../../runner/index.ts';
import { fromLines } from '../calls/lines.ts';
import type { WorkerCalls } from '../calls/worker-calls.ts';
import { orGone } from './remote-commands.ts';

/** Files in the sandboxes of sessions on workers. Bytes come as fast as they are read, and go as fast as they are written. */
export class RemoteFiles implements SandboxFileRunner {
  readonly #calls: WorkerCalls;

  constructor(calls: WorkerCalls) {
    this.#calls = calls;
  }

  ask(session: SessionRef, question: FileQuestion): Promise<FileAnswer | null> {
    return orGone(() => this.#calls.call(session.worker, 'file-ask', { session, question }), null);
  }

  async read(
    session: SessionRef,
    path: string,
    range: { readonly start: number; readonly end: number | null },
  ): Promise<{
    readonly entry: FileEntry;
    readonly size: number | null;
    readonly bytes: AsyncIterable<Uint8Array>;
  } | null> {
    const read = await orGone(
      () =>
        this.#calls.read<{ entry: FileEntry; size: number | null }>(session.worker, 'file-read', {
          session,
          path,
          range,
        }),
      null,
    );
    return read && { ...read.head, bytes: read.bytes };
  }

  write(
    session: SessionRef,
    path: string,
    content: AsyncIterable<Uint8Array>,
    mode: number | null,
  ): Promise<FileEntry | null> {
    return this.#calls.write(session.worker, 'file-write', { session, path, mode }, content);
  }

  async watch(
    session: SessionRef,
    path: string,
    recursive: boolean,
    signal: AbortSignal,
  ): Promise<AsyncIterable<FileChange> | null> {
    const read = await orGone(
      () => this.#calls.read(session.worker, 'file-watch', { session, path, recursive }, { signal }),
      null,
    );
    return read && fromLines<FileChange>(read.bytes);
  }
}
