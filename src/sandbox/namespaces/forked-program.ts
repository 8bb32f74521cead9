import type { Zygote } from './zygote.ts';
import type { FamilyOptions, ZygoteFamily } from './zygote-family.ts';

/** So long after its last sandbox it keeps its memory: what waits for a language that is in use ends later than this. */
const idleMs = 60_000;
/** What could not be loaded is tried again so much later. */
const retryMs = 60_000;

/** The zygote of a program of the image. It is loaded once somebody wants it, because it takes the memory of a whole interpreter. */
export class ForkedProgram {
  readonly #begin: (onEnd: FamilyOptions['onEnd']) => ZygoteFamily;
  readonly #onLoaded: (zygote: Zygote) => void | Promise<void>;
  readonly #onFault: (error: unknown) => void;
  #family: ZygoteFamily | undefined;
  #isLoaded = false;
  #sandboxes = 0;
  #idle: NodeJS.Timeout | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;

  /** `begin` starts its family, which is of it alone. `onLoaded` is called before its first fork, `onFault` when it cannot be used. */
  constructor(
    begin: (onEnd: FamilyOptions['onEnd']) => ZygoteFamily,
    onLoaded: (zygote: Zygote) => void | Promise<void>,
    onFault: (error: unknown) => void,
  ) {
    this.#begin = begin;
    this.#onLoaded = onLoaded;
    this.#onFault = onFault;
  }

  /** For one sandbox, until `release`. Undefined while it is not loaded: it is being loaded then, for later sandboxes. */
  take(): Zygote | undefined {
    if (!this.#family && performance.now() >= this.#notBefore) this.#load();
    if (!this.#isLoaded) return undefined;
    clearTimeout(this.#idle);
    this.#sandboxes++;
    return this.#family!.zygotes[0]!;
  }

  /** A sandbox that was made of it is gone. */
  release(): void {
    this.#sandboxes--;
    this.#endWhenIdle();
  }

  #load(): void {
    const family = this.#begin((_templates, error) => {
      if (this.#family !== family) return;
      this.#family = undefined;
      this.#isLoaded = false;
      if (error) this.#retryLater(error);
    });
    this.#family = family;
    void this.#await(family).catch((error) => {
      // Unless it has ended, which is told above.
      if (this.#family !== family) return;
      this.#end();
      this.#retryLater(error);
    });
  }

  async #await(family: ZygoteFamily): Promise<void> {
    const [zygote] = family.zygotes as [Zygote];
    // A failure is told as its end.
    if (
      !(await zygote.loaded.then(
        () => true,
        () => false,
      ))
    )
      return;
    await this.#onLoaded(zygote);
    if (this.#family !== family) return;
    this.#isLoaded = true;
    this.#endWhenIdle();
  }

  #retryLater(error: unknown): void {
    this.#notBefore = performance.now() + retryMs;
    this.#onFault(error);
  }

  #end(): void {
    const family = this.#family;
    this.#family = undefined;
    this.#isLoaded = false;
    void family?.close();
  }

  #endWhenIdle(): void {
    clearTimeout(this.#idle);
    if (this.#sandboxes > 0) return;
    this.#idle = setTimeout(() => this.#end(), idleMs).unref();
  }
}
