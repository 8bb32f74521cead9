import { HeldBytes, weightOf } from '../../core/index.ts';
import type { JobEvent } from '../../runner/index.ts';

/**
 * What all executions that wait for tool results have shown, in bytes. An execution keeps it for as long as its caller takes to answer,
 * and one principal may have many of them.
 */
const limits = { perPrincipal: 256 * 1024 * 1024, total: 1024 * 1024 * 1024 };

export function parkedBytes(): HeldBytes {
  return new HeldBytes(limits, 'Executions that wait for tool results have shown too much.');
}

/** The part of one execution. Call `free` when it is over. */
export class ParkedShare {
  readonly #all: HeldBytes;
  readonly #owner: string;
  #shown = 0;
  #held = 0;

  constructor(all: HeldBytes, owner: string) {
    this.#all = all;
    this.#owner = owner;
  }

  /** Takes note of an event of its job. @throws DragomanError rate_limited, overloaded when it may not wait with what it has shown */
  note(event: JobEvent): void {
    this.#shown += weightOf(event);
    if (event.type !== 'tool_calls') return;
    this.#all.take(this.#owner, this.#shown - this.#held);
    this.#held = this.#shown;
  }

  free(): void {
    this.#all.give(this.#owner, this.#held);
    this.#held = 0;
  }
}
