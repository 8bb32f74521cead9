import { createInbox, type Msg, nanos } from '@nats-io/transport-node';
import { type Logger, type Tier, tiers } from '../../core/index.ts';
import type { Connection } from '../connection.ts';
import { inboxOf, runAnswers, runPulls } from '../subjects.ts';

/** How long the server keeps a pull. It says when one is over; a pull that says nothing is given up some time later. */
const pullMs = 5000;
const slackMs = 2000;
/** How long the next pull waits where the server has refused one. */
const refusedMs = 500;
const timedOut = 408;

export interface PullsOptions {
  readonly connection: Connection;
  readonly seat: string;
  /** A job came. It may come when no pull is open: of a pull that was given up. */
  readonly take: (message: Msg) => void;
  /** A pull is over and brought nothing. */
  readonly over: () => void;
  readonly logger: Logger;
}

/**
 * Pulls of jobs, each for one. They are plain requests: a worker has no right to look at the queue. A pull that dies with its server, or with
 * the connection, is replaced.
 */
export class Pulls {
  readonly #options: PullsOptions;
  readonly #open = new Map<string, { readonly tier: Tier; readonly timer: NodeJS.Timeout }>();
  readonly #inbox: string;
  #count = 0;
  #pausedUntil = 0;
  #stops: (() => void)[] = [];

  constructor(options: PullsOptions) {
    this.#options = options;
    this.#inbox = createInbox(inboxOf(options.seat));
  }

  start(): void {
    const { connection, logger } = this.#options;
    const subscription = connection.nats.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error) logger.error({ error: String(error) }, 'jobs are not heard');
        else this.#hear(message);
      },
    });
    this.#stops = [
      () => subscription.unsubscribe(),
      connection.onChange((isConnected) => {
        if (isConnected) this.#forget();
      }),
    ];
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    this.#open.clear();
  }

  /** Pulls that wait for a job of a tier. */
  open(tier: Tier): number {
    return this.#open.values().reduce((sum, each) => sum + Number(each.tier === tier), 0);
  }

  /** Pulls one job of a tier more, unless the server has just refused one, or is away. */
  pull(tier: Tier): void {
    const { connection } = this.#options;
    if (!connection.isConnected || performance.now() < this.#pausedUntil) return;
    const id = `${this.#inbox}.${++this.#count}`;
    const timer = setTimeout(() => this.#end(id), pullMs + slackMs);
    timer.unref();
    this.#open.set(id, { tier, timer });
    const ask = JSON.stringify({ batch: 1, expires: nanos(pullMs) });
    connection.nats.publish(runPulls(tier), ask, { reply: id });
  }

  #hear(message: Msg): void {
    const tier = tiers.find((each) => message.reply?.startsWith(runAnswers(each)));
    const code = message.headers?.code ?? 0;
    if (!tier && code !== timedOut) this.#pausedUntil = performance.now() + refusedMs;
    // A job comes under its own subject, and the server serves pulls in their order.
    const id = tier ? this.#first(tier) : message.subject;
    if (id !== undefined) {
      clearTimeout(this.#open.get(id)?.timer);
      this.#open.delete(id);
    }
    if (tier) this.#options.take(message);
    else this.#options.over();
  }

  #first(tier: Tier): string | undefined {
    return this.#open.entries().find(([, each]) => each.tier === tier)?.[0];
  }

  #end(id: string): void {
    if (this.#open.delete(id)) this.#options.over();
  }

  #forget(): void {
    for (const { timer } of this.#open.values()) clearTimeout(timer);
    this.#open.clear();
    this.#options.over();
  }
}
