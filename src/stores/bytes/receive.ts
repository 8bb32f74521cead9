import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { DragomanError } from '../../core/index.ts';
import type { IncomingFile } from './incoming-file.ts';

/** How much content in memory is hashed at a time, about a millisecond's work. */
const sliceBytes = 1024 * 1024;

/**
 * Takes a source to its end, hashes it and writes it to a file; content that is in memory as a whole is not written. When it rejects, the
 * file is discarded.
 * @returns the sha256 in lower-case hexadecimal, and the size in bytes
 * @throws DragomanError too_large once more than `maxBytes` arrive; what the source or the file throws
 */
export async function receiveInto(
  file: IncomingFile,
  source: AsyncIterable<Uint8Array> | Uint8Array,
  maxBytes: number,
): Promise<{ digest: string; size: number }> {
  const isWhole = source instanceof Uint8Array;
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of isWhole ? slices(source) : source) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new DragomanError('too_large');
      hash.update(chunk);
      if (!isWhole) await file.write(chunk);
    }
  } catch (error) {
    await file.discard();
    throw error;
  }
  return { digest: hash.digest('hex'), size };
}

/** Bytes piece by piece; other work gets its turn in between. */
async function* slices(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += sliceBytes) {
    if (at > 0) await setImmediate();
    yield bytes.subarray(at, at + sliceBytes);
  }
}
