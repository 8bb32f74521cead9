import type { OutputText } from '../core/index.ts';

/** Collects one output stream: all of it up to the limit, above that the first and the last half of the limit. */
export class Output {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  readonly #head = new Bytes();
  readonly #tail = new Bytes();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#headLimit = Math.ceil(limitBytes / 2);
    this.#tailLimit = Math.floor(limitBytes / 2);
  }

  /** Bytes the program has written. */
  get bytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    const room = this.#headLimit - this.#head.length;
    if (room > 0) this.#head.push(chunk.subarray(0, room));
    if (room >= chunk.length) return;
    this.#tail.push(chunk.subarray(Math.max(0, room)));
    // Dropping at twice the limit keeps the cost per byte constant.
    if (this.#tail.length > 2 * this.#tailLimit + 65_536) this.#tail.keepLast(this.#tailLimit);
  }

  /** The last bytes as text: all of a short stream. */
  end(bytes: number): string {
    this.#tail.keepLast(this.#tailLimit);
    return Buffer.concat([this.#head.view(), this.#tail.view()]).subarray(-bytes).toString('utf8');
  }

  /** The stream as text, with a note between head and tail when something was left out. */
  text(): OutputText {
    this.#tail.keepLast(this.#tailLimit);
    const head = this.#head.view();
    const tail = this.#tail.view();
    const omitted = this.#bytes - head.length - tail.length;
    if (omitted === 0)
      return { text: Buffer.concat([head, tail]).toString('utf8'), bytes: this.#bytes, truncated: false };
    const text = `${wholeStart(head)}\n[… ${omitted} bytes left out …]\n${wholeEnd(tail)}`;
    return { text, bytes: this.#bytes, truncated: true };
  }
}

/** Bytes in one piece of memory: a program that writes single bytes must not cost an object for each. */
class Bytes {
  #memory = Buffer.alloc(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(part: Uint8Array): void {
    const length = this.#length + part.length;
    if (length > this.#memory.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#memory.length, 256));
      this.#memory.copy(larger, 0, 0, this.#length);
      this.#memory = larger;
    }
    this.#memory.set(part, this.#length);
    this.#length = length;
  }

  /** Forgets all but the last `count` bytes. */
  keepLast(count: number): void {
    if (count >= this.#length) return;
    this.#memory.copyWithin(0, this.#length - count, this.#length);
    this.#length = count;
  }

  view(): Buffer {
    return this.#memory.subarray(0, this.#length);
  }
}

/** Drops the first bytes of a character that was cut at the end. */
function wholeStart(bytes: Buffer): string {
  return new TextDecoder('utf-8').decode(bytes, { stream: true });
}

/** Drops the last bytes of a character that was cut at the start. */
function wholeEnd(bytes: Buffer): string {
  let start = 0;
  while (start < 3 && start < bytes.length && (bytes[start]! & 0xc0) === 0x80) start++;
  return bytes.toString('utf8', start);
}
