import type { Readable } from 'node:stream';
import type { ByteRange } from '../../core/index.ts';

/** Content that has arrived whole. Until `keep` resolves, `open` does not find it. End with `keep`, `discard` or both. */
export interface ReceivedContent {
  /** sha256 in lower-case hexadecimal. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /**
   * Stores it under its digest. When this resolves, the bytes survive `kill -9` and power loss. Equal bytes are stored once.
   * @throws DragomanError storage_unavailable
   */
  keep(): Promise<void>;
  /** Frees what it takes unless it was kept. Never rejects. */
  discard(): Promise<void>;
}

/** A driver: bytes by their digest. It deletes what it is told to delete and nothing else, and never lists what it has. */
export interface Bytes {
  /**
   * Makes the driver ready; removes what interrupted uploads left and returns how many those were.
   * @throws DragomanError storage_unavailable
   */
  start(): Promise<number>;
  /**
   * Receives a stream. When it rejects, nothing is left. The source is ended early when it is refused; an error of the
   * source itself is passed on. The source sets the pace: a caller with a deadline destroys it.
   * @throws DragomanError too_large once more than `maxBytes` arrive; storage_unavailable
   */
  receive(source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes: number): Promise<ReceivedContent>;
  /**
   * Opens kept bytes. The caller reads the stream to its end or destroys it. The stream stays whole when its bytes are
   * deleted meanwhile.
   * @param range absent: all of them; it lies within the bytes
   * @throws DragomanError not_found; storage_unavailable
   */
  open(digest: string, range?: ByteRange): Promise<Readable>;
  /** Deletes bytes for good; digests it does not have are fine. @throws DragomanError storage_unavailable */
  delete(digests: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Whether a text is a digest in the form that `ReceivedContent` has. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
