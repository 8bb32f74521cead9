import type { FileChange } from '../../core/index.ts';

/** Changes that wait for a reader that is slow. */
const maxWaiting = 5000;

/** Changes between the watch that tells of them and the one who reads them: bounded, and what is beyond that is told as an overflow. */
export class ChangeQueue {
  #waiting: FileChange[] = [];
  #hasEnded = false;
  #wake = () => {};

  push(changes: readonly FileChange[]): void {
    for (const change of changes) {
      if (this.#waiting.length < maxWaiting) this.#waiting.push(change);
      else if (this.#waiting.at(-1)!.change !== 'overflow') this.#waiting.push({ change: 'overflow', path: '' });
    }
    this.#wake();
  }

  /** Nothing follows; what waits can still be read. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<FileChange> {
    for (;;) {
      const batch = this.#waiting;
      this.#waiting = [];
      yield* batch;
      if (this.#waiting.length > 0) continue;
      if (this.#hasEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
