import { DragomanError } from './errors.ts';

/** The refusal of bytes that an owner has no room for. */
export function quotaExceeded({ used, allowed }: StorageUse): DragomanError {
  const message = `The storage quota does not allow it: ${used} of ${allowed} bytes are used. Delete files, or wait until some expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** The refusal of a record that its owner has no room for. */
export function recordsExceeded({ used, allowed }: StorageUse): DragomanError {
  const message = `The responses, conversations, assistants and sessions of this key take ${used} of ${allowed} bytes that they may take. Delete some, or wait until they expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** What an owner's files take together, and may take. In bytes. */
export interface StorageUse {
  readonly used: number;
  readonly allowed: number;
}
