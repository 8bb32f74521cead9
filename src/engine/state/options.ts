import type { OpenPiece } from './load.ts';
import type { StorePiece } from './save.ts';

/** How the state of a kernel is saved. */
export interface SaveStateOptions {
  readonly deadlineMs: number;
  /** Of all variables together. */
  readonly maxBytes: number;
  readonly put: StorePiece;
}

export interface RestoreStateOptions {
  readonly deadlineMs: number;
  readonly open: OpenPiece;
  readonly signal: AbortSignal;
}
