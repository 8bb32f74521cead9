import { Readable } from 'node:stream';

/**
 * An answer that is made while the client reads it. The next piece is made when there is room for it, and the event loop turns
 * between two pieces.
 */
export class TextStream extends Readable {
  /** Bytes of the service that are held until it is read, about. */
  readonly held: number;
  readonly #pieces: Iterator<string>;

  constructor(pieces: Iterable<string>, held: number) {
    super({ highWaterMark: 64 * 1024 });
    this.held = held;
    this.#pieces = pieces[Symbol.iterator]();
  }

  override _read(): void {
    setImmediate(() => {
      if (this.destroyed) return;
      try {
        const { value, done } = this.#pieces.next();
        this.push(done ? null : Buffer.from(value));
      } catch (error) {
        this.destroy(error as Error);
      }
    });
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#pieces.return?.();
    callback(error);
  }
}
