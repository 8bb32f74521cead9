import type { Connection } from '../connection.ts';
import { decode, encode } from '../message.ts';
import { gatewayBeats } from '../subjects.ts';

/** How often a gateway says that it lives. */
const beatMs = 1000;
/** A gateway that has not said so for this long is dead. */
const silentMs = 3500;
/** No gateway is taken for dead before this time has passed since the connection, and this process, were there. */
const graceMs = 7000;
/** Dead ones are forgotten after this time. */
const forgottenMs = 60_000;
/** This process stood still when its own beat comes so late: others took it for dead. */
const standstillMs = 3000;

export interface GatewayBeatsOptions {
  readonly connection: Connection;
  /** Id of this gateway. */
  readonly gateway: string;
  /** Others may have taken this gateway for dead. */
  readonly doubted: () => void;
}

/** Which gateways live: each says so every second, and is not stored. */
export class GatewayBeats {
  readonly #options: GatewayBeatsOptions;
  /** When each was heard last, on the clock of `performance.now()`. */
  readonly #heard = new Map<string, number>();
  readonly #listeners = new Set<(gateway: string) => void>();
  #beaten = performance.now();
  /** From when on silence counts. */
  #since = performance.now();
  #stop = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GatewayBeatsOptions) {
    this.#options = options;
  }

  start(): void {
    const { connection } = this.#options;
    const subscription = connection.nats.subscribe(gatewayBeats, {
      callback: (error, message) => {
        if (!error) this.#hear(message.data);
      },
    });
    const ended = connection.onChange((isConnected) => {
      if (!isConnected) return;
      this.#since = performance.now();
      this.#options.doubted();
    });
    this.#stop = () => {
      subscription.unsubscribe();
      ended();
    };
    this.#beat();
    this.#timer = setInterval(() => this.#beat(), beatMs);
  }

  /** Says that this gateway ends: its turns may be taken at once. */
  close(): void {
    clearInterval(this.#timer);
    this.#stop();
    this.#say({ ended: true });
  }

  isAlive(gateway: string): boolean {
    const now = performance.now();
    const heard = this.#heard.get(gateway);
    if (heard === Number.NEGATIVE_INFINITY) return false;
    if (heard !== undefined && now - heard < silentMs) return true;
    // Where this process was deaf itself, silence says nothing.
    return !this.#options.connection.isConnected || now - this.#since < graceMs;
  }

  /** Those that were heard and live. */
  alive(): string[] {
    return [...this.#heard.keys()].filter((gateway) => this.isAlive(gateway));
  }

  onGone(listener: (gateway: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #beat(): void {
    const now = performance.now();
    if (now - this.#beaten > standstillMs) {
      this.#since = now;
      this.#options.doubted();
    }
    this.#beaten = now;
    this.#say({});
    for (const [gateway, heard] of this.#heard)
      if (now - heard > forgottenMs && Number.isFinite(heard)) this.#heard.delete(gateway);
  }

  #say(body: object): void {
    const { connection, gateway } = this.#options;
    if (connection.isConnected) connection.nats.publish(gatewayBeats, encode({ gateway, ...body }));
  }

  #hear(data: Uint8Array): void {
    let beat: { gateway: string; ended?: boolean };
    try {
      beat = decode(data);
    } catch {
      return;
    }
    if (typeof beat.gateway !== 'string' || beat.gateway.length > 100) return;
    this.#heard.set(beat.gateway, beat.ended ? Number.NEGATIVE_INFINITY : performance.now());
    if (beat.ended) for (const listener of this.#listeners) listener(beat.gateway);
  }
}
