import type { Cgroup } from './cgroup/index.ts';

/** Weights against other sandboxes, of all that an owner runs together. */
const usualWeight = 100;
const backgroundWeight = 10;

/** Sandboxes that may run now, by owner. */
export class RunningSandboxes {
  readonly #byOwner = new Map<string, Set<object>>();

  add(owner: string, sandbox: object): void {
    const own = this.#byOwner.get(owner) ?? new Set();
    this.#byOwner.set(owner, own.add(sandbox));
  }

  remove(owner: string, sandbox: object): void {
    const own = this.#byOwner.get(owner);
    own?.delete(sandbox);
    if (own?.size === 0) this.#byOwner.delete(owner);
  }

  count(owner: string): number {
    return this.#byOwner.get(owner)?.size ?? 0;
  }
}

/**
 * A sandbox's part of the processor: an owner who runs several divides one weight among them, so that many programs of one owner
 * do not make the one of another slow. The weight is written when a sandbox begins to run or changes its place, not when others do: those
 * that run already end, or go to the background, soon enough.
 */
export class ProcessorShare {
  readonly #cgroup: Pick<Cgroup, 'weigh'>;
  readonly #running: RunningSandboxes;
  #owner: string | undefined;
  #isBackground = false;
  #hasEnded = false;

  constructor(cgroup: Pick<Cgroup, 'weigh'>, running: RunningSandboxes) {
    this.#cgroup = cgroup;
    this.#running = running;
  }

  /** It begins to run for its owner. */
  adopt(owner: string | undefined): void {
    this.#owner = owner;
    this.resume();
  }

  resume(): void {
    if (this.#owner === undefined || this.#hasEnded) return;
    this.#running.add(this.#owner, this);
    this.#weigh();
  }

  /** It is frozen. */
  pause(): void {
    if (this.#owner !== undefined) this.#running.remove(this.#owner, this);
  }

  end(): void {
    this.#hasEnded = true;
    this.pause();
  }

  background(on: boolean): void {
    this.#isBackground = on;
    this.#weigh();
  }

  #weigh(): void {
    const sharers = this.#owner === undefined ? 1 : Math.max(1, this.#running.count(this.#owner));
    try {
      this.#cgroup.weigh((this.#isBackground ? backgroundWeight : usualWeight) / sharers);
    } catch {
      // The group may be gone under us. Its weight is a courtesy to others, no wall, and timers ask for it: an error would end
      // the service.
    }
  }
}
