import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';

/** More than a pipe holds: a program cannot make it larger. */
const capacityBytes = 1024 * 1024;
/** Chunks smaller than this cost more to hear of than to read. */
const smallBytes = 2048;
/** So many small chunks are delivered as they come; after them the pipe is left alone for a moment after each. */
const promptChunks = 1000;
const restMs = 2;

// What is read is copied at once, so one buffer serves every pipe.
const shared = Buffer.allocUnsafe(65_536);

/**
 * Our end of a pipe that a sandbox writes. A program that writes byte by byte must not keep the service busy with each byte, so
 * after a while bytes are left to gather. Nothing is lost or late, because `drain` reads the pipe empty.
 */
export class OutputPipe {
  /** Resolves when no writer is left and all has been delivered. */
  readonly ended: Promise<void>;
  readonly #fd: number;
  readonly #deliver: (chunk: Uint8Array) => void;
  readonly #onEnd: () => void;
  #socket: Socket | undefined;
  #isClosed = false;
  #small = 0;

  /** Takes over the descriptor. `deliver` may keep what it is given. */
  constructor(fd: number, deliver: (chunk: Uint8Array) => void) {
    this.#fd = fd;
    this.#deliver = deliver;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#onEnd = resolve;
  }

  /** Delivers from now on as bytes arrive, and notices the end. Before, only `drain` and `finish` read. Idempotent. */
  watch(): void {
    if (this.#socket || this.#isClosed) return;
    this.#socket = new Socket({
      fd: this.#fd,
      readable: true,
      writable: false,
      onread: { buffer: shared, callback: this.#read },
    });
    this.#socket.on('error', () => {});
    this.#socket.once('close', this.#onEnd);
  }

  /** Delivers what has been written so far. */
  drain(): void {
    // A bound, because a writer that is not frozen could fill the pipe as fast as it is read.
    for (let left = capacityBytes; left > 0; ) {
      // A stream that has ended has closed its descriptor, and the number may be another file's by now.
      if (this.#isClosed || this.#socket?.destroyed) return;
      const count = this.#readNow();
      if (count === undefined) return;
      if (count === 0) {
        if (!this.#socket) this.close();
        return;
      }
      left -= count;
      this.#deliver(Buffer.from(shared.subarray(0, count)));
      // A pipe gives all it has, so it is empty now.
      if (count < shared.length) return;
    }
  }

  /** The sandbox is ending: reads to the end, now if no writer is left. */
  finish(): void {
    this.drain();
    this.watch();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#socket) this.#socket.destroy();
    else {
      closeSync(this.#fd);
      this.#onEnd();
    }
  }

  #read = (count: number, buffer: Uint8Array): boolean => {
    this.#deliver(Buffer.from(buffer.subarray(0, count)));
    if (count >= smallBytes || ++this.#small <= promptChunks) return true;
    setTimeout(() => this.#socket!.resume(), restMs);
    return false;
  };

  /** Bytes read; 0: no writer is left; undefined: nothing is there now. */
  #readNow(): number | undefined {
    // Mostly nothing is there, which is an error; its stack would cost more than the call.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return readSync(this.#fd, shared);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
      throw error;
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }
}
