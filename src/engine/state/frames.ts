/** One frame of a state, as docs/reference/guest-protocol.md has them. Its content is read once, before the next frame. */
export interface StateFrame {
  readonly kind: FrameKind;
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export type FrameKind = 'H' | 'B' | 'D' | 'E' | 'F';

const magic = Buffer.from('DRGSTAT1');
const headBytes = 9;
const maxSize = BigInt(Number.MAX_SAFE_INTEGER);
const kinds: ReadonlySet<string> = new Set(['H', 'B', 'D', 'E', 'F']);

/** The stream does not have the form that it must have. */
export class BrokenState extends Error {}

/**
 * Splits a hostile stream into frames; nothing of a frame but its head is held. Ends with the source.
 * @throws BrokenState
 */
export async function* readFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<StateFrame> {
  const bytes = new ByteReader(source);
  try {
    const begin = await bytes.exactly(magic.length);
    if (!begin) return;
    if (!begin.equals(magic)) throw new BrokenState('the stream is no state');
    for (let head = await bytes.exactly(headBytes); head; head = await bytes.exactly(headBytes)) {
      const kind = String.fromCharCode(head[0]!);
      const size = head.readBigUInt64BE(1);
      if (!kinds.has(kind) || size > maxSize) throw new BrokenState('the stream has a broken frame');
      const content = bytes.some(Number(size));
      yield { kind: kind as FrameKind, size: Number(size), content };
      // What the reader has left of it.
      for await (const _ of content);
    }
  } finally {
    await bytes.close();
  }
}

/** The head of a frame. */
export function frameHead(kind: FrameKind, size: number): Buffer {
  const head = Buffer.alloc(headBytes);
  head.write(kind, 0, 'latin1');
  head.writeBigUInt64BE(BigInt(size), 1);
  return head;
}

/** What a stream begins with. */
export const streamBegin: Uint8Array = magic;

/** The whole content of a small frame. @throws BrokenState for a larger one */
export async function smallContent({ size, content }: StateFrame, most: number): Promise<Buffer> {
  if (size > most) throw new BrokenState(`the stream has a frame of ${size} bytes`);
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Undefined where the source has ended before. */
  async exactly(size: number): Promise<Buffer | undefined> {
    const taken = Buffer.alloc(size);
    for (let at = 0; at < size; ) {
      const part = await this.#next(size - at);
      if (!part) return undefined;
      taken.set(part, at);
      at += part.length;
    }
    return taken;
  }

  /** So many bytes, as they come. @throws BrokenState where the source ends before */
  async *some(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; ) {
      const part = await this.#next(left);
      if (!part) throw new BrokenState('the stream ends in the middle of a frame');
      left -= part.length;
      yield part;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  async #next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}
