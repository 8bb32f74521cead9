import type { NumberedWireEvent, WireEvent } from './events.ts';

/** The events of one response: written once, read by whoever comes, as often as they like, until it is ended. */
export class EventLog {
  readonly #events: NumberedWireEvent[] = [];
  #ended = false;
  #more = Promise.withResolvers<void>();

  get events(): readonly NumberedWireEvent[] {
    return this.#events;
  }

  /** The next event with the number it will have. */
  number(event: WireEvent): NumberedWireEvent {
    return { ...event, sequence_number: this.#events.length };
  }

  push(event: WireEvent): void {
    this.#events.push(this.number(event));
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** Every event after number `after`, past ones first, until the log is ended or `signal` aborts. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<NumberedWireEvent> {
    const gone = Promise.withResolvers<void>();
    const leave = () => gone.resolve();
    signal.addEventListener('abort', leave, { once: true });
    try {
      for (let at = after + 1; !signal.aborted; ) {
        const event = this.#events[at];
        if (event) {
          yield event;
          at++;
        } else if (this.#ended) return;
        else await Promise.race([this.#more.promise, gone.promise]);
      }
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #wake(): void {
    const { resolve } = this.#more;
    this.#more = Promise.withResolvers();
    resolve();
  }
}
