import { jetstreamManager } from '@nats-io/jetstream';
import type { Connection } from '../connection.ts';
import { doneStream, runStream } from '../subjects.ts';

const lookMs = 5000;

interface Depth {
  /** Messages that nobody is done with. */
  readonly messages: number;
  /** When the oldest of them was stored, in milliseconds since the epoch. */
  readonly since: number | undefined;
}

const none: Depth = { messages: 0, since: undefined };

/** How much lies in the queues on the server, for operators: looked at every few seconds. */
export class QueueDepths {
  readonly #connection: Connection;
  readonly #now: () => number;
  #timer: NodeJS.Timeout | undefined;
  #runs = none;
  #endings = none;

  constructor(connection: Connection, now: () => number) {
    this.#connection = connection;
    this.#now = now;
  }

  start(): void {
    this.#timer = setInterval(() => void this.#look(), lookMs);
    this.#timer.unref();
    void this.#look();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Jobs of all gateways in the shared queue, those that run included. */
  get runs(): number {
    return this.#runs.messages;
  }

  /** Endings that are not recorded yet. */
  get endings(): number {
    return this.#endings.messages;
  }

  /** For how long the oldest of them waits, in seconds. */
  get endingsSeconds(): number {
    const { since } = this.#endings;
    return since === undefined ? 0 : Math.max(0, this.#now() - since) / 1000;
  }

  async #look(): Promise<void> {
    if (!this.#connection.isConnected) return;
    try {
      const { streams } = await jetstreamManager(this.#connection.nats, { checkAPI: false });
      const depthOf = async (stream: string): Promise<Depth> => {
        const { state } = await streams.info(stream);
        return { messages: state.messages, since: state.messages > 0 ? Date.parse(state.first_ts) : undefined };
      };
      [this.#runs, this.#endings] = await Promise.all([depthOf(runStream), depthOf(doneStream)]);
    } catch {
      // What was seen last stays; that the server is away is a metric of its own.
    }
  }
}
