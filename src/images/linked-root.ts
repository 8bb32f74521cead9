import { createHash } from 'node:crypto';
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Progress, runCommand, SetupError } from '../host/index.ts';

const deadlineMs = 300_000;

/** Folders whose files package managers write into, instead of replacing them. They are small, and copied. */
const copied = ['etc', 'var'];

/**
 * Makes the root of a layer: folders of its own, and hard links to the files of the image it lies on. It costs seconds and no room,
 * and the image below may be removed later. Nothing may write into a linked file; dpkg and pip replace files, and
 * `fingerprint` tells whether everything else did.
 * @throws SetupError when the file system has no hard links
 */
export async function linkRoot(
  base: string,
  root: string,
  progress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  progress.phase('Linking the image below');
  const cp = async (...args: string[]) => {
    const { status, tail } = await runCommand('cp', args, { deadlineMs, signal });
    if (status !== 0) throw new SetupError(`The image ${base} cannot be linked:\n${tail}`);
  };
  await cp('--archive', '--link', base, root);
  for (const folder of copied) {
    const { status, tail } = await runCommand('rm', ['-rf', join(root, folder)], { deadlineMs, signal });
    if (status !== 0) throw new SetupError(`${join(root, folder)} cannot be removed:\n${tail}`);
    await cp('--archive', join(base, folder), join(root, folder));
  }
}

/** A digest of what a root holds: names, sizes, times of writing. Some seconds for some hundred thousand files. */
export function fingerprint(root: string): string {
  const hash = createHash('sha256');
  const visit = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const { size, mtimeMs, mode } = lstatSync(path);
      if (entry.isDirectory()) visit(path);
      else hash.update(`${path}\0${size} ${mtimeMs} ${mode}\n`);
    }
  };
  visit(root);
  return hash.digest('hex');
}
