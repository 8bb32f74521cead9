import { chargedBytes, quotaExceeded, tooManyFiles } from '../../core/index.ts';
import type { FileQuota, FileRecords, Owner } from '../../stores/index.ts';

/** The room that one arriving file takes of its owner's quota. */
export interface Reservation {
  /** Passes the content on, and ends it where its owner has no more room. @throws DragomanError quota_exceeded */
  counted(content: AsyncIterable<Uint8Array> | Uint8Array): AsyncIterable<Uint8Array> | Uint8Array;
  /** Call it when the file is recorded, about to be, or discarded. More than once does no harm. */
  free(): void;
}

/**
 * Keeps arriving files within their owner's quota before they are recorded: otherwise many uploads at once could fill the
 * disk and be refused afterwards. Recorded files are counted by the records, in the transaction that records them.
 */
export class StorageQuota {
  readonly #stored: FileRecords['stored'];
  /** What arrives and is not recorded yet, by owner. */
  readonly #arriving = new Map<string, { bytes: number; files: number }>();

  constructor(stored: FileRecords['stored']) {
    this.#stored = stored;
  }

  /** @throws DragomanError quota_exceeded when the owner has no room for another file, storage_unavailable */
  async reserve(owner: Owner, quota: FileQuota): Promise<Reservation> {
    const key = JSON.stringify([owner.tenant, owner.id]);
    const stored = await this.#stored(owner);
    let size = 0;
    let held = 0;
    const take = (bytes: number) => {
      size += bytes;
      const more = chargedBytes(size) - held;
      const used = stored.bytes + (this.#arriving.get(key)?.bytes ?? 0) - held;
      if (used + held + more > quota.bytes) throw quotaExceeded({ used, allowed: quota.bytes });
      held += more;
      this.#add(key, more, 0);
    };
    const files = stored.files + (this.#arriving.get(key)?.files ?? 0);
    if (files >= quota.files) throw tooManyFiles({ used: files, allowed: quota.files });
    take(0);
    this.#add(key, 0, 1);
    let isFree = false;
    return {
      counted: (content) => {
        if (!(content instanceof Uint8Array)) return counting(content, take);
        take(content.byteLength);
        return content;
      },
      free: () => {
        if (!isFree) this.#add(key, -held, -1);
        isFree = true;
      },
    };
  }

  #add(key: string, bytes: number, files: number): void {
    const before = this.#arriving.get(key) ?? { bytes: 0, files: 0 };
    const arriving = { bytes: before.bytes + bytes, files: before.files + files };
    if (arriving.bytes > 0 || arriving.files > 0) this.#arriving.set(key, arriving);
    else this.#arriving.delete(key);
  }
}

async function* counting(
  content: AsyncIterable<Uint8Array>,
  take: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    take(chunk.byteLength);
    yield chunk;
  }
}
