import { DragomanError, errorCatalogue } from '../../core/index.ts';
import type { LostFile } from '../executions/interpreter.ts';

/** A file that could not be stored, and why in words for its owner. */
export function lostFile(path: string, error: unknown): LostFile {
  const isOurs = error instanceof DragomanError;
  return { path, reason: isOurs ? error.message : errorCatalogue.storage_unavailable.text };
}
