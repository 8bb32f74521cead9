import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BulkPipes } from '../../port.ts';

const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants;
/** More than a pipe holds: a program cannot make it larger. */
const capacityBytes = 1024 * 1024;
/** Chunks smaller than this cost more to hear of than to read; so many are taken as they come. */
const smallBytes = 2048;
const promptChunks = 1000;
const restMs = 2;
const dropped = Buffer.allocUnsafe(65_536);

/** Our ends of a sandbox's two pipes for much data. */
export class DescriptorBulkPipes implements BulkPipes {
  readonly #saved: number;
  #given: number;
  #isClosed = false;

  /** Takes over the descriptors: one to read what the sandbox saves, one to write what it is given. */
  constructor(saved: number, given: number) {
    this.#saved = saved;
    this.#given = given;
  }

  /** Opens them by path, before anything of a user runs there. @throws Error when they are no pipes */
  static open(saved: string, given: string): DescriptorBulkPipes {
    const reader = openPipe(saved, O_RDONLY);
    try {
      return new DescriptorBulkPipes(reader, openPipe(given, O_WRONLY));
    } catch (error) {
      closeSync(reader);
      throw error;
    }
  }

  discard(): void {
    if (this.#isClosed) return;
    // A bound, because a writer that is not frozen could fill the pipe as fast as it is read.
    for (let left = capacityBytes; left > 0; ) {
      try {
        const count = readSync(this.#saved, dropped);
        if (count === 0) return;
        left -= count;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return;
        throw error;
      }
    }
  }

  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (signal.aborted) return;
    // Each transfer has a descriptor of its own, so that none begins with what the one before has read ahead.
    const socket = new Socket({ fd: this.openSaved(), readable: true, writable: false });
    const stop = () => socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    let small = 0;
    try {
      for await (const chunk of socket as AsyncIterable<Uint8Array>) {
        yield chunk;
        // A program that writes byte by byte must not keep the service busy with each byte.
        if (chunk.length < smallBytes && ++small > promptChunks) await sleep(restMs);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      socket.destroy();
    }
  }

  async write(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const socket = new Socket({ fd: this.#again(this.#given, O_WRONLY), readable: false, writable: true });
    const { promise: failed, reject } = Promise.withResolvers<never>();
    failed.catch(() => {});
    socket.once('error', reject).once('close', () => reject(new Error('the sandbox reads no more')));
    const stop = () => socket.destroy();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      let last: Promise<void> = Promise.resolve();
      for await (const chunk of chunks) {
        const { promise, resolve } = Promise.withResolvers<void>();
        // With an error it is not written, and `failed` says so.
        const hasRoom = socket.write(chunk, (error) => {
          if (!error) resolve();
        });
        last = promise;
        await Promise.race([hasRoom ? undefined : promise, failed]);
      }
      await Promise.race([last, failed]);
    } finally {
      signal.removeEventListener('abort', stop);
      socket.destroy();
    }
  }

  /** Does something while the pipe that goes in has no writer. Call it while nothing is written. @param reopen opens our end of it again */
  async withoutWriter<T>(work: () => Promise<T>, reopen: () => number): Promise<T> {
    if (this.#isClosed) throw new Error('the sandbox has ended');
    // Another descriptor in its place: a number that is closed could be another file's by then.
    const none = openSync('/dev/null', O_RDONLY);
    closeSync(this.#given);
    this.#given = none;
    try {
      return await work();
    } finally {
      if (!this.#isClosed) {
        const given = reopen();
        closeSync(this.#given);
        this.#given = given;
      }
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#saved);
    closeSync(this.#given);
  }

  /** A descriptor of its own of what the sandbox saves. @throws Error when the sandbox has ended */
  openSaved(): number {
    return this.#again(this.#saved, O_RDONLY);
  }

  #again(fd: number, mode: number): number {
    if (this.#isClosed) throw new Error('the sandbox has ended');
    return openSync(`/proc/self/fd/${fd}`, mode | O_NONBLOCK);
  }
}

function openPipe(path: string, mode: number): number {
  const fd = openSync(path, mode | O_NONBLOCK);
  if (fstatSync(fd).isFIFO()) return fd;
  closeSync(fd);
  throw new Error('a descriptor of the sandbox that is no pipe');
}
