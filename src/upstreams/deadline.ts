import { DragomanError } from '../core/index.ts';

/** Waits for a promise, for so long. @throws DragomanError upstream_failed with this sentence */
export async function within<T>(ms: number, sentence: string, promise: PromiseLike<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new DragomanError('upstream_failed', { message: sentence })), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Rejects once the signal aborts. */
export function aborted(signal: AbortSignal): { readonly promise: Promise<never>; release(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new DragomanError('cancelled'));
  promise.catch(() => {});
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return { promise, release: () => signal.removeEventListener('abort', abort) };
}
