import { Worker } from 'node:worker_threads';
import type { SchemaJob, SchemaVerdict } from './schema-worker.ts';

/** A check took longer than it may. */
export class TooSlow extends Error {}

interface Waiting {
  readonly job: SchemaJob;
  readonly resolve: (verdict: SchemaVerdict) => void;
  readonly reject: (error: Error) => void;
}

const startMs = 10_000;
const maxQueue = 1000;

/**
 * Checks values against JSON Schemas that strangers wrote, in a thread that is ended when one takes too long: a pattern or a
 * recursion can be made to take forever. The library interprets schemas and makes no code of them.
 */
export class SchemaChecker {
  readonly #jobMs: number;
  readonly #queue: Waiting[] = [];
  #worker: Worker | undefined;
  #isReady = false;
  #current: Waiting | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param jobMs how long one check may take */
  constructor(jobMs = 500) {
    this.#jobMs = jobMs;
  }

  /** What is wrong with the value, in a sentence; null when nothing is. @throws TooSlow */
  check(schema: SchemaJob['schema'], value: unknown): Promise<SchemaVerdict> {
    if (this.#closed || this.#queue.length >= maxQueue) return Promise.reject(new TooSlow());
    const { promise, resolve, reject } = Promise.withResolvers<SchemaVerdict>();
    this.#queue.push({ job: { schema, value }, resolve, reject });
    this.#next();
    return promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#fail();
    for (const { reject } of this.#queue.splice(0)) reject(new TooSlow());
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current || this.#queue.length === 0) return;
    this.#worker ??= this.#start();
    if (!this.#isReady) return;
    this.#current = this.#queue.shift()!;
    this.#deadline(this.#jobMs);
    try {
      this.#worker.postMessage(this.#current.job);
    } catch {
      this.#fail();
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./schema-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 },
      env: {},
    });
    worker.unref();
    worker.on('message', (message: SchemaVerdict | 'ready') => this.#hear(worker, message));
    worker.on('error', () => this.#lost(worker));
    worker.on('exit', () => this.#lost(worker));
    this.#deadline(startMs);
    return worker;
  }

  #hear(worker: Worker, message: SchemaVerdict | 'ready'): void {
    if (worker !== this.#worker) return;
    clearTimeout(this.#timer);
    if (!this.#isReady) this.#isReady = true;
    else {
      this.#current?.resolve(message);
      this.#current = undefined;
    }
    this.#next();
  }

  #lost(worker: Worker): void {
    if (worker === this.#worker) this.#fail();
  }

  #deadline(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#fail(), ms);
  }

  /** Ends the thread, and what it was at; the others get another one. */
  #fail(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = undefined;
    // One that cannot even start must not be started for ever.
    const hopeless = this.#isReady ? [this.#current] : this.#queue.splice(0);
    this.#isReady = false;
    this.#current = undefined;
    for (const waiting of hopeless) waiting?.reject(new TooSlow());
    if (!this.#closed) this.#next();
  }
}
