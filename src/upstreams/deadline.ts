import { DragomanError } from '../core/index.ts';

/**
 * Waits for a promise, for so many milliseconds, or until the signal aborts. Nothing stays behind at the signal, which outlives
 * many waits.
 * @throws DragomanError upstream_failed with this sentence, cancelled
 */
export function within<T>(ms: number, sentence: string, signal: AbortSignal, promise: PromiseLike<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    const abort = () => {
      settle();
      reject(new DragomanError('cancelled'));
    };
    const timer = setTimeout(() => {
      settle();
      reject(new DragomanError('upstream_failed', { message: sentence }));
    }, ms);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    promise.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
  });
}
