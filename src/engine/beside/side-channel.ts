import { DragomanError } from '../../core/index.ts';
import { type Aside, frameCost, type Order } from '../../guest-protocol/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { whenExited } from '../when-exited.ts';

type Listener = (aside: Aside | undefined) => void;

/**
 * What passes beside the cells of one sandbox: orders have numbers, and what the guest says is heard by number. The guest may say only
 * as much as it was asked for.
 */
export class SideChannel {
  readonly #sandbox: Sandbox;
  readonly #listeners = new Map<number, Listener>();
  #last = 0;
  #isClosed = false;

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
    sandbox.link.attend((aside) => this.#listeners.get(aside.id)?.(aside));
    whenExited(sandbox, () => this.close());
  }

  /** See `Sandbox.pace`. */
  get pace(): number {
    return this.#sandbox.pace;
  }

  /** A number that was not used before. */
  next(): number {
    return ++this.#last;
  }

  /** Has a number heard from now on, until `forget`. The listener gets undefined, once, when the sandbox has ended. */
  listen(id: number, listener: Listener): void {
    if (this.#isClosed) listener(undefined);
    else this.#listeners.set(id, listener);
  }

  forget(id: number): void {
    this.#listeners.delete(id);
  }

  /** Sends an order; the guest may say so many bytes for it, in so many frames. */
  send(order: Order, bytes: number, frames = 1): Promise<void> {
    this.#sandbox.link.grant(bytes + frames * frameCost);
    return this.#sandbox.link.send(order);
  }

  /**
   * Sends an order and waits for what it is answered.
   * @param bytes the longest answer
   * @param lateMs how long it may take; undefined: as long as the sandbox lives
   * @throws DragomanError sandbox_unavailable when the sandbox ends before, or it takes too long
   */
  async ask(id: number, order: Order, bytes: number, lateMs: number | undefined): Promise<Aside> {
    const { promise, resolve, reject } = Promise.withResolvers<Aside>();
    this.listen(id, (aside) => (aside ? resolve(aside) : reject(gone())));
    const late = () => reject(new DragomanError('sandbox_unavailable', { message: 'The sandbox does not answer.' }));
    const timer = lateMs === undefined ? undefined : setTimeout(late, lateMs);
    void this.send(order, bytes);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.forget(id);
    }
  }

  /** The sandbox has ended: every listener hears so. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const listener of [...this.#listeners.values()]) listener(undefined);
    this.#listeners.clear();
  }
}

export function gone(): DragomanError {
  return new DragomanError('sandbox_unavailable', { message: 'The sandbox has ended.', retryAfterSeconds: 1 });
}
