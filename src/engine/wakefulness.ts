import type { Sandbox } from '../sandbox/index.ts';

/**
 * Whether a live session's sandbox runs: it is frozen unless something holds it (a cell, a command, work with files), and while its
 * files are looked at, whatever holds it.
 */
export class Wakefulness {
  readonly #sandbox: Sandbox;
  readonly #beforeRest: () => Promise<void>;
  #holds = 0;
  #isAtRest = true;
  /** Its files are looked at; resolves when that is over. */
  #stopped: PromiseWithResolvers<void> | undefined;

  /** @param beforeRest done before nothing holds it any more; it never rejects */
  constructor(sandbox: Sandbox, beforeRest: () => Promise<void>) {
    this.#sandbox = sandbox;
    this.#beforeRest = beforeRest;
  }

  /** It has been frozen since the last hold. */
  get isAtRest(): boolean {
    return this.#isAtRest;
  }

  /** Something else than the caller holds it. */
  get isShared(): boolean {
    return this.#holds > 1;
  }

  /** Holds it, without letting it run: the caller thaws it. `leave` has to follow. */
  enter(): void {
    this.#holds++;
    this.#isAtRest = false;
  }

  /** Holds it and lets it run. `leave` has to follow, also when this rejects. */
  async hold(): Promise<void> {
    this.enter();
    await this.#stopped?.promise;
    await this.#sandbox.thaw();
  }

  /** Ends a hold; the last one freezes it. @throws Error when it does not freeze */
  async leave(): Promise<void> {
    if (this.#holds === 1 && !this.#stopped) await this.#beforeRest();
    this.#holds--;
    if (this.#holds === 0) await this.#freeze();
  }

  /** Stops it, whatever holds it, until `resume`. @throws Error when it does not freeze */
  async stop(): Promise<void> {
    this.#stopped ??= Promise.withResolvers();
    if (!this.#isAtRest) await this.#freeze();
  }

  /** Lets what holds it go on. */
  async resume(): Promise<void> {
    const stopped = this.#stopped;
    if (!stopped) return;
    this.#stopped = undefined;
    if (this.#holds > 0) await this.#sandbox.thaw();
    stopped.resolve();
  }

  async #freeze(): Promise<void> {
    await this.#sandbox.freeze();
    if (this.#holds === 0) this.#isAtRest = true;
  }
}
