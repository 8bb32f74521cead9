/** How fast output comes out of one command when it is not held up: a burst at once, then so many bytes each second. */
const burstBytes = 8 * 1024 * 1024;
const bytesPerSecond = 8 * 1024 * 1024;
/** Bytes that a reader may be behind before the command waits for it. */
const leadBytes = 512 * 1024;
/** A reader that takes nothing for so long is not waited for: what it misses is dropped. */
const patienceMs = 10_000;
/** A new command that says much waits so long for its first reader: who starts it reads it from its start. */
const firstReaderMs = 2000;

/** One who reads the output of a command: how far it is, and when it last took some. */
interface PacedReader {
  at: number;
  movedAt: number;
}

/**
 * Decides how much more a command may say: no more than its readers keep up with, as long as they move, and never faster than its rate.
 * Without a reader it goes on after a moment, and the oldest output is dropped.
 */
export class Pace {
  readonly #now: () => number;
  readonly #readers = new Set<PacedReader>();
  /** Stands for the first reader until it comes. */
  #expected: PacedReader | undefined;
  /** Bytes said, bytes that may be said. */
  #said = 0;
  #granted: number;
  #credit = burstBytes;
  #creditAt: number;

  /** @param granted what it may say at first */
  constructor(granted: number, now: () => number) {
    this.#granted = granted;
    this.#now = now;
    this.#creditAt = now();
    this.#expected = { at: 0, movedAt: now() - patienceMs + firstReaderMs };
    this.#readers.add(this.#expected);
  }

  said(bytes: number): void {
    this.#said += bytes;
  }

  /** A reader; it is not behind before it has read something, but for the first one, which begins at the start. */
  add(): PacedReader {
    const isFirst = this.#expected !== undefined && this.#now() - this.#expected.movedAt < patienceMs;
    const reader = { at: isFirst ? 0 : this.#said, movedAt: this.#now() };
    if (this.#expected) this.#readers.delete(this.#expected);
    this.#expected = undefined;
    this.#readers.add(reader);
    return reader;
  }

  /** A reader is so far now. */
  takes(reader: PacedReader, at: number): void {
    reader.at = at;
    reader.movedAt = this.#now();
  }

  remove(reader: PacedReader): void {
    this.#readers.delete(reader);
  }

  /** Bytes to grant now, and whether more will be granted later without anything else happening. */
  grant(window: number): { readonly bytes: number; readonly isHeld: boolean } {
    const now = this.#now();
    this.#credit = Math.min(burstBytes, this.#credit + ((now - this.#creditAt) / 1000) * bytesPerSecond);
    this.#creditAt = now;
    const moving = [...this.#readers].filter(({ at, movedAt }) => at >= this.#said || now - movedAt < patienceMs);
    const slowest = Math.min(...moving.map(({ at }) => at), this.#said);
    const wanted = Math.max(0, window - (this.#granted - this.#said));
    const allowed = Math.max(0, Math.floor(Math.min(wanted, this.#credit, slowest + leadBytes - this.#said)));
    // Small grants cost more than they bring.
    if (allowed < Math.min(wanted, window / 4)) return { bytes: 0, isHeld: wanted >= window / 4 };
    this.#granted += allowed;
    this.#credit -= allowed;
    return { bytes: allowed, isHeld: false };
  }
}
