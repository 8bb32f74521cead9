import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type ByteRange, DragomanError } from '../../core/index.ts';
import type { Bytes, ReceivedContent } from './bytes.ts';

/** Keeps bytes in memory: for tests, and as the yardstick of the other drivers. */
export function createMemoryBytes(): Bytes {
  return new MemoryBytes();
}

class MemoryBytes implements Bytes {
  readonly #contents = new Map<string, Buffer>();

  async start(): Promise<number> {
    return 0;
  }

  async receive(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<ReceivedContent> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new DragomanError('too_large');
      chunks.push(Buffer.from(chunk));
    }
    const bytes = Buffer.concat(chunks);
    const digest = createHash('sha256').update(bytes).digest('hex');
    return { digest, size, keep: async () => void this.#contents.set(digest, bytes), discard: async () => {} };
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    const whole = this.#contents.get(digest);
    if (!whole) throw new DragomanError('not_found');
    const bytes = range ? whole.subarray(range.start, range.end + 1) : whole;
    return Readable.from(bytes.byteLength > 0 ? [bytes] : [], { objectMode: false });
  }

  async size(digest: string): Promise<number | undefined> {
    return this.#contents.get(digest)?.byteLength;
  }

  async delete(digests: readonly string[]): Promise<void> {
    for (const digest of digests) this.#contents.delete(digest);
  }

  async close(): Promise<void> {}
}
