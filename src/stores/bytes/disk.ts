import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type ByteRange, DragomanError, newId } from '../../core/index.ts';
import { makeDirectory, syncDirectory } from '../directories.ts';
import { hasCode, onStorage } from '../faults.ts';
import { type Bytes, isDigest, type ReceivedContent } from './bytes.ts';
import { IncomingFile } from './incoming-file.ts';
import { KeyLock } from './key-lock.ts';
import { receiveInto } from './receive.ts';

const shards = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));

/**
 * Keeps bytes in one local directory, which belongs to one process at a time: `<directory>/ab/cdef…` is the content with
 * the sha256 `abcdef…`, `<directory>/incoming` holds what is still arriving. All files are private to the user of the service.
 */
export function createDiskBytes(options: { directory: string }): Bytes {
  return new DiskBytes(options.directory);
}

class DiskBytes implements Bytes {
  readonly #directory: string;
  readonly #incoming: string;
  /** Orders `keep` and `delete` of one content. */
  readonly #locks = new KeyLock();
  /** Shards synced since `start`. In any other, a killed process may have left a name that is not durable. */
  readonly #synced = new Set<string>();

  constructor(directory: string) {
    this.#directory = directory;
    this.#incoming = join(directory, 'incoming');
  }

  async start(): Promise<number> {
    return onStorage(async () => {
      await makeDirectory(this.#directory);
      const unfinished = await namesIn(this.#incoming);
      await rm(this.#incoming, { recursive: true, force: true });
      for (const name of ['incoming', ...shards]) {
        await mkdir(join(this.#directory, name), { recursive: true, mode: 0o700 });
      }
      await syncDirectory(this.#directory);
      return unfinished.length;
    });
  }

  async receive(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<ReceivedContent> {
    const whole = source instanceof Uint8Array ? source : undefined;
    const file = new IncomingFile(join(this.#incoming, newId()));
    const { digest, size } = await receiveInto(file, source, maxBytes);
    return {
      digest,
      size,
      keep: () => this.#locks.run(digest, () => onStorage(() => this.#keep(this.#pathOf(digest), size, file, whole))),
      discard: () => file.discard(),
    };
  }

  async open(digest: string, range?: ByteRange): Promise<Readable> {
    if (!isDigest(digest)) throw new DragomanError('not_found');
    return onStorage(async () => {
      try {
        return (await open(this.#pathOf(digest), 'r')).createReadStream(range);
      } catch (error) {
        throw hasCode(error, 'ENOENT') ? new DragomanError('not_found') : error;
      }
    });
  }

  async size(digest: string): Promise<number | undefined> {
    return isDigest(digest) ? onStorage(() => sizeOf(this.#pathOf(digest))) : undefined;
  }

  async delete(digests: readonly string[]): Promise<void> {
    const valid = digests.filter(isDigest);
    await onStorage(async () => {
      await Promise.all(
        valid.map((digest) => this.#locks.run(digest, () => rm(this.#pathOf(digest), { force: true }))),
      );
      // The record of a content goes next: its name must not come back after power loss.
      await Promise.all([...new Set(valid.map((digest) => dirname(this.#pathOf(digest))))].map(syncDirectory));
    });
  }

  /** Holds nothing open between calls. */
  async close(): Promise<void> {}

  /** Gives the bytes their name unless equal bytes have it. A `whole` is written only when it is new. */
  async #keep(path: string, size: number, file: IncomingFile, whole: Uint8Array | undefined): Promise<void> {
    const shard = dirname(path);
    const isNew = (await sizeOf(path)) !== size;
    if (!isNew && this.#synced.has(shard)) return file.discard();
    if (isNew) {
      if (whole) await file.write(whole);
      await file.moveTo(path);
    } else await file.discard();
    try {
      await syncDirectory(shard);
    } catch (error) {
      if (isNew) await rm(path, { force: true });
      throw error;
    }
    this.#synced.add(shard);
  }

  #pathOf(digest: string): string {
    return join(this.#directory, digest.slice(0, 2), digest.slice(2));
  }
}

/** The entries of a directory that may be missing. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Bytes of a file, undefined when it does not exist. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
