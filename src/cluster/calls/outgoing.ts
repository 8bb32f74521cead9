import { jobFault } from '../../runner/index.ts';
import { encode, maxMessageBytes } from '../message.ts';
import { framed, idleMs, piece, pullMs, wayMs } from './wire.ts';

/** Bytes that are read ahead of the one who pulls them. */
const aheadBytes = maxMessageBytes;

/** Bytes for a gateway, which pulls them in numbered pieces. A piece that was lost on its way can be pulled again. */
export class Outgoing {
  readonly #iterator: AsyncIterator<Uint8Array>;
  readonly #forget: () => void;
  #ready: Uint8Array[] = [];
  #readyBytes = 0;
  #state: 'open' | 'ended' | { readonly fault: unknown } = 'open';
  /** The piece that was pulled last, and its number. */
  #last: Uint8Array = framed(piece.nothingYet);
  #number = 0;
  #wakePuller = () => {};
  #wakeReader = () => {};
  #idle: NodeJS.Timeout | undefined;
  #isLeft = false;

  /** Resolves when it was pulled to its end, or given up. */
  readonly left: Promise<void>;
  readonly #over = Promise.withResolvers<void>();

  /** @param forget is called once, when it was pulled to its end some time ago, or given up */
  constructor(bytes: AsyncIterable<Uint8Array>, forget: () => void) {
    this.#iterator = bytes[Symbol.asyncIterator]();
    this.#forget = forget;
    this.left = this.#over.promise;
    this.#touch();
    void this.#read();
  }

  /** The piece with this number. */
  async pull(number: number): Promise<Uint8Array> {
    this.#touch();
    if (number === this.#number) return this.#last;
    if (number !== this.#number + 1) return framed(piece.unknown);
    if (!this.#hasNews) await this.#news();
    // Another pull of the same number may have been quicker.
    if (number === this.#number) return this.#last;
    if (!this.#hasNews) return framed(piece.nothingYet);
    this.#number = number;
    this.#last = this.#next();
    this.#wakeReader();
    return this.#last;
  }

  /** Gives it up. */
  leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    clearTimeout(this.#idle);
    this.#ready = [];
    this.#wakeReader();
    this.#wakePuller();
    this.#forget();
    this.#over.resolve();
    // Where it waits for its next bytes, this ends it once they are there.
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  get #hasNews(): boolean {
    return this.#readyBytes > 0 || this.#state !== 'open' || this.#isLeft;
  }

  async #news(): Promise<void> {
    this.#wakePuller();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakePuller = resolve;
    const timer = setTimeout(resolve, pullMs);
    await promise;
    clearTimeout(timer);
  }

  #next(): Uint8Array {
    const parts: Uint8Array[] = [];
    let size = 0;
    while (this.#ready[0] && size < maxMessageBytes) {
      const part = this.#ready.shift()!;
      const room = maxMessageBytes - size;
      parts.push(part.subarray(0, room));
      size += Math.min(part.length, room);
      if (part.length > room) this.#ready.unshift(part.subarray(room));
    }
    this.#readyBytes -= size;
    if (size > 0 || this.#state === 'open') {
      const isEnd = this.#state === 'ended' && this.#readyBytes === 0;
      return isEnd ? this.#end(framed(piece.end, Buffer.concat(parts))) : framed(piece.more, Buffer.concat(parts));
    }
    return this.#end(
      this.#state === 'ended' ? framed(piece.end) : framed(piece.fault, encode(jobFault(this.#state.fault))),
    );
  }

  /** The last piece: it can be pulled once more, and then it is forgotten. */
  #end(frame: Uint8Array): Uint8Array {
    this.#over.resolve();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.leave(), pullMs + wayMs).unref();
    return frame;
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const next = await this.#iterator.next();
        if (next.done || this.#isLeft) break;
        if (next.value.length === 0) continue;
        // Their memory may be used again for the next ones.
        this.#ready.push(Buffer.from(next.value));
        this.#readyBytes += next.value.length;
        this.#wakePuller();
        while (this.#readyBytes >= aheadBytes && !this.#isLeft) {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wakeReader = resolve;
          await promise;
        }
      }
      this.#state = 'ended';
    } catch (fault) {
      this.#state = { fault };
    }
    this.#wakePuller();
  }

  #touch(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.leave(), idleMs);
    this.#idle.unref();
  }
}
