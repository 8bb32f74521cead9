import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescriptorBulkPipes } from '../linux/pipes/bulk-pipes.ts';
import type { BulkPipes } from '../port.ts';

const headBytes = 5;
const data = 'D'.charCodeAt(0);
const mark = 'M'.charCodeAt(0);
const maxFrameBytes = 4096;
/** What is held for a reader that is slower than the sandbox. */
const heldBytes = 256 * 1024;
/** Chunks smaller than this cost more to hear of than to read; so many are taken as they come. */
const smallBytes = 2048;
const promptChunks = 1000;
const restMs = 2;

/** Takes the frames of guest/agent/bulk_relay.py apart. */
export class RelayFrames {
  #left: Buffer = Buffer.alloc(0);

  /** @throws Error on what no relay sends */
  push(chunk: Buffer): { readonly content: Buffer[]; readonly marks: number[]; readonly afterMark: number } {
    let rest = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    const content: Buffer[] = [];
    const marks: number[] = [];
    let afterMark = 0;
    while (rest.length >= headBytes) {
      const kind = rest.readUInt8(0);
      const value = rest.readUInt32BE(1);
      if (kind === mark) {
        marks.push(value);
        afterMark = content.length;
        rest = rest.subarray(headBytes);
      } else if (kind === data && value <= maxFrameBytes) {
        if (rest.length < headBytes + value) break;
        content.push(rest.subarray(headBytes, headBytes + value));
        rest = rest.subarray(headBytes + value);
      } else throw new Error('bytes that are no frame of the relay');
    }
    this.#left = rest;
    return { content, marks, afterMark };
  }
}

/** Our ends of two named pipes, between which and its kernels the sandbox carries the bytes. */
export class RelayedBulkPipes implements BulkPipes {
  readonly #pipes: DescriptorBulkPipes;
  readonly #orderDiscard: (mark: number) => void;
  readonly #frames = new RelayFrames();
  /** One for all transfers, because what it has read ahead may be half a frame. */
  #socket: Socket | undefined;
  #arrived: Buffer[] = [];
  #lastMark = 0;
  #seenMark = 0;
  #isReading = false;
  #hasEnded = false;
  #wake = Promise.withResolvers<void>();

  /**
   * Takes over the descriptors, as `DescriptorBulkPipes`.
   * @param orderDiscard sends the order `discard`
   */
  constructor(saved: number, given: number, orderDiscard: (mark: number) => void) {
    this.#pipes = new DescriptorBulkPipes(saved, given);
    this.#orderDiscard = orderDiscard;
  }

  discard(): void {
    this.#arrived = [];
    this.#orderDiscard(++this.#lastMark);
  }

  async *read(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (signal.aborted || this.#hasEnded) return;
    const stop = () => this.#wake.resolve();
    signal.addEventListener('abort', stop, { once: true });
    this.#isReading = true;
    this.#listen();
    let small = 0;
    try {
      for (;;) {
        if (signal.aborted) return;
        const chunk = this.#arrived.shift();
        if (chunk) {
          yield chunk;
          if (chunk.length < smallBytes && ++small > promptChunks) await sleep(restMs);
        } else if (this.#hasEnded) return;
        else {
          this.#socket?.resume();
          await this.#wake.promise;
          this.#wake = Promise.withResolvers();
        }
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#isReading = false;
      this.#arrived = [];
      this.#socket?.pause();
    }
  }

  write(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    return this.#pipes.write(chunks, signal);
  }

  /** See `DescriptorBulkPipes`. */
  withoutWriter<T>(work: () => Promise<T>, reopen: () => number): Promise<T> {
    return this.#pipes.withoutWriter(work, reopen);
  }

  /** Idempotent. */
  close(): void {
    this.#end();
    this.#socket?.destroy();
    this.#pipes.close();
  }

  #listen(): void {
    if (this.#socket) return void this.#socket.resume();
    this.#socket = new Socket({ fd: this.#pipes.openSaved(), readable: true, writable: false });
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => this.#end());
  }

  #take(chunk: Buffer): void {
    try {
      const { content, marks, afterMark } = this.#frames.push(chunk);
      if (marks.length > 0) {
        this.#seenMark = marks.at(-1)!;
        this.#arrived = [];
        content.splice(0, afterMark);
      }
      if (!this.#isReading || this.#seenMark !== this.#lastMark || content.length === 0) return;
      this.#arrived.push(Buffer.concat(content));
    } catch {
      this.#end();
      this.#socket?.destroy();
      return;
    }
    if (this.#arrived.reduce((sum, { length }) => sum + length, 0) > heldBytes) this.#socket?.pause();
    this.#wake.resolve();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#wake.resolve();
  }
}
