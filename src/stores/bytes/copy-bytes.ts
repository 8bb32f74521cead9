import { DragomanError } from '../../core/index.ts';
import type { Bytes } from './bytes.ts';

/** Contents on their way at once: what a distant server takes is mostly waiting. */
const atOnce = 4;

/**
 * Copies contents that the other driver does not have yet, so that it may be done again where it broke off. Both have been started.
 * @param onCopied hears how many have been looked at
 * @returns how many were copied, and the digests of those that the first driver does not have
 * @throws DragomanError storage_unavailable
 */
export async function copyBytes(
  digests: AsyncIterable<string>,
  from: Bytes,
  to: Bytes,
  onCopied: (seen: number) => void,
): Promise<{ copied: number; missing: string[] }> {
  const iterator = digests[Symbol.asyncIterator]();
  const missing: string[] = [];
  let copied = 0;
  let seen = 0;
  const work = async () => {
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      const digest = next.value;
      if (!(await has(to, digest))) {
        if (await copy(digest, from, to)) copied++;
        else missing.push(digest);
      }
      onCopied(++seen);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return { copied, missing };
}

async function copy(digest: string, from: Bytes, to: Bytes): Promise<boolean> {
  const received = await orMissing(async () => to.receive(await from.open(digest), Number.MAX_SAFE_INTEGER));
  if (!received) return false;
  try {
    if (received.digest !== digest)
      throw new DragomanError('storage_unavailable', { message: `The content ${digest} is damaged.` });
    await received.keep();
    return true;
  } finally {
    await received.discard();
  }
}

async function has(bytes: Bytes, digest: string): Promise<boolean> {
  const stream = await orMissing(() => bytes.open(digest));
  stream?.destroy();
  return stream !== undefined;
}

async function orMissing<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DragomanError && error.code === 'not_found') return undefined;
    throw error;
  }
}
