import type { Readable } from 'node:stream';
import type { ByteRange, FileClaim, FileRef, FileScope, Principal, StorageUse, StoredFile } from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';

/** A language a caller may name. */
export interface LanguageInfo extends Omit<Language, 'kernel' | 'tools'> {
  /** By what they are versions of. */
  readonly versions: Readonly<Record<string, string>>;
  /** A live session keeps variables from cell to cell; otherwise its files alone. */
  readonly keepsVariables: boolean;
}

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

/** A file that a program made and that was not kept. */
export interface LostFile {
  readonly path: string;
  /** A sentence for the caller. */
  readonly reason: string;
}

/** What became of a file that was in the workspace when the program ended. */
export type ReportedFile =
  | { readonly change: 'created'; readonly file: StoredFile }
  | { readonly change: 'modified'; readonly file: StoredFile; readonly from: FileRef }
  /** An input that is still what it was, or was read-only: its own id, where it is mounted. */
  | { readonly change: 'inherited'; readonly path: string; readonly ref: FileRef };

/** One file of an upload, as it arrives. `content` must be consumed or destroyed before the next is taken. */
export interface UploadFile {
  readonly name: string;
  readonly contentType: string;
  readonly content: AsyncIterable<Uint8Array>;
  /** Absent: the caller's. */
  readonly source?: StoredFile['source'];
}

export type UploadOutcome = { readonly stored: StoredFile } | { readonly name: string; readonly error: string };

/** Languages, stored files and health, as every dialect sees them. Code is started by `Sessions.start`. */
export interface Interpreter {
  /** Languages of the image. @throws DragomanError sandbox_unavailable */
  languages(): Promise<readonly LanguageInfo[]>;
  /**
   * Stores files as one new session. With `partial` a file that fails is reported and the others are kept (none kept: no
   * session); without, the first failure rejects and nothing is kept.
   * @throws DragomanError invalid_request, too_large, quota_exceeded, storage_unavailable
   */
  upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    files: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }>;
  /** @throws DragomanError not_found for what is gone, expired or another's, without telling which */
  file(principal: Principal, ref: FileRef): Promise<StoredFile>;
  /**
   * @param rangeOf chooses the bytes of the file; absent, or undefined: all
   * @throws DragomanError not_found, as `file`
   */
  openFile(
    principal: Principal,
    ref: FileRef,
    rangeOf?: (file: StoredFile) => ByteRange | undefined,
  ): Promise<OpenedFile>;
  /** The files of one stored session. @throws DragomanError not_found, as `file` */
  listFiles(principal: Principal, sessionId: string, scope: FileClaim): Promise<readonly StoredFile[]>;
  /** @throws DragomanError not_found, as `file` */
  deleteFile(principal: Principal, ref: FileRef): Promise<void>;
  /** What a principal's files take, and may take. */
  storage(principal: Principal): Promise<StorageUse>;
  /** Whether a program could run now. */
  health(): Promise<{ ready: boolean; reason?: string }>;
}
