import type { Readable } from 'node:stream';

/** Bytes that were stored: their sha256 in lower-case hexadecimal, and how many they are. */
export interface StoredBytes {
  readonly digest: string;
  readonly size: number;
}

/** Content-addressed bytes. Equal bytes are stored once; who owns them is the records's business. */
export interface FileStore {
  /**
   * Makes the store ready; removes what interrupted `put`s left and returns how many those were.
   * @throws DragomanError storage_unavailable
   */
  start(): Promise<number>;
  /**
   * Stores a stream. When it resolves the bytes survive `kill -9` and power loss; when it rejects nothing is left. The
   * source is ended early when it is refused, and what it throws itself is passed on. It sets the pace: a caller with a
   * deadline destroys it.
   * @throws DragomanError too_large once more than `maxBytes` arrive; storage_unavailable when the disk refuses
   */
  put(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<StoredBytes>;
  /**
   * Opens stored bytes for reading. The caller reads the stream to its end or destroys it; it stays whole when the bytes
   * are swept meanwhile.
   * @throws DragomanError not_found; storage_unavailable when the disk refuses
   */
  open(digest: string): Promise<Readable>;
  /**
   * Removes the bytes nobody refers to. Bytes put or put again within `graceMs` stay, so that an upload between `put` and
   * its records record is never lost. Returns how many were removed. What `isReferenced` throws is passed on.
   * @throws DragomanError storage_unavailable
   */
  sweep(isReferenced: (digest: string) => Promise<boolean>, graceMs: number): Promise<number>;
  close(): Promise<void>;
}
