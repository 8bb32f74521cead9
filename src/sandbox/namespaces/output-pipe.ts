import { readSync } from 'node:fs';
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
  readonly #socket: Socket;
  readonly #deliver: (chunk: Uint8Array) => void;
  #small = 0;

  /** Takes over the descriptor. `deliver` may keep what it is given. */
  constructor(fd: number, deliver: (chunk: Uint8Array) => void) {
    this.#fd = fd;
    this.#deliver = deliver;
    this.#socket = new Socket({
      fd,
      readable: true,
      writable: false,
      onread: { buffer: shared, callback: this.#read },
    });
    this.#socket.on('error', () => {});
    this.ended = new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }

  /** Delivers what has been written so far. */
  drain(): void {
    // A bound, because a writer that is not frozen could fill the pipe as fast as it is read.
    for (let left = capacityBytes; left > 0; ) {
      // A stream that has ended has closed its descriptor, and the number may be another file's by now.
      if (this.#socket.destroyed) return;
      const count = this.#readNow();
      if (count === 0) return;
      left -= count;
      this.#deliver(Buffer.from(shared.subarray(0, count)));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #read = (count: number, buffer: Uint8Array): boolean => {
    this.#deliver(Buffer.from(buffer.subarray(0, count)));
    if (count >= smallBytes || ++this.#small <= promptChunks) return true;
    setTimeout(() => this.#socket.resume(), restMs);
    return false;
  };

  #readNow(): number {
    try {
      return readSync(this.#fd, shared);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      throw error;
    }
  }
}
