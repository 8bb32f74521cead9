import { type FileHandle, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairStore, newId } from '../../core/index.ts';

const maxEntries = 100_000;
const lifeMs = 24 * 3_600_000;

/**
 * Contents on a worker's disk, by owner and digest, so that what one owner has is found for no other. When it is full, the owner that takes
 * the largest part loses what it has not used for longest. It begins empty.
 */
export class ByteCache {
  readonly #directory: string;
  readonly #entries: FairStore<string>;

  /** @param options.maxBytes of all contents together */
  constructor(options: { readonly directory: string; readonly maxBytes: number }) {
    this.#directory = options.directory;
    this.#entries = new FairStore({
      maxEntries,
      maxBytes: options.maxBytes,
      ttlMs: lifeMs,
      onDrop: (path) => void rm(path, { force: true }).catch(() => {}),
    });
  }

  /** Bytes it holds. */
  get bytes(): number {
    return this.#entries.bytes;
  }

  async start(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
  }

  has(owner: string, digest: string): boolean {
    return this.#entries.get(keyOf(owner, digest)) !== undefined;
  }

  /** The content, which stays whole while it is read; undefined: it is not here. The caller closes it. */
  async open(owner: string, digest: string): Promise<FileHandle | undefined> {
    const key = keyOf(owner, digest);
    const path = this.#entries.get(key);
    if (path === undefined) return undefined;
    try {
      const handle = await open(path, 'r');
      // What is used goes last.
      if (this.#entries.get(key) === path) this.#entries.set(key, path, (await handle.stat()).size);
      return handle;
    } catch {
      this.#entries.delete(key);
      return undefined;
    }
  }

  /**
   * Takes a content whose digest was checked, and opens it: also one that is too large to stay.
   * @param content its bytes, or a file that moves here
   */
  async add(owner: string, digest: string, size: number, content: Uint8Array | string): Promise<FileHandle> {
    const path = join(this.#directory, newId());
    if (typeof content === 'string') await rename(content, path);
    else await writeFile(path, content, { mode: 0o600 });
    const handle = await open(path, 'r');
    const before = this.#entries.get(keyOf(owner, digest));
    this.#entries.set(keyOf(owner, digest), path, size);
    if (before !== undefined) await rm(before, { force: true }).catch(() => {});
    return handle;
  }
}

const keyOf = (owner: string, digest: string) => ({ tenant: '', principalId: owner, id: digest });
