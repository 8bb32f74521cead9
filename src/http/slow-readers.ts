import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';

export interface SlowReaderOptions {
  /** How long a backlog may last, whatever was read. */
  readonly graceMs: number;
  /** The slowest reading that is allowed after that. */
  readonly bytesPerSecond: number;
  readonly checkEveryMs: number;
}

/** An answer whose client has something to read. */
interface Backlog {
  sinceMs: number;
  /** Bytes that had left when it began. */
  sent: number;
}

/**
 * Closes connections of clients that read too slowly. A client that reads nothing is closed by the timeout of its socket; this
 * is for one that reads a byte now and then. Only time with something to read counts, so a quiet event stream may last.
 */
export class SlowReaders {
  readonly #options: SlowReaderOptions;
  readonly #answers = new Map<ServerResponse, Backlog | undefined>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SlowReaderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => this.#check(), this.#options.checkEveryMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  watch(answer: ServerResponse): void {
    this.#answers.set(answer, undefined);
    answer.once('close', () => this.#answers.delete(answer));
  }

  #check(): void {
    const { graceMs, bytesPerSecond } = this.#options;
    const now = performance.now();
    for (const [answer, backlog] of this.#answers) {
      const { socket } = answer;
      if (!(socket instanceof Socket)) continue;
      const sent = socket.bytesWritten - socket.writableLength;
      if (answer.writableLength === 0 && socket.writableLength === 0) this.#answers.set(answer, undefined);
      else if (!backlog) this.#answers.set(answer, { sinceMs: now, sent });
      else if (now - backlog.sinceMs > graceMs + ((sent - backlog.sent) / bytesPerSecond) * 1000) socket.destroy();
    }
  }
}
