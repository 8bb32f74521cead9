import { closeSync, writevSync } from 'node:fs';
import { Socket } from 'node:net';

/** More than this is not gathered. */
const gatheredBytes = 64 * 1024;

/**
 * Our end of the pipe from which a guest reads its orders. What is written in one turn leaves in one piece, and straight into the pipe as
 * long as that has room: most sandboxes never need a stream.
 */
export class CommandPipe {
  readonly #fd: number;
  #socket: Socket | undefined;
  #gathered: Uint8Array[] = [];
  #bytes = 0;
  /** What is written waits until it resolves. */
  #held: PromiseWithResolvers<void> | undefined;
  #isClosed = false;

  /** Takes over the descriptor. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Resolves when there is room for more: at once, mostly. Writing to a guest that is gone does nothing. */
  write(parts: readonly Uint8Array[]): Promise<void> | undefined {
    if (this.#isClosed) return undefined;
    if (this.#gathered.length === 0) process.nextTick(() => this.#flush());
    for (const part of parts) {
      this.#gathered.push(part);
      this.#bytes += part.length;
    }
    if (this.#bytes > gatheredBytes) this.#flush();
    if (this.#held) return this.#held.promise;
    return this.#socket?.writableNeedDrain ? this.#drained(this.#socket) : undefined;
  }

  /** Sends at once what was written in this turn. */
  flush(): void {
    this.#flush();
  }

  /** Keeps what is written from now on, until `release`. */
  hold(): void {
    this.#flush();
    this.#held ??= Promise.withResolvers();
  }

  /** Idempotent. */
  release(): void {
    const held = this.#held;
    this.#held = undefined;
    this.#flush();
    held?.resolve();
  }

  /** What was not sent is dropped. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#held?.resolve();
    this.#gathered = [];
    if (this.#socket) this.#socket.destroy();
    else closeSync(this.#fd);
  }

  #flush(): void {
    if (this.#isClosed || this.#held || this.#gathered.length === 0) return;
    const parts = this.#gathered;
    this.#gathered = [];
    this.#bytes = 0;
    const rest = this.#socket ? parts : this.#writeNow(parts);
    if (rest.length === 0) return;
    this.#socket ??= this.#open();
    this.#socket.cork();
    for (const part of rest) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** What the pipe had no room for. */
  #writeNow(parts: readonly Uint8Array[]): Uint8Array[] {
    let written: number;
    try {
      written = writevSync(this.#fd, parts as Uint8Array[]);
    } catch (error) {
      // The guest may be gone before it has read everything; its end is heard of elsewhere.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return [];
      written = 0;
    }
    const rest: Uint8Array[] = [];
    for (const part of parts) {
      if (written < part.length) rest.push(part.subarray(written));
      written = Math.max(0, written - part.length);
    }
    return rest;
  }

  #open(): Socket {
    const socket = new Socket({ fd: this.#fd, readable: false, writable: true });
    socket.on('error', () => {});
    return socket;
  }

  #drained(socket: Socket): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done);
        resolve();
      };
      if (socket.destroyed) resolve();
      else socket.on('drain', done).on('close', done);
    });
  }
}
