import { Worker } from 'node:worker_threads';
import type { SchemaJob, SchemaVerdict } from './schema-worker.ts';

/** A check took longer than it may, or too many wait. */
class TooSlow extends Error {}

/** A check that waits for its turn. */
export interface WaitingCheck {
  /** Whose execution asks. */
  readonly owner: string;
  readonly job: SchemaJob;
  readonly resolve: (verdict: SchemaVerdict) => void;
  readonly reject: (error: Error) => void;
}

const startMs = 10_000;
const maxQueue = 1000;
const maxQueueOfOwner = 250;

/** One thread that checks, one job after another, its owners in turn. A job over its time ends the thread; another is started. */
export class SchemaLane {
  readonly #jobMs: number;
  readonly #onSlow: (owner: string) => void;
  /** The order of the map is the order of turns: an owner that was served goes to the end. */
  readonly #queues = new Map<string, WaitingCheck[]>();
  #size = 0;
  #worker: Worker | undefined;
  #isReady = false;
  #current: WaitingCheck | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param onSlow is told the owner of each job that took too long */
  constructor(jobMs: number, onSlow: (owner: string) => void) {
    this.#jobMs = jobMs;
    this.#onSlow = onSlow;
  }

  /** Queues a check. It is rejected with TooSlow when it takes too long or its owner has too many waiting. */
  add(check: WaitingCheck): void {
    const queue = this.#queues.get(check.owner) ?? [];
    if (this.#closed || this.#size >= maxQueue || queue.length >= maxQueueOfOwner) {
      check.reject(new TooSlow());
      return;
    }
    queue.push(check);
    this.#queues.set(check.owner, queue);
    this.#size++;
    this.#next();
  }

  /** Takes an owner's waiting checks out of the queue. */
  take(owner: string): WaitingCheck[] {
    const queue = this.#queues.get(owner) ?? [];
    this.#queues.delete(owner);
    this.#size -= queue.length;
    return queue;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    this.#fail();
    this.#rejectAll();
    await worker?.terminate();
  }

  #next(): void {
    if (this.#current || this.#size === 0) return;
    this.#worker ??= this.#start();
    if (!this.#isReady) return;
    this.#current = this.#shift();
    this.#deadline(this.#jobMs);
    try {
      this.#worker.postMessage(this.#current.job);
    } catch {
      this.#fail();
    }
  }

  #shift(): WaitingCheck {
    const [owner, queue] = this.#queues.entries().next().value!;
    this.#queues.delete(owner);
    const check = queue.shift()!;
    if (queue.length > 0) this.#queues.set(owner, queue);
    this.#size--;
    return check;
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

  /** Ends the thread and rejects the job it was at; the other jobs get another thread. */
  #fail(): void {
    clearTimeout(this.#timer);
    void this.#worker?.terminate();
    this.#worker = undefined;
    const current = this.#current;
    this.#current = undefined;
    // A thread that cannot even start must not be started for ever.
    if (!this.#isReady) this.#rejectAll();
    this.#isReady = false;
    if (current) {
      this.#onSlow(current.owner);
      current.reject(new TooSlow());
    }
    if (!this.#closed) this.#next();
  }

  #rejectAll(): void {
    for (const owner of [...this.#queues.keys()]) for (const check of this.take(owner)) check.reject(new TooSlow());
  }
}
