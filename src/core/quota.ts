import { DragomanError } from './errors.ts';

/** The refusal of bytes that an owner has no room for. */
export function quotaExceeded({ used, allowed }: StorageUse): DragomanError {
  const message = `The storage quota does not allow it: ${used} of ${allowed} bytes are used. Delete files, or wait until some expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** What an owner's files take together, and may take. In bytes. */
export interface StorageUse {
  readonly used: number;
  readonly allowed: number;
}
