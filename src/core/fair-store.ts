/** Where a value belongs: two principals never see each other's, also where their ids are equal. */
export interface FairKey {
  readonly tenant: string;
  readonly principalId: string;
  readonly id: string;
}

export interface FairStoreOptions<T = unknown> {
  /** Values of all principals together. */
  readonly maxEntries: number;
  /** Bytes of all principals together, as `set` is told them. */
  readonly maxBytes: number;
  /** A value is dropped this long after it was set. */
  readonly ttlMs: number;
  /** Milliseconds of a clock that never goes back; absent: the process's own. */
  readonly now?: () => number;
  /** Called with each value that is dropped for room or time, never for one that is deleted or replaced. */
  readonly onDrop?: (value: T) => void;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
  readonly setAt: number;
  readonly share: Share<T>;
  readonly id: string;
}

/** One principal's values, oldest first. */
interface Share<T> {
  readonly key: string;
  readonly entries: Map<string, Entry<T>>;
  bytes: number;
}

/**
 * A bounded store in memory that several principals share. When it is full, the principal that takes the largest part of it loses
 * its oldest value first, so that one principal's flood never drops another's values. A value is also dropped when its time is
 * over. It is of this process only: a restart empties it.
 */
export class FairStore<T> {
  readonly #options: FairStoreOptions<T>;
  readonly #now: () => number;
  readonly #shares = new Map<string, Share<T>>();
  /** Of all principals, in the order they were set, which is also the order they expire. */
  readonly #byAge = new Set<Entry<T>>();
  #bytes = 0;

  constructor(options: FairStoreOptions<T>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Values held now. */
  get size(): number {
    return this.#byAge.size;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Stores a value, replaces an older one of the same key, and drops what no longer fits: this value too if it alone is too large. */
  set(key: FairKey, value: T, bytes: number): void {
    this.delete(key);
    const shareKey = JSON.stringify([key.tenant, key.principalId]);
    const share = this.#shares.get(shareKey) ?? { key: shareKey, entries: new Map(), bytes: 0 };
    this.#shares.set(shareKey, share);
    const entry = { value, bytes, setAt: this.#now(), share, id: key.id };
    share.entries.set(key.id, entry);
    share.bytes += bytes;
    this.#byAge.add(entry);
    this.#bytes += bytes;
    this.dropExpired();
    while (this.#byAge.size > this.#options.maxEntries || this.#bytes > this.#options.maxBytes) {
      const [oldest] = this.#heaviest().entries.values();
      this.#remove(oldest!);
      this.#options.onDrop?.(oldest!.value);
    }
  }

  get(key: FairKey): T | undefined {
    this.dropExpired();
    return this.#find(key)?.value;
  }

  /** Returns the value that was dropped, if there was one. */
  delete(key: FairKey): T | undefined {
    const entry = this.#find(key);
    if (entry) this.#remove(entry);
    return entry?.value;
  }

  /** Of all principals, oldest first. */
  *values(): Generator<T> {
    for (const { value } of this.#byAge) yield value;
  }

  /** Drops what has expired now instead of with the next call. */
  dropExpired(): void {
    const { ttlMs, onDrop } = this.#options;
    const now = this.#now();
    for (const entry of this.#byAge) {
      if (now - entry.setAt < ttlMs) return;
      this.#remove(entry);
      onDrop?.(entry.value);
    }
  }

  #find({ tenant, principalId, id }: FairKey): Entry<T> | undefined {
    return this.#shares.get(JSON.stringify([tenant, principalId]))?.entries.get(id);
  }

  /** The principal that takes the largest part, of bytes or of entries. */
  #heaviest(): Share<T> {
    const { maxBytes, maxEntries } = this.#options;
    const part = ({ bytes, entries }: Share<T>) => Math.max(bytes / maxBytes, entries.size / maxEntries);
    return this.#shares.values().reduce((heaviest, share) => (part(share) > part(heaviest) ? share : heaviest));
  }

  #remove(entry: Entry<T>): void {
    const { share, id, bytes } = entry;
    share.entries.delete(id);
    share.bytes -= bytes;
    if (share.entries.size === 0) this.#shares.delete(share.key);
    this.#byAge.delete(entry);
    this.#bytes -= bytes;
  }
}
