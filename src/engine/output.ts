import type { OutputText } from '../core/index.ts';

/** Collects one output stream: everything up to the limit, beyond it the first and the last half of the limit. */
export class Output {
  readonly #headLimit: number;
  readonly #tailLimit: number;
  readonly #head: Uint8Array[] = [];
  #tail: Uint8Array[] = [];
  #headBytes = 0;
  #tailBytes = 0;
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
    const room = this.#headLimit - this.#headBytes;
    if (room > 0) {
      const part = chunk.subarray(0, room);
      this.#head.push(part);
      this.#headBytes += part.length;
      chunk = chunk.subarray(room);
    }
    if (chunk.length === 0) return;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    // Compacting at twice the limit keeps the cost per byte constant.
    if (this.#tailBytes > 2 * this.#tailLimit + 65_536) this.#compact();
  }

  /** The stream as text. What was left out is said between head and tail. */
  text(): OutputText {
    this.#compact();
    const omitted = this.#bytes - this.#headBytes - this.#tailBytes;
    const head = Buffer.concat(this.#head);
    const tail = Buffer.concat(this.#tail);
    if (omitted === 0)
      return { text: Buffer.concat([head, tail]).toString('utf8'), bytes: this.#bytes, truncated: false };
    const text = `${wholeStart(head)}\n[… ${omitted} bytes left out …]\n${wholeEnd(tail)}`;
    return { text, bytes: this.#bytes, truncated: true };
  }

  #compact(): void {
    if (this.#tailBytes <= this.#tailLimit) return;
    const all = Buffer.concat(this.#tail);
    // A copy, so that the chunks it was cut from can be freed.
    const kept = Buffer.from(all.subarray(all.length - this.#tailLimit));
    this.#tail = [kept];
    this.#tailBytes = kept.length;
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
