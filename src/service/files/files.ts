import type { Readable } from 'node:stream';
import type { ByteRange, FileClaim, FileRef, FileScope, Principal, StorageUse, StoredFile } from '../../core/index.ts';

/** A stored file to be put into the workspace before the program starts. */
export interface InputFile extends FileRef {
  /** Where it is mounted, relative to the workspace. */
  readonly path: string;
}

/** A stored file that is being read. */
export interface OpenedFile {
  readonly file: StoredFile;
  readonly content: Readable;
  /** What `content` has of the file; undefined: all of it. */
  readonly range?: ByteRange | undefined;
}

/** One file of an upload, as it arrives. `content` must be consumed or destroyed before the next is taken. */
export interface UploadFile {
  readonly name: string;
  readonly contentType: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Absent: the caller's. */
  readonly source?: StoredFile['source'];
}

export type UploadOutcome = { readonly stored: StoredFile } | { readonly name: string; readonly error: string };

/** Users' stored files, as dialects use them. */
export interface Files {
  /**
   * Stores files as one new file set. With `partial` a file that fails is reported and the others are kept (none kept: no
   * file set); without, the first failure rejects and nothing is kept.
   * @throws DragomanError invalid_request, too_large, quota_exceeded, storage_unavailable
   */
  upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    files: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }>;
  /** @throws DragomanError not_found when the file is gone, expired or another's, without telling which */
  find(principal: Principal, ref: FileRef): Promise<StoredFile>;
  /**
   * @param rangeOf chooses the bytes of the file; absent, or undefined: all
   * @throws DragomanError not_found, as `find`
   */
  open(principal: Principal, ref: FileRef, rangeOf?: (file: StoredFile) => ByteRange | undefined): Promise<OpenedFile>;
  /** The files of one file set. @throws DragomanError not_found, as `find` */
  list(principal: Principal, sessionId: string, scope: FileClaim): Promise<readonly StoredFile[]>;
  /** @throws DragomanError not_found, as `find` */
  delete(principal: Principal, ref: FileRef): Promise<void>;
  /** What a principal's files take, and may take. */
  storage(principal: Principal): Promise<StorageUse>;
}
