import { DragomanError } from '../../core/index.ts';
import type { NewSession } from './sessions.ts';

const maxNameLength = 256;
const maxMetadata = 16;
const maxMetadataLength = 512;
const maxNotesBytes = 64 * 1024;

/** Bounds the name, the metadata and the notes of a session. @throws DragomanError invalid_request */
export function checkNotes({ name, metadata = {}, notes = {} }: Pick<NewSession, 'name' | 'metadata' | 'notes'>): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (typeof name === 'string' && name.length > maxNameLength)
    refuse(`name must be at most ${maxNameLength} characters`);
  if (Buffer.byteLength(JSON.stringify(notes)) > maxNotesBytes)
    refuse(`what is kept of the session must be at most ${maxNotesBytes} bytes`);
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadata) refuse(`metadata must have at most ${maxMetadata} entries`);
  if (entries.some(([key, value]) => key.length > maxMetadataLength || value.length > maxMetadataLength)) {
    refuse(`metadata must have keys and values of at most ${maxMetadataLength} characters`);
  }
}
