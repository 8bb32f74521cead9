import { DragomanError, type FileChange, type FileEntry } from '../../core/index.ts';
import { type Aside, type FileWork, besideOrders as orders } from '../../guest-protocol/index.ts';
import { ChangeQueue } from './change-queue.ts';
import { batchOf, changesOf, entryOf, nonsense, sizeOf } from './file-answers.ts';
import { fileError } from './file-errors.ts';
import type { EngineFiles, OpenedFile } from './port.ts';
import type { SideChannel } from './side-channel.ts';

type Answer = Readonly<Record<string, unknown>>;

/** Longest answers: about one path, and with many paths. */
const [wordBytes, listBytes] = [128 * 1024, 1024 * 1024];
/** Bytes of one piece of a file; the guest's bound is the same (guest/agent/file_operations.py). */
const pieceBytes = 128 * 1024;
const maxEntries = 10_000;
const maxDepth = 64;
const maxPathLength = 4096;
/** One step takes no longer than this; removing or moving a large tree is one step. */
const stepMs = 30_000;
/** Steps at once: each may hold a piece. */
const maxSteps = 64;
const maxWatches = 16;
const lookMs = 1000;

/** Files of one sandbox, by a process inside that works for its supervisor. */
export class SandboxFiles implements EngineFiles {
  readonly #channel: SideChannel;
  /** Keeps the sandbox running while `work` is under way. */
  readonly #awake: <T>(work: () => Promise<T>) => Promise<T>;
  #steps = 0;
  #watches = 0;

  constructor(channel: SideChannel, awake: <T>(work: () => Promise<T>) => Promise<T>) {
    this.#channel = channel;
    this.#awake = awake;
  }

  async stat(path: string): Promise<FileEntry> {
    return entryOf(await this.#one(path, { do: 'stat', path }));
  }

  async makeDirectory(path: string): Promise<FileEntry> {
    return entryOf(await this.#one(path, { do: 'make', path }));
  }

  async move(from: string, to: string): Promise<FileEntry> {
    checkPath(to);
    return entryOf(await this.#one(from, { do: 'move', path: from, to }));
  }

  async remove(path: string): Promise<void> {
    await this.#one(path, { do: 'remove', path });
  }

  async list(path: string, depth: number): Promise<{ entries: readonly FileEntry[]; truncated: boolean }> {
    checkPath(path);
    if (!Number.isInteger(depth) || depth < 1 || depth > maxDepth)
      throw new DragomanError('invalid_request', { message: `the depth is 1 to ${maxDepth}` });
    return this.#awake(async () => {
      const work = { do: 'list', path, depth, most: maxEntries } as const;
      const { handle } = await this.#open(path, work);
      const entries: FileEntry[] = [];
      try {
        for (;;) {
          const batch = batchOf(await this.#value(path, { do: 'next', handle }, listBytes));
          entries.push(...batch.entries);
          if (!batch.more || entries.length > maxEntries) return { entries, truncated: batch.truncated };
        }
      } finally {
        this.#close(handle);
      }
    });
  }

  async open(path: string): Promise<OpenedFile> {
    checkPath(path);
    return this.#awake(async () => {
      const { handle, value } = await this.#open(path, { do: 'open', path });
      try {
        return {
          entry: entryOf(value.entry),
          size: sizeOf(value),
          read: (start, end) => this.#read(path, handle, start, end),
          close: () => void this.#awake(async () => this.#close(handle)).catch(() => {}),
        };
      } catch (error) {
        this.#close(handle);
        throw error;
      }
    });
  }

  async write(path: string, content: AsyncIterable<Uint8Array>, mode: number | null): Promise<FileEntry> {
    checkPath(path);
    // The sandbox runs for each step, not for as long as the bytes take to come.
    const { handle } = await this.#awake(() => this.#open(path, { do: 'create', path, mode }));
    try {
      for await (const chunk of content)
        for (let at = 0; at < chunk.length; at += pieceBytes) {
          const piece = chunk.subarray(at, at + pieceBytes);
          await this.#awake(() => this.#value(path, { do: 'write', handle, size: piece.length }, wordBytes, piece));
        }
      return entryOf(await this.#awake(() => this.#value(path, { do: 'commit', handle }, wordBytes)));
    } catch (error) {
      void this.#awake(async () => this.#close(handle)).catch(() => {});
      throw error;
    }
  }

  async watch(path: string, recursive: boolean, signal: AbortSignal): Promise<AsyncIterable<FileChange>> {
    checkPath(path);
    if (this.#watches >= maxWatches)
      throw new DragomanError('rate_limited', { message: `A session has at most ${maxWatches} watches at once.` });
    this.#watches++;
    try {
      const { handle } = await this.#awake(() => this.#open(path, { do: 'watch', path, recursive }));
      const queue = new ChangeQueue();
      void this.#follow(handle, queue, signal);
      return queue.read();
    } catch (error) {
      this.#watches--;
      throw error;
    }
  }

  /** Has what is watched looked at before the sandbox stops: nothing can look at it until it runs again. Never rejects. */
  async look(): Promise<void> {
    if (this.#watches === 0) return;
    const id = this.#channel.next();
    await this.#channel.ask(id, orders.file(id, { do: 'look' }), wordBytes, lookMs).catch(() => {});
  }

  async *#read(path: string, handle: number, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      const bytes = Math.min(pieceBytes, end - at);
      const said = await this.#awake(() => this.#step(path, { do: 'read', handle, at, bytes }, bytes + 1000));
      if (said.aside !== 'data' || said.data.length > bytes) throw nonsense();
      if (said.data.length === 0) return;
      at += said.data.length;
      yield said.data;
    }
  }

  /** Asks for changes, again and again, until the signal aborts or the sandbox has ended. */
  async #follow(handle: number, queue: ChangeQueue, signal: AbortSignal): Promise<void> {
    const { promise: aborted, resolve: abort } = Promise.withResolvers<undefined>();
    const stop = () => abort(undefined);
    signal.addEventListener('abort', stop, { once: true });
    const ask = async () => {
      const id = this.#channel.next();
      const order = orders.file(id, { do: 'changes', handle });
      const said = await Promise.race([this.#channel.ask(id, order, listBytes, undefined), aborted]);
      this.#channel.forget(id);
      return said && answerOf('', said);
    };
    try {
      for (let more = false; !signal.aborted; ) {
        // What is there already is told at once, for which the sandbox has to run.
        const answer: Answer | undefined = more ? await this.#awake(ask) : await ask();
        if (!answer) break;
        queue.push(changesOf(answer));
        more = answer.more === true;
      }
    } catch {
      // The sandbox has ended, or nothing is watched any more: that is the end of the changes.
    } finally {
      signal.removeEventListener('abort', stop);
      queue.end();
      this.#watches--;
      void this.#awake(async () => this.#close(handle)).catch(() => {});
    }
  }

  /** One order that is answered at once. */
  #one(path: string, work: FileWork): Promise<Answer> {
    checkPath(path);
    return this.#awake(() => this.#value(path, work, wordBytes));
  }

  async #open(path: string, work: FileWork): Promise<{ handle: number; value: Answer }> {
    const handle = this.#channel.next();
    return { handle, value: answerOf(path, await this.#step(path, work, wordBytes, undefined, handle)) };
  }

  #close(handle: number): void {
    const id = this.#channel.next();
    void this.#channel.send(orders.file(id, { do: 'close', handle }), 1000);
  }

  async #value(path: string, work: FileWork, bytes: number, body?: Uint8Array): Promise<Answer> {
    return answerOf(path, await this.#step(path, work, bytes, body));
  }

  /** One step, within its time: what lies at a path may keep the process inside waiting, and then that is ended. */
  async #step(
    path: string,
    work: FileWork,
    bytes: number,
    body?: Uint8Array,
    id = this.#channel.next(),
  ): Promise<Aside> {
    if (this.#steps >= maxSteps)
      throw new DragomanError('rate_limited', {
        message: 'Too much work with files is under way.',
        retryAfterSeconds: 1,
      });
    this.#steps++;
    const longestMs = stepMs * this.#channel.pace;
    const timer = setTimeout(() => void this.#channel.send(orders.file(0, { do: 'end' }), 0, 0), longestMs);
    try {
      const said = await this.#channel.ask(id, orders.file(id, work, body), bytes, longestMs + 5000);
      if (said.aside === 'failed') throw fileError(path, said.errno, said.message);
      return said;
    } finally {
      clearTimeout(timer);
      this.#steps--;
    }
  }
}

function answerOf(path: string, said: Aside): Answer {
  if (said.aside === 'failed') throw fileError(path, said.errno, said.message);
  if (said.aside !== 'answer') throw nonsense();
  return said.value;
}

/** @throws DragomanError invalid_request */
function checkPath(path: string): void {
  if (path.length === 0 || Buffer.byteLength(path) > maxPathLength || path.includes('\0') || !path.isWellFormed())
    throw new DragomanError('invalid_request', { message: `a path is 1 to ${maxPathLength} bytes, without a NUL` });
}
