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
  /** Bytes of a kept content; undefined: it is not there. @throws DragomanError storage_unavailable */
  size(digest: string): Promise<number | undefined>;
  /** Deletes bytes for good; digests it does not have are fine. @throws DragomanError storage_unavailable */
  delete(digests: readonly string[]): Promise<void>;
  close(): Promise<void>;
  /** How clients without credentials move bytes themselves. Absent: they cannot. */
  readonly direct?: DirectBytes;
}

/** An HTTP request that moves the bytes of one content, signed for a client without credentials. It cannot be changed. */
export interface SignedRequest {
  readonly url: string;
  /** All of them have to be sent. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What a client is allowed to store: these bytes, under this hold. */
export interface GrantedContent {
  readonly digest: string;
  readonly size: number;
  readonly hold: string;
}

/**
 * Bytes that clients read and store by signed requests. A client that names a digest has not shown that it has the bytes, and must not get
 * another owner's bytes by their digest: `received` tells whether they came from it.
 */
export interface DirectBytes {
  /** A GET of the whole content. */
  signGet(digest: string, lifeMs: number): Promise<SignedRequest>;
  /**
   * A PUT of these bytes and no others. Where equal bytes are stored it may be answered with 412: the client then shows that it has them by
   * the PUT of `signProof`.
   */
  signPut(content: GrantedContent, lifeMs: number): Promise<SignedRequest>;
  signProof(content: GrantedContent, lifeMs: number): Promise<SignedRequest>;
  /** Whether the bytes are stored and came under this hold. @throws DragomanError storage_unavailable */
  received(content: GrantedContent): Promise<boolean>;
  /** Removes what proofs have left. Never rejects. */
  forgetProofs(holds: readonly string[]): Promise<void>;
}

/** Whether a text is a digest in the form that `ReceivedContent` has. */
export function isDigest(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
