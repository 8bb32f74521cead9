import type { Frame } from '../../http/index.ts';

/** The latest of several values. A reader that lags behind misses those before it. */
export class Latest<T> {
  #value: T | undefined;
  #waiting = Promise.withResolvers<void>();

  set(value: T): void {
    this.#value = value;
    this.wake();
  }

  /** Ends a `take` that waits, without a value. */
  wake(): void {
    this.#waiting.resolve();
  }

  /** Waits for a value that was not taken yet. */
  async take(): Promise<T | undefined> {
    await this.#waiting.promise;
    this.#waiting = Promise.withResolvers();
    const value = this.#value;
    this.#value = undefined;
    return value;
  }
}

/**
 * The frames of one answer: notifications while it is made, then itself; nothing after that.
 * @param answer never rejects; undefined: there is none, because the client cancelled
 */
export async function* framesOf(
  answer: Promise<object | undefined>,
  notifications: Latest<object>,
  gone: AbortSignal,
): AsyncGenerator<Frame> {
  let isOver = false;
  const end = () => {
    isOver = true;
    notifications.wake();
  };
  void answer.then(end);
  gone.addEventListener('abort', end, { once: true });
  while (!isOver) {
    const data = await notifications.take();
    if (data && !isOver) yield { event: 'message', data };
  }
  if (gone.aborted) return;
  const data = await answer;
  if (data) yield { event: 'message', data };
}
