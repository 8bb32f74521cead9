import { DragomanError, type Plan } from '../../core/index.ts';
import type { Admission, Share } from '../admission/admission.ts';

type Enter = (share: Share) => Promise<() => void>;

/** A place among the executions that run; one that waits for its caller lends it to another. */
export class Place {
  readonly #enter: Enter;
  readonly #plan: Plan;
  #leave: (() => void) | undefined;
  #isOver = false;

  private constructor(enter: Enter, plan: Plan, leave: () => void) {
    this.#enter = enter;
    this.#plan = plan;
    this.#leave = leave;
  }

  /** @throws DragomanError as `Admission.enter` */
  static async take(admission: Admission, principal: string, plan: Plan, signal: AbortSignal): Promise<Place> {
    const enter: Enter = (share) => admission.enter(principal, share, signal);
    return new Place(enter, plan, await enter(plan));
  }

  lend(): void {
    this.#leave?.();
    this.#leave = undefined;
  }

  /** Waits as long as it takes: what was begun is not refused. @throws DragomanError cancelled */
  async regain(): Promise<void> {
    while (!this.#leave && !this.#isOver) {
      try {
        this.#leave = await this.#enter({ ...this.#plan, waiting: Number.POSITIVE_INFINITY });
      } catch (error) {
        if (!(error instanceof DragomanError && error.code === 'overloaded')) throw error;
      }
    }
    if (this.#isOver) this.lend();
  }

  /** For good. */
  leave(): void {
    this.#isOver = true;
    this.lend();
  }
}
