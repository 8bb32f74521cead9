import { type Logger, newId } from '../../core/index.ts';
import type { Leases } from '../../stores/index.ts';

export interface GatewayCountOptions {
  readonly leases: Leases;
  readonly logger: Logger;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** How often a gateway says that it lives, and how long it counts after it last did. */
const beatMs = 2000;
const leaseMs = 10_000;

/**
 * How many gateways serve the records, so that each lets through its part of what a principal may do in all. A gateway counts from its
 * start on, and a dead one some seconds longer.
 */
export class GatewayCount {
  readonly #options: GatewayCountOptions;
  readonly #id = newId();
  #count = 1;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GatewayCountOptions) {
    this.#options = options;
  }

  /** At least 1: this one. */
  get current(): number {
    return this.#count;
  }

  async start(): Promise<void> {
    await this.#beat();
    this.#timer = setInterval(() => void this.#beat(), beatMs);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#options.leases.release(this.#name, this.#id).catch(() => {});
  }

  get #name(): string {
    return `gateway:${this.#id}`;
  }

  async #beat(): Promise<void> {
    const { leases, logger, now } = this.#options;
    try {
      await leases.take(this.#name, this.#id, now(), now() + leaseMs);
      this.#count = Math.max(1, await leases.count('gateway:', now()));
    } catch (error) {
      // The last count is the best guess.
      logger.warn({ error: String(error) }, 'the gateways were not counted');
    }
  }
}
