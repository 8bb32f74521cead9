import { DragomanError } from './errors.ts';

/** What a file takes of a disk at least, in bytes: file systems give space in blocks of this size. */
const blockBytes = 4096;

/** What a file of `size` bytes counts against a quota: whole blocks, and one block for an empty file. */
export function chargedBytes(size: number): number {
  return Math.max(1, Math.ceil(size / blockBytes)) * blockBytes;
}

/** The refusal of bytes that an owner has no room for. */
export function quotaExceeded({ used, allowed }: StorageUse): DragomanError {
  const message = `The storage quota does not allow it: ${used} of ${allowed} bytes are used. Delete files, or wait until some expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** The refusal of a file that is one too many for its owner. */
export function tooManyFiles({ used, allowed }: StorageUse): DragomanError {
  const message = `The storage quota does not allow it: ${used} of ${allowed} files are stored. Delete files, or wait until some expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** The refusal of a record that its owner has no room for. */
export function recordsExceeded({ used, allowed }: StorageUse): DragomanError {
  const message = `The responses, conversations, assistants and sessions of this key take ${used} of ${allowed} bytes that they may take. Delete some, or wait until they expire.`;
  return new DragomanError('quota_exceeded', { message });
}

/** What an owner uses and may use of something: bytes or files. */
export interface StorageUse {
  readonly used: number;
  readonly allowed: number;
}
