import type { Interpreter, Sessions } from '../../service/index.ts';

/** Bounds of one upload call. */
export interface UploadLimits {
  /** Largest file, in bytes. */
  readonly maxFileBytes: number;
  readonly maxUploadFiles: number;
  /** How long a call may take to arrive, in milliseconds. */
  readonly uploadTimeoutMs: number;
}

/** What this dialect uses of the service. */
export interface LibreChatServices extends UploadLimits {
  readonly interpreter: Pick<Interpreter, 'upload' | 'file' | 'openFile' | 'listFiles' | 'deleteFile'>;
  readonly sessions: Pick<Sessions, 'ensure' | 'start' | 'files' | 'putFile'>;
  /** Milliseconds since the epoch. */
  now(): number;
}
