import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ByteRange, DragomanError, newId } from '../core/index.ts';
import type { Bytes } from './bytes/bytes.ts';
import type { ContentRecords } from './records/content-records.ts';
import type { Leases } from './records/leases.ts';

/** Bytes that were stored. */
export interface StoredBytes {
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  readonly size: number;
  /** Keeps the bytes from removal: until a file with this id is recorded, or `release`, or an hour without `renew`. */
  readonly hold: string;
}

/**
 * Content-addressed bytes. Equal bytes are stored once. The records name each content before its bytes get their place, so
 * every orphan is known to the records, and bytes go with the last file or hold that refers to them.
 */
export interface FileStore {
  /** Makes it ready; returns how many unfinished uploads of a killed process it removed. @throws DragomanError storage_unavailable */
  start(): Promise<number>;
  /**
   * Stores a stream. When it resolves, the bytes survive `kill -9` and power loss; when it rejects, nothing is left.
   * @param hold the id of the file that is to be recorded with these bytes; a new one by default
   * @throws DragomanError as `Bytes.receive`
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number, hold?: string): Promise<StoredBytes>;
  /** See `Bytes.open`. */
  open(digest: string, range?: ByteRange): Promise<Readable>;
  /** Gives up holds; unknown ones are fine. @throws DragomanError storage_unavailable */
  release(holds: readonly string[]): Promise<void>;
  /** Makes holds last for another hour. @throws DragomanError storage_unavailable */
  renew(holds: readonly string[]): Promise<void>;
  /**
   * Deletes the bytes of contents without a file or a hold; returns how many. Does nothing where another process does it.
   * @throws DragomanError storage_unavailable
   */
  collect(): Promise<number>;
  close(): Promise<void>;
}

const holdMs = 3_600_000;
/** How long a `put` waits for the deletion of equal bytes. */
const deletionDeadlineMs = 10_000;
const deletionPollMs = 20;
const leaseName = 'delete-contents';
const leaseMs = 60_000;

export interface FileStoreParts {
  readonly bytes: Bytes;
  readonly contents: ContentRecords;
  readonly leases: Leases;
  readonly now: () => number;
}

export function createFileStore(parts: FileStoreParts): FileStore {
  return new ContentStore(parts);
}

class ContentStore implements FileStore {
  readonly #id = newId();
  readonly #bytes: Bytes;
  readonly #contents: ContentRecords;
  readonly #leases: Leases;
  readonly #now: () => number;
  #collecting: Promise<number> = Promise.resolve(0);
  /** Until when this process is the one that deletes. */
  #leaseEndsAt = 0;

  constructor({ bytes, contents, leases, now }: FileStoreParts) {
    this.#bytes = bytes;
    this.#contents = contents;
    this.#leases = leases;
    this.#now = now;
  }

  start(): Promise<number> {
    return this.#bytes.start();
  }

  async put(
    source: AsyncIterable<Uint8Array> | Uint8Array,
    maxBytes: number,
    hold: string = newId(),
  ): Promise<StoredBytes> {
    const received = await this.#bytes.receive(source, maxBytes);
    const { digest, size } = received;
    try {
      await this.#hold(digest, size, hold);
      try {
        await received.keep();
      } catch (error) {
        // Without this the content would be collected an hour later.
        await this.#contents.release([hold], this.#now()).catch(() => {});
        throw error;
      }
    } finally {
      await received.discard();
    }
    return { digest, size, hold };
  }

  open(digest: string, range?: ByteRange): Promise<Readable> {
    return this.#bytes.open(digest, range);
  }

  release(holds: readonly string[]): Promise<void> {
    return this.#contents.release(holds, this.#now());
  }

  renew(holds: readonly string[]): Promise<void> {
    return this.#contents.renew(holds, this.#now() + holdMs);
  }

  /** Two at once would do the same work: the second begins when the first has ended. */
  collect(): Promise<number> {
    this.#collecting = this.#collecting.catch(() => {}).then(() => this.#collectAll());
    return this.#collecting;
  }

  async close(): Promise<void> {
    await this.#collecting.catch(() => {});
    if (this.#leaseEndsAt > 0) await this.#leases.release(leaseName, this.#id);
    await this.#bytes.close();
  }

  async #hold(digest: string, size: number, id: string): Promise<void> {
    const deadline = performance.now() + deletionDeadlineMs;
    while (!(await this.#contents.hold({ digest, size }, { id, expiresAt: this.#now() + holdMs }))) {
      if (performance.now() > deadline) {
        const message = 'Equal content is being deleted, and that does not end.';
        throw new DragomanError('storage_unavailable', { message });
      }
      await sleep(deletionPollMs);
    }
  }

  async #collectAll(): Promise<number> {
    let total = 0;
    while ((await this.#mayDelete()) && (await this.#contents.areDue(this.#now()))) {
      const some = await this.#leases.alone(leaseName, (stillAlone) => this.#collectSome(stillAlone));
      total += some?.deleted ?? 0;
      if (!some?.more) break;
    }
    return total;
  }

  /** A lease ends while its process stands still: what it then deletes could be the next arrival of a content. */
  async #collectSome(stillAlone: () => Promise<void>): Promise<{ deleted: number; more: boolean }> {
    const { digests, more } = await this.#contents.claimOrphans(this.#now());
    if (digests.length > 0) {
      await stillAlone();
      await this.#bytes.delete(digests);
      await this.#contents.forget(digests);
    }
    return { deleted: digests.length, more };
  }

  /** Two processes that deleted one content could delete its next arrival. */
  async #mayDelete(): Promise<boolean> {
    const now = this.#now();
    const left = this.#leaseEndsAt - now;
    if (left > leaseMs / 2 && left <= leaseMs) return true;
    if (!(await this.#leases.take(leaseName, this.#id, now, now + leaseMs))) return false;
    this.#leaseEndsAt = now + leaseMs;
    return true;
  }
}
