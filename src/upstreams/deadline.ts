import { DragomanError } from '../core/index.ts';

/**
 * Waits for a promise, for so many milliseconds, or until the signal aborts. Nothing stays behind at the signal, which outlives
 * many waits.
 * @throws DragomanError upstream_failed with this sentence, caused by a `TimeoutError`; cancelled
 */
function within<T>(ms: number, sentence: string, signal: AbortSignal, promise: PromiseLike<T>): Promise<T> {
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
      const cause = new DOMException(sentence, 'TimeoutError');
      reject(new DragomanError('upstream_failed', { message: sentence, cause }));
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

/** Waits for something for so long, and never beyond the time of the whole answer. Times in milliseconds, `endsAt` by `performance.now()`. */
export function waiter(totalMs: number, endsAt: number, signal: AbortSignal) {
  return <T>(promise: PromiseLike<T>, ms: number, silent: string): Promise<T> => {
    const leftMs = endsAt - performance.now();
    const limitMs = Math.max(0, Math.min(ms, leftMs));
    const sentence = leftMs < ms ? `The model did not finish within ${totalMs / 1000} s.` : silent;
    return within(limitMs, sentence, signal, promise);
  };
}
