import { DragomanError, type ToolCall, type ToolResult } from '../../core/index.ts';
import type { ToolBroker } from '../../engine/index.ts';
import type { Place } from './place.ts';

/** Where the caller answers the tool calls of one execution. What waits for him runs in no place. */
export class ToolDesk {
  readonly broker: ToolBroker;
  #place: Place | undefined;
  #answers: (readonly ToolResult[])[] = [];

  constructor(broker: ToolBroker) {
    this.broker = broker;
  }

  get pending(): readonly ToolCall[] {
    // Answers that wait for a place are answers.
    const answered = new Set(this.#answers.flat().map(({ id }) => id));
    return this.broker.pending.filter(({ id }) => !answered.has(id));
  }

  /** The execution runs, in this place. */
  begin(place: Place): void {
    this.#place = place;
  }

  /** The execution waits. */
  wait(): void {
    this.#place?.lend();
  }

  /**
   * Takes answers; the execution goes on with them as soon as it has a place again, and `goesOn` is called then.
   * @throws DragomanError as `RunningExecution.answer`
   */
  answer(results: readonly ToolResult[], goesOn: () => void): void {
    if (!this.broker.check(results)) return;
    if (!this.broker.isParked) {
      this.broker.answer(results);
      return;
    }
    this.#answers.push(results);
    if (this.#answers.length === 1) void this.#goOn(goesOn);
  }

  async #goOn(goesOn: () => void): Promise<void> {
    try {
      await this.#place?.regain();
    } catch {
      // It was ended while it waited for a place.
    }
    goesOn();
    for (const results of this.#answers.splice(0)) {
      try {
        this.broker.answer(results);
      } catch (error) {
        // It has ended, or the same call was answered twice while the place was awaited: the first answer counts.
        if (!(error instanceof DragomanError)) throw error;
      }
    }
  }
}
