import { jetstream } from '@nats-io/jetstream';
import type { Logger } from '../../core/index.ts';
import type { Connection } from '../connection.ts';
import { encode } from '../message.ts';
import { leaseKey, seatOf } from '../subjects.ts';
import { beatMs, lastSequenceOf, leaseMs, type WorkerLease } from './lease.ts';

export interface HeldLeaseOptions {
  readonly connection: Connection;
  /** What it says now. */
  readonly lease: () => WorkerLease;
  /** The lease had ended before it was renewed: gateways take this worker for dead. It is renewed once this resolves. */
  readonly lapsed: () => Promise<void>;
  /** No lease could be renewed for so long that sessions have moved elsewhere, whatever this worker still hears. */
  readonly alone: () => void;
  readonly logger: Logger;
}

/** How much earlier than the server this process takes its lease for ended. */
const marginMs = 300;
/** A worker that has heard nothing of the server for so long ends its sessions. */
const aloneMs = 120_000;

/** The lease of this worker: taken once, renewed each second. */
export class HeldLease {
  readonly #options: HeldLeaseOptions;
  /** Of its last record on the server. */
  #sequence = 0;
  #renewedAt = performance.now();
  #wasAlone = false;
  #lapses = 0;
  #timer: NodeJS.Timeout | undefined;
  #renewing: Promise<void> | undefined;
  #closed = false;

  constructor(options: HeldLeaseOptions) {
    this.#options = options;
  }

  /** By the clock of this process, the lease on the server has not ended. */
  get isHeld(): boolean {
    return this.#sequence > 0 && performance.now() - this.#renewedAt < leaseMs - marginMs;
  }

  /** How often it had ended before it was renewed. */
  get lapses(): number {
    return this.#lapses;
  }

  /**
   * Takes the lease of its seat, and renews it from now on. A worker that was killed holds its seat for some seconds more; and as long as no
   * gateway has made the bucket, there is none to take.
   * @param waitMs how long the seat of another worker is waited for
   * @throws Error when another worker keeps the seat
   */
  async start(waitMs: number): Promise<void> {
    const { lease, logger } = this.#options;
    const seat = seatOf(lease().worker);
    const until = performance.now() + waitMs;
    for (let attempt = 1; !this.#closed; attempt++) {
      try {
        const begunAt = performance.now();
        this.#sequence = await this.#write(0);
        this.#renewedAt = begunAt;
        break;
      } catch (error) {
        const last = lastSequenceOf(error);
        if (last !== undefined && (await this.#isFree(last))) break;
        if (last !== undefined && performance.now() > until)
          throw new Error(`Another worker runs under the name ${seat}: give each worker a name of its own.`, {
            cause: error,
          });
        if (attempt === 1 && last === undefined) logger.info({ seat }, 'waits for a gateway');
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    this.#timer = setInterval(() => void this.renew(), beatMs);
  }

  /** Renews it now, unless that is under way. Never rejects. */
  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  /** As `renew`, with what the lease says from now on: one that is under way may have been written before. Never rejects. */
  async tell(): Promise<void> {
    await this.#renewing;
    await this.renew();
  }

  /** Ends the lease: gateways know at once. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#renewing;
    const { connection, lease } = this.#options;
    if (this.#sequence === 0 || !connection.isConnected) return;
    await jetstream(connection.nats)
      .publish(leaseKey(seatOf(lease().worker)), new Uint8Array(), {
        timeout: 1000,
        expect: { lastSubjectSequence: this.#sequence },
      })
      .catch(() => {});
  }

  /** The record with this number ends no lease that lives: it is a mark that one has ended. Takes the seat then. */
  async #isFree(last: number): Promise<boolean> {
    // A worker cannot read. A lease that lives is renewed within this time, and then the number is another one.
    await new Promise((resolve) => setTimeout(resolve, leaseMs));
    const begunAt = performance.now();
    try {
      this.#sequence = await this.#write(last);
      this.#renewedAt = begunAt;
      return true;
    } catch {
      return false;
    }
  }

  async #renew(): Promise<void> {
    if (this.#closed) return;
    const { logger, lapsed, alone } = this.#options;
    const begunAt = performance.now();
    try {
      this.#sequence = await this.#write(this.#sequence);
      this.#renewedAt = begunAt;
      this.#wasAlone = false;
    } catch (error) {
      const last = lastSequenceOf(error);
      if (last === undefined) {
        if (performance.now() - this.#renewedAt < aloneMs || this.#wasAlone) return;
        this.#wasAlone = true;
        logger.error({}, 'this worker was alone for too long: it ends its sessions');
        alone();
        return;
      }
      // Of an empty bucket the server was started anew: the gateways wait for the workers then, and take none for dead.
      if (last > 0) {
        logger.warn({ forMs: Math.round(performance.now() - this.#renewedAt) }, 'the lease of this worker had ended');
        this.#lapses++;
        await lapsed();
      }
      this.#sequence = last;
      // Gateways hear of it at once, and not only with the next beat.
      this.#sequence = await this.#write(last).catch(() => last);
    }
  }

  async #write(expected: number): Promise<number> {
    const { connection, lease } = this.#options;
    const subject = leaseKey(seatOf(lease().worker));
    const { seq } = await jetstream(connection.nats).publish(subject, encode({ ...lease(), at: Date.now() }), {
      timeout: beatMs,
      expect: { lastSubjectSequence: expected },
    });
    return seq;
  }
}
