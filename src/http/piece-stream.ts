import { Readable } from 'node:stream';
import { turnOf } from '../core/index.ts';

/**
 * An answer that is made while the client reads it. The next piece is made when there is room for it, in a turn of the event
 * loop of its own.
 */
export class PieceStream extends Readable {
  /** Bytes of the service that are held until it is read, about. */
  readonly held: number;
  /** Whose answer it is: owners take turns. */
  owner = '';
  readonly #pieces: Iterator<string | Uint8Array>;

  constructor(pieces: Iterable<string | Uint8Array>, held: number) {
    super({ highWaterMark: 64 * 1024 });
    this.held = held;
    this.#pieces = pieces[Symbol.iterator]();
  }

  override _read(): void {
    void turnOf(this.owner).then(() => {
      if (this.destroyed) return;
      try {
        const { value, done } = this.#pieces.next();
        this.push(done ? null : typeof value === 'string' ? Buffer.from(value) : value);
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
