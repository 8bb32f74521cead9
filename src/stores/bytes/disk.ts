import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, stat, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { DragomanError, newId } from '../../core/index.ts';
import { makeDirectory, syncDirectory } from '../directories.ts';
import { hasCode, onStorage } from '../faults.ts';
import type { FileStore, StoredBytes } from './file-store.ts';
import { IncomingFile } from './incoming-file.ts';
import { KeyLock } from './key-lock.ts';

const digestPattern = /^[0-9a-f]{64}$/;
const shards = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'));
/** How much of content that is in memory is hashed at a time, about a millisecond's work. */
const sliceBytes = 1024 * 1024;

/**
 * Keeps bytes in one local directory, which belongs to one process at a time: `<directory>/ab/cdef…` is the content with
 * the sha256 `abcdef…`, `<directory>/incoming` holds what is still arriving. A file's modification time tells when its
 * bytes were last put. Everything is private to the user the service runs as.
 */
export function createDiskFileStore(options: { directory: string }): FileStore {
  return new DiskFileStore(options.directory);
}

class DiskFileStore implements FileStore {
  readonly #directory: string;
  readonly #incoming: string;
  /** Keeps `sweep` and equal `put`s of one content apart from the moment it is looked for until its name is durable. */
  readonly #locks = new KeyLock();
  /** Shards synced since `start`: a name found in any other may be one that a killed process did not sync. */
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

  async put(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<StoredBytes> {
    const whole = source instanceof Uint8Array ? source : undefined;
    const file = new IncomingFile(join(this.#incoming, newId()));
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of source instanceof Uint8Array ? slices(source) : source) {
        size += chunk.byteLength;
        if (size > maxBytes) throw new DragomanError('too_large');
        hash.update(chunk);
        if (!whole) await file.write(chunk);
      }
      const digest = hash.digest('hex');
      await this.#locks.run(digest, () => onStorage(() => this.#keep(this.#pathOf(digest), file, whole)));
      return { digest, size };
    } finally {
      await file.discard();
    }
  }

  async open(digest: string): Promise<Readable> {
    if (!digestPattern.test(digest)) throw new DragomanError('not_found');
    return onStorage(async () => {
      try {
        return (await open(this.#pathOf(digest), 'r')).createReadStream();
      } catch (error) {
        throw hasCode(error, 'ENOENT') ? new DragomanError('not_found') : error;
      }
    });
  }

  async sweep(isReferenced: (digest: string) => Promise<boolean>, graceMs: number): Promise<number> {
    let removed = 0;
    for (const shard of shards) {
      for (const name of await onStorage(() => readdir(join(this.#directory, shard)))) {
        const digest = shard + name;
        if (!digestPattern.test(digest)) continue;
        const path = this.#pathOf(digest);
        await this.#locks.run(digest, async () => {
          const age = await onStorage(() => ageOf(path));
          if (age === undefined || age < graceMs || (await isReferenced(digest))) return;
          await onStorage(() => rm(path, { force: true }));
          removed++;
        });
      }
    }
    return removed;
  }

  /** Holds nothing open between calls. */
  async close(): Promise<void> {}

  /** Gives the bytes their name, or renews the age of equal bytes that are there. A `whole` is written only when it is new. */
  async #keep(path: string, file: IncomingFile, whole: Uint8Array | undefined): Promise<void> {
    const shard = dirname(path);
    const isNew = !(await renew(path));
    if (!isNew && this.#synced.has(shard)) return;
    if (isNew) {
      if (whole) await file.write(whole);
      await file.moveTo(path);
    }
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

/** Bytes piece by piece; others get their turn in between. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) {
    if (at > 0) await setImmediate();
    yield bytes.subarray(at, at + sliceBytes);
  }
}

/** Sets a file's modification time to now; tells whether there is such a file. */
async function renew(path: string): Promise<boolean> {
  const now = new Date();
  try {
    await utimes(path, now, now);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Whole milliseconds since bytes were put, undefined when they are gone. The file system's times are finer than the clock's. */
async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - Math.floor((await stat(path)).mtimeMs);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
