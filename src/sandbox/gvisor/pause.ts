/** What gVisor's control server is asked for. */
export type Method = 'containerManager.Pause' | 'containerManager.Resume';

/** Whether a sandbox is paused. gVisor counts pauses, so that each is asked for once, and one call is under way at a time. */
export class Pause {
  readonly #ask: (method: Method) => Promise<void>;
  readonly #hasEnded: () => boolean;
  #isWanted = false;
  #isPaused = false;
  #changing: Promise<void> | undefined;

  constructor(ask: (method: Method) => Promise<void>, hasEnded: () => boolean) {
    this.#ask = ask;
    this.#hasEnded = hasEnded;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Resolves when it is so, or a later call wants it otherwise. @throws Error when gVisor refuses or does not answer */
  async set(isPaused: boolean): Promise<void> {
    this.#isWanted = isPaused;
    this.#changing ??= this.#change().finally(() => {
      this.#changing = undefined;
    });
    await this.#changing;
  }

  async #change(): Promise<void> {
    while (this.#isWanted !== this.#isPaused && !this.#hasEnded()) {
      const wanted = this.#isWanted;
      try {
        await this.#ask(wanted ? 'containerManager.Pause' : 'containerManager.Resume');
      } catch (error) {
        if (this.#hasEnded()) return;
        throw error;
      }
      this.#isPaused = wanted;
    }
  }
}
