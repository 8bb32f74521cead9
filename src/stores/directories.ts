import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { makeDirectories } from '../core/index.ts';

/** Makes a directory that only this user may enter, with its parents, so that it survives power loss. */
export async function makeDirectory(path: string): Promise<void> {
  const first = makeDirectories(resolve(path), 0o700);
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let at = resolve(path); at !== top; at = dirname(at)) await syncDirectory(dirname(at));
}

/** Makes the names in a directory durable: created, renamed and removed ones. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
