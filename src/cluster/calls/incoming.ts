import { DragomanError } from '../../core/index.ts';
import { framed, given, idleMs, pullMs, taken } from './wire.ts';

/** Bytes that lie here unread before the gateway is told to wait. */
const aheadBytes = 512 * 1024;

/** Bytes from a gateway, which gives them in numbered pieces: each is answered when there is room for the next. */
export class Incoming implements AsyncIterable<Uint8Array> {
  #ready: Uint8Array[] = [];
  #readyBytes = 0;
  #number = 0;
  #state: 'open' | 'ended' | 'left' | 'lost' = 'open';
  #wakeReader = () => {};
  #wakeGiver = () => {};
  #idle: NodeJS.Timeout | undefined;

  constructor() {
    this.#touch();
  }

  /** Takes a piece; one that was taken before is not taken again. */
  async take(number: number, frame: Uint8Array): Promise<Uint8Array> {
    this.#touch();
    if (this.#isOver || number > this.#number + 1) return framed(taken.stop);
    if (number === this.#number + 1 && this.#state === 'open') {
      this.#number = number;
      if (frame.length > 1) {
        this.#ready.push(Buffer.from(frame.subarray(1)));
        this.#readyBytes += frame.length - 1;
      }
      if (frame[0] === given.end) this.#state = 'ended';
      this.#wakeReader();
    }
    if (this.#readyBytes >= aheadBytes && this.#state === 'open') await this.#room();
    if (this.#isOver) return framed(taken.stop);
    return framed(this.#readyBytes < aheadBytes || this.#state === 'ended' ? taken.next : taken.wait);
  }

  /** No more bytes are wanted. */
  leave(): void {
    clearTimeout(this.#idle);
    if (this.#state === 'ended' && this.#readyBytes === 0) return;
    this.#state = 'left';
    this.#ready = [];
    this.#wakeGiver();
    this.#wakeReader();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = this.#ready.shift();
        if (next) {
          this.#readyBytes -= next.length;
          this.#wakeGiver();
          yield next;
        } else if (this.#state === 'ended') return;
        else if (this.#state !== 'open')
          throw new DragomanError('cancelled', { message: 'The rest of the content did not come.' });
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          this.#wakeReader = resolve;
          await promise;
        }
      }
    } finally {
      this.leave();
    }
  }

  get #isOver(): boolean {
    return this.#state === 'left' || this.#state === 'lost';
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeGiver = resolve;
    const timer = setTimeout(resolve, pullMs);
    await promise;
    clearTimeout(timer);
  }

  #touch(): void {
    clearTimeout(this.#idle);
    if (this.#state !== 'open') return;
    this.#idle = setTimeout(() => {
      this.#state = 'lost';
      this.#wakeReader();
      this.#wakeGiver();
    }, idleMs);
    this.#idle.unref();
  }
}
