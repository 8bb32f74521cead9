import { type FairKey, FairStore, weightOf } from '../core/index.ts';
import type { EventLog, EventWriter, NumberedEvent } from './port.ts';

export interface MemoryEventLogOptions<E> {
  /** Ended logs of all principals together. */
  readonly maxLogs: number;
  /** Bytes of all ended logs together. */
  readonly maxBytes: number;
  /** Bytes of one log: beyond it expendable events are dropped, oldest first, then any others. */
  readonly maxLogBytes: number;
  /** How long an ended log can be read. */
  readonly ttlMs: number;
  /** Events that are dropped first. Absent: none is. */
  readonly isExpendable?: (event: E) => boolean;
  /** Events that push no others out of their log, however large they are; they count for all logs together. Absent: none. */
  readonly isApart?: (event: E) => boolean;
  readonly now?: () => number;
}

/** What an event costs besides its content. */
const eventBytes = 100;

/**
 * An `EventLog` in the memory of this process. Logs that are still written are bounded one by one by `maxLogBytes`, and in number
 * by the executions that run; ended ones are bounded together, by share.
 */
export class MemoryEventLog<E> implements EventLog<E> {
  readonly #options: MemoryEventLogOptions<E>;
  readonly #open = new Map<string, Log<E>>();
  readonly #ended: FairStore<Log<E>>;

  constructor(options: MemoryEventLogOptions<E>) {
    this.#options = options;
    const { maxLogs: maxEntries, maxBytes, ttlMs, now } = options;
    this.#ended = new FairStore({ maxEntries, maxBytes, ttlMs, ...(now && { now }) });
  }

  create(key: FairKey): EventWriter<E> {
    this.delete(key);
    const name = nameOf(key);
    const log = new Log(this.#options, () => {
      if (this.#open.get(name) !== log) return;
      this.#open.delete(name);
      this.#ended.set(key, log, log.bytes);
    });
    this.#open.set(name, log);
    return log;
  }

  find(key: FairKey): { readonly last: number; readonly ended: boolean } | undefined {
    const log = this.#find(key);
    return log && { last: log.last, ended: log.ended };
  }

  read(key: FairKey, after: number, signal?: AbortSignal): AsyncIterable<NumberedEvent<E>> {
    return this.#find(key)?.read(after, signal) ?? nothing();
  }

  delete(key: FairKey): void {
    const name = nameOf(key);
    const log = this.#open.get(name);
    this.#open.delete(name);
    log?.end();
    this.#ended.delete(key);
  }

  #find(key: FairKey): Log<E> | undefined {
    return this.#open.get(nameOf(key)) ?? this.#ended.get(key);
  }
}

class Log<E> implements EventWriter<E> {
  readonly #options: MemoryEventLogOptions<E>;
  readonly #onEnd: () => void;
  #events: NumberedEvent<E>[] = [];
  #last = 0;
  #bytes = 0;
  #bytesApart = 0;
  #ended = false;
  /** Readers that have read everything so far. */
  readonly #waiting = new Set<() => void>();

  constructor(options: MemoryEventLogOptions<E>, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
  }

  get last(): number {
    return this.#last;
  }

  get bytes(): number {
    return this.#bytes + this.#bytesApart;
  }

  get ended(): boolean {
    return this.#ended;
  }

  append(event: E, number = this.#last + 1): number {
    this.#last = number;
    if (this.#ended) return number;
    this.#events.push({ number, event });
    if (this.#options.isApart?.(event)) this.#bytesApart += weigh(event);
    else this.#bytes += weigh(event);
    while (this.#bytes > this.#options.maxLogBytes && this.#events.length > 1) this.#dropOne();
    this.#wake();
    return number;
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#wake();
    this.#onEnd();
  }

  async *read(after: number, signal: AbortSignal | undefined): AsyncGenerator<NumberedEvent<E>> {
    let wake = () => {};
    const stop = () => wake();
    signal?.addEventListener('abort', stop, { once: true });
    try {
      for (let seen = after; !signal?.aborted; ) {
        const next = this.#events[this.#indexAfter(seen)];
        if (next) {
          seen = next.number;
          yield next;
        } else if (this.#ended) return;
        else {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          this.#waiting.add(resolve);
          await promise;
          this.#waiting.delete(resolve);
        }
      }
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }

  /** Numbers grow, so a long log is not walked through for each new event. */
  #indexAfter(number: number): number {
    let low = 0;
    for (let high = this.#events.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.number > number) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #dropOne(): void {
    const { isExpendable = () => false } = this.#options;
    const expendable = this.#events.findIndex(({ event }) => isExpendable(event));
    const [dropped] = this.#events.splice(Math.max(0, expendable), 1);
    if (this.#options.isApart?.(dropped!.event)) this.#bytesApart -= weigh(dropped!.event);
    else this.#bytes -= weigh(dropped!.event);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

async function* nothing(): AsyncGenerator<never> {}

function weigh(event: unknown): number {
  return eventBytes + weightOf(event);
}

function nameOf({ tenant, principalId, id }: FairKey): string {
  return JSON.stringify([tenant, principalId, id]);
}
