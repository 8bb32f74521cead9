import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DragomanError } from '../../core/index.ts';
import type { FileStore, StoredBytes } from './file-store.ts';

interface Entry {
  readonly bytes: Buffer;
  readonly putAt: number;
}

/** Keeps bytes in memory, gone with the process: what the other drivers are compared with, and for tests. */
export function createMemoryFileStore(): FileStore {
  return new MemoryFileStore();
}

class MemoryFileStore implements FileStore {
  readonly #entries = new Map<string, Entry>();

  async start(): Promise<number> {
    return 0;
  }

  async put(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<StoredBytes> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of source instanceof Uint8Array ? [source] : source) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new DragomanError('too_large');
      chunks.push(Buffer.from(chunk));
    }
    const bytes = Buffer.concat(chunks);
    const digest = createHash('sha256').update(bytes).digest('hex');
    this.#entries.set(digest, { bytes, putAt: Date.now() });
    return { digest, size };
  }

  async open(digest: string): Promise<Readable> {
    const entry = this.#entries.get(digest);
    if (!entry) throw new DragomanError('not_found');
    return Readable.from(entry.bytes.byteLength > 0 ? [entry.bytes] : [], { objectMode: false });
  }

  async sweep(isReferenced: (digest: string) => Promise<boolean>, graceMs: number): Promise<number> {
    let removed = 0;
    for (const [digest, entry] of [...this.#entries]) {
      if (Date.now() - entry.putAt < graceMs || (await isReferenced(digest))) continue;
      // The bytes may have been put again while the answer was awaited: then the entry is another one.
      if (this.#entries.get(digest) !== entry) continue;
      this.#entries.delete(digest);
      removed++;
    }
    return removed;
  }

  async close(): Promise<void> {}
}
