import { DeadlineError } from './errors.ts';

/** How long a call may take, and how to give it up. */
export interface CallOptions {
  /** Gives the call up; it then rejects with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Longest time of the whole call, in milliseconds; it then rejects with a `DeadlineError`. */
  readonly timeoutMs?: number | undefined;
}

/** A timer that aborts a signal, together with the signal of the caller. `stop` has to be called. */
export class Deadline {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(ms: number | undefined, given: AbortSignal | undefined) {
    this.signal = given ? AbortSignal.any([given, this.#controller.signal]) : this.#controller.signal;
    this.restart(ms);
  }

  /** Counts from now; undefined: no longer at all. */
  restart(ms: number | undefined): void {
    clearTimeout(this.#timer);
    if (ms === undefined) return;
    this.#timer = setTimeout(() => this.#controller.abort(new DeadlineError(`No answer within ${ms} ms`)), ms);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Closes what still uses the signal. */
  abort(): void {
    this.stop();
    this.#controller.abort(new DeadlineError('No longer needed'));
  }
}

/** Waits; rejects with the reason of the signal when it aborts before. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/** A promise and what settles it. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((one, other) => {
    resolve = one;
    reject = other;
  });
  return { promise, resolve, reject };
}
