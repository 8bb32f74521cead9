import type { Logger } from '../../core/index.ts';
import type { Connection } from '../connection.ts';
import { decode } from '../message.ts';
import { isSeat, leasesTold, seatOf } from '../subjects.ts';
import { checkedLease, ensureLeases, leaseMs, readLeases, type WorkerLease } from './lease.ts';

/** What passes between the end of a lease on the server and its end here. */
const slackMs = 700;
/** After the server was away, workers have this long to come back before one of them is taken for dead. */
const graceMs = 2 * leaseMs;
const sweepMs = 250;

interface Known {
  readonly lease: WorkerLease;
  /** On the clock of `performance.now()`. */
  heardAt: number;
}

/** The workers that live, as this gateway knows it from their leases. */
export class WorkerTable {
  readonly #connection: Connection;
  readonly #logger: Logger;
  readonly #workers = new Map<string, Known>();
  readonly #gone = new Set<(worker: string) => void>();
  readonly #came = new Set<() => void>();
  readonly #draining = new Set<(worker: string) => void>();
  readonly #short = new Set<(worker: string) => void>();
  #stops: (() => void)[] = [];
  #goneCount = 0;

  constructor(connection: Connection, logger: Logger) {
    this.#connection = connection;
    this.#logger = logger;
  }

  /** Begins to listen, with the leases of this moment. @throws Error when the server keeps no leases */
  async start(): Promise<void> {
    const { nats } = this.#connection;
    const subscription = nats.subscribe(leasesTold, {
      callback: (error, { data, subject } = {} as never) => {
        if (error) this.#logger.error({ error: String(error) }, 'leases of workers are not heard');
        else if (data.length === 0) this.#ended(subject.slice(leasesTold.length - 1));
        else this.#heard(data);
      },
    });
    const stopWatch = this.#connection.onChange((isConnected) => {
      // A server that was started anew has lost the bucket: it keeps it in memory.
      if (isConnected) void this.#readAgain();
    });
    const sweeper = setInterval(() => this.#sweep(), sweepMs);
    sweeper.unref();
    this.#stops = [() => subscription.unsubscribe(), stopWatch, () => clearInterval(sweeper)];
    await ensureLeases(this.#connection);
    for (const data of await readLeases(this.#connection)) this.#heard(data);
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#gone.clear();
    this.#came.clear();
    this.#draining.clear();
    this.#short.clear();
  }

  /** The lease of this worker; undefined: it does not live. */
  find(worker: string): WorkerLease | undefined {
    const lease = this.#workers.get(seatOf(worker))?.lease;
    return lease?.worker === worker ? lease : undefined;
  }

  all(): WorkerLease[] {
    return [...this.#workers.values()].map(({ lease }) => lease);
  }

  /** Workers that lived and are gone. */
  get gone(): number {
    return this.#goneCount;
  }

  /** For how long no lease came of the worker that was heard least lately, in seconds. */
  get oldestSeconds(): number {
    const now = performance.now();
    return this.#workers.values().reduce((oldest, { heardAt }) => Math.max(oldest, now - heardAt), 0) / 1000;
  }

  /** Calls back with each worker that is gone. Returns what ends that. */
  onGone(listener: (worker: string) => void): () => void {
    this.#gone.add(listener);
    return () => this.#gone.delete(listener);
  }

  /** Calls back with each worker that begins to end in order. Returns what ends that. */
  onDraining(listener: (worker: string) => void): () => void {
    this.#draining.add(listener);
    return () => this.#draining.delete(listener);
  }

  /** Calls back with each lease of a worker that has no memory left for sandboxes. Returns what ends that. */
  onShort(listener: (worker: string) => void): () => void {
    this.#short.add(listener);
    return () => this.#short.delete(listener);
  }

  /** Resolves when a worker lives, or after so many milliseconds. */
  async some(ms: number): Promise<void> {
    if (this.#workers.size > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#came.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#came.delete(resolve);
  }

  #heard(data: Uint8Array): void {
    let lease: WorkerLease;
    try {
      lease = checkedLease(decode<WorkerLease>(data));
    } catch (error) {
      this.#logger.warn({ error: String(error) }, 'a lease of a worker cannot be read');
      return;
    }
    const seat = seatOf(lease.worker);
    if (!isSeat(seat)) return;
    const before = this.#workers.get(seat);
    if (before && before.lease.worker !== lease.worker) this.#ended(seat);
    this.#workers.set(seat, { lease, heardAt: performance.now() });
    if (lease.draining && !before?.lease.draining) for (const listener of this.#draining) listener(lease.worker);
    if (lease.memory === 0) for (const listener of this.#short) listener(lease.worker);
    if (before?.lease.worker === lease.worker) return;
    this.#logger.info({ worker: lease.worker }, 'a worker is there');
    for (const came of this.#came) came();
  }

  #ended(seat: string): void {
    const known = this.#workers.get(seat);
    if (!known) return;
    this.#workers.delete(seat);
    this.#goneCount++;
    this.#logger.warn({ worker: known.lease.worker }, 'a worker is gone');
    for (const listener of this.#gone) listener(known.lease.worker);
  }

  /** Ends leases whose end was not heard. Without the server none is ended: it is not the workers that are silent. */
  #sweep(): void {
    if (this.#connection.connectedMs < graceMs && this.#workers.size > 0) return;
    const before = performance.now() - leaseMs - slackMs;
    for (const [seat, { heardAt }] of this.#workers) if (heardAt < before) this.#ended(seat);
  }

  async #readAgain(): Promise<void> {
    try {
      await ensureLeases(this.#connection);
      for (const data of await readLeases(this.#connection)) this.#heard(data);
    } catch (error) {
      this.#logger.error({ error: String(error) }, 'leases of workers are not read');
    }
  }
}
