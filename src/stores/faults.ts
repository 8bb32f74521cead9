import { DragomanError } from '../core/index.ts';

/**
 * Runs work on a disk or a database; what it throws, other than a DragomanError, becomes storage_unavailable with the
 * original as its cause.
 */
export async function onStorage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DragomanError) throw error;
    throw new DragomanError('storage_unavailable', { cause: error });
  }
}

/** Tells whether a file system call failed with this code, `ENOENT` and the like. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
