interface Mark {
  /** On this clock, in milliseconds. */
  readonly at: number;
  readonly then: () => void;
  timer: NodeJS.Timeout | undefined;
}

/** The time that a program has had to run. It stops while the program waits for its caller. */
export class WallClock {
  readonly #marks = new Set<Mark>();
  #elapsedMs = 0;
  /** When it last started; undefined while it is stopped. */
  #since: number | undefined = performance.now();

  get elapsedMs(): number {
    return this.#elapsedMs + (this.#since === undefined ? 0 : performance.now() - this.#since);
  }

  /** Calls `then` once, so many milliseconds from its start. */
  at(ms: number, then: () => void): void {
    const mark: Mark = { at: ms, then, timer: undefined };
    this.#marks.add(mark);
    if (this.#since !== undefined) this.#arm(mark);
  }

  pause(): void {
    if (this.#since === undefined) return;
    this.#elapsedMs = this.elapsedMs;
    this.#since = undefined;
    for (const { timer } of this.#marks) clearTimeout(timer);
  }

  resume(): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    for (const mark of this.#marks) this.#arm(mark);
  }

  /** Stops for good: no callback is called any more. */
  stop(): void {
    this.pause();
    this.#marks.clear();
  }

  #arm(mark: Mark): void {
    mark.timer = setTimeout(
      () => {
        this.#marks.delete(mark);
        mark.then();
      },
      Math.max(0, mark.at - this.elapsedMs),
    );
  }
}
