import { DragomanError } from '../../core/index.ts';
import type { NewSession } from './sessions.ts';

const maxNameLength = 256;
const maxMetadata = 16;
const maxMetadataLength = 512;

/** Bounds the name and metadata of a session. @throws DragomanError invalid_request */
export function checkNotes({ name, metadata = {} }: Pick<NewSession, 'name' | 'metadata'>): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (typeof name === 'string' && name.length > maxNameLength)
    refuse(`name must be at most ${maxNameLength} characters`);
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadata) refuse(`metadata must have at most ${maxMetadata} entries`);
  if (entries.some(([key, value]) => key.length > maxMetadataLength || value.length > maxMetadataLength)) {
    refuse(`metadata must have keys and values of at most ${maxMetadataLength} characters`);
  }
}
