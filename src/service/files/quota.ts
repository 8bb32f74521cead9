import { quotaExceeded } from '../../core/index.ts';
import type { Owner } from '../../stores/index.ts';

/** Bytes on their way into the store, of one file. */
export interface Hold {
  /** Passes the content on, and ends it where its owner has no more room. @throws DragomanError quota_exceeded */
  counted(content: AsyncIterable<Uint8Array> | Uint8Array): AsyncIterable<Uint8Array> | Uint8Array;
  /** The bytes are recorded, about to be, or gone; once is enough, more does no harm. */
  free(): void;
}

/**
 * Keeps what arrives within its owner's quota before it is recorded: without it any number of uploads could fill the disk
 * together and be refused afterwards. What is recorded is the records's to count, in the transaction that records it.
 */
export class StorageQuota {
  readonly #storedBytes: (owner: Owner) => Promise<number>;
  /** Bytes that have arrived and are not recorded, by owner. */
  readonly #arriving = new Map<string, number>();

  constructor(storedBytes: (owner: Owner) => Promise<number>) {
    this.#storedBytes = storedBytes;
  }

  async hold(owner: Owner, allowed: number): Promise<Hold> {
    const key = JSON.stringify([owner.tenant, owner.id]);
    const stored = await this.#storedBytes(owner);
    let held = 0;
    const take = (bytes: number) => {
      const used = stored + (this.#arriving.get(key) ?? 0);
      if (used + bytes > allowed) throw quotaExceeded({ used, allowed });
      held += bytes;
      this.#add(key, bytes);
    };
    return {
      counted: (content) => {
        if (!(content instanceof Uint8Array)) return counting(content, take);
        take(content.byteLength);
        return content;
      },
      free: () => {
        this.#add(key, -held);
        held = 0;
      },
    };
  }

  #add(key: string, bytes: number): void {
    const arriving = (this.#arriving.get(key) ?? 0) + bytes;
    if (arriving > 0) this.#arriving.set(key, arriving);
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
