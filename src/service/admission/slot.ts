import { DragomanError } from '../../core/index.ts';
import type { Admission, Share } from './admission.ts';

/** A place among the executions that run. While its execution waits for tool results, another may have the place. */
export class Slot {
  readonly #enter: (share: Share) => Promise<() => void>;
  readonly #share: Share;
  #leave: (() => void) | undefined;
  #isOver = false;

  private constructor(enter: (share: Share) => Promise<() => void>, share: Share, leave: () => void) {
    this.#enter = enter;
    this.#share = share;
    this.#leave = leave;
  }

  /** Waits for a place. @throws DragomanError as `Admission.enter` */
  static async take(admission: Admission, principal: string, share: Share, signal: AbortSignal): Promise<Slot> {
    const enter = (asked: Share) => admission.enter(principal, asked, signal);
    return new Slot(enter, share, await enter(share));
  }

  /** Gives the place to others until `regain`. */
  lend(): void {
    this.#leave?.();
    this.#leave = undefined;
  }

  /** Waits for a place however long that takes, because an execution that has begun is not refused. @throws DragomanError cancelled */
  async regain(): Promise<void> {
    while (!this.#leave && !this.#isOver) {
      try {
        this.#leave = await this.#enter({ ...this.#share, waiting: Number.POSITIVE_INFINITY });
      } catch (error) {
        if (!(error instanceof DragomanError && error.code === 'overloaded')) throw error;
      }
    }
    if (this.#isOver) this.lend();
  }

  /** Gives the place back for good. */
  leave(): void {
    this.#isOver = true;
    this.lend();
  }
}
