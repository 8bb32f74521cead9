import { DragomanError } from '../../core/index.ts';

/** Does one thing after another, in the order it was asked. */
export class SerialQueue {
  readonly #most: number;
  readonly #waitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #length = 0;

  /** @param most how many may wait or run; `waitMs`: how long one waits for its turn */
  constructor(most: number, waitMs: number) {
    this.#most = most;
    this.#waitMs = waitMs;
  }

  /** Nothing runs and nothing waits. */
  get idle(): boolean {
    return this.#length === 0;
  }

  /**
   * Does `work` when its turn has come.
   * @throws DragomanError session_busy when too many wait or it waited too long; cancelled when `signal` aborts before
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#length >= this.#most) throw new DragomanError('session_busy', { retryAfterSeconds: 1 });
    this.#length++;
    const turn = this.#last;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#last = turn.then(() => over);
    try {
      await this.#wait(turn, signal);
      return await work();
    } finally {
      this.#length--;
      end();
    }
  }

  async #wait(turn: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const cancel = () => reject(new DragomanError('cancelled'));
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    const message = 'Another execution of this session has not ended in time.';
    const timer = setTimeout(
      () => reject(new DragomanError('session_busy', { message, retryAfterSeconds: 5 })),
      this.#waitMs,
    );
    try {
      await Promise.race([turn, promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }
}
