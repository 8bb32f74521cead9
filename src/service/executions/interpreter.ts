import type { Readable } from 'node:stream';
import type {
  ExecutionEvent,
  ExecutionResult,
  FileRef,
  FileScope,
  Limits,
  Principal,
  StorageUse,
  StoredFile,
} from '../../core/index.ts';
import type { LanguageCommands } from '../../engine/index.ts';

/** A language a caller may name. */
export interface LanguageInfo extends LanguageCommands {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly title: string;
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

export interface ExecuteRequest {
  /** Name or alias, any case. */
  readonly language: string;
  readonly code: string;
  readonly args?: readonly string[];
  readonly stdin?: string;
  readonly files?: readonly InputFile[];
  /** What to allow instead of the plan's usual wall clock; more than the plan's longest is lowered to it. */
  readonly limits?: Pick<Partial<Limits>, 'wallMs'>;
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

export interface Execution {
  /** Also the id of the stored session that holds the files it made. */
  readonly id: string;
  /** Canonical name of the language that ran. */
  readonly language: string;
  readonly result: ExecutionResult;
  /** New and changed files first, then inherited ones. */
  readonly files: readonly ReportedFile[];
  /** Paths of inputs the program removed. */
  readonly deleted: readonly string[];
  /** Files that were made but could not be stored. */
  readonly lost: readonly LostFile[];
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

/** The one door to everything: every dialect is a translation onto it. */
export interface Interpreter {
  /** Languages of the image. @throws DragomanError sandbox_unavailable */
  languages(): Promise<readonly LanguageInfo[]>;
  /**
   * Runs a program. Resolves for every ending of the program.
   * @throws DragomanError invalid_request, unsupported_language, file_refused, rate_limited, overloaded,
   *   sandbox_unavailable, cancelled
   */
  execute(
    principal: Principal,
    request: ExecuteRequest,
    options?: { signal?: AbortSignal; onEvent?: (event: ExecutionEvent) => void },
  ): Promise<Execution>;
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
  /** @throws DragomanError not_found, as `file` */
  openFile(principal: Principal, ref: FileRef): Promise<{ file: StoredFile; content: Readable }>;
  /** The files of one stored session. @throws DragomanError not_found, as `file` */
  listFiles(principal: Principal, sessionId: string, scope: FileScope): Promise<readonly StoredFile[]>;
  /** @throws DragomanError not_found, as `file` */
  deleteFile(principal: Principal, ref: FileRef): Promise<void>;
  /** What a principal's files take, and may take. */
  storage(principal: Principal): Promise<StorageUse>;
  /** Whether a program could run now. */
  health(): Promise<{ ready: boolean; reason?: string }>;
}
