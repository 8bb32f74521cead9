import { type Dirent, existsSync, lstatSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from '../host/index.ts';

/** Folders a sandbox mounts something on; its root is read-only by then. */
export const mountPoints = ['proc', 'dev', 'tmp', 'mnt/data', 'opt/dragoman'];

/**
 * Sandboxes of a service with the superuser's rights run under another user, who must be able to get to the image.
 * @throws SetupError naming the folder in the way
 */
export function checkReachable(path: string): void {
  for (let folder = path; ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0)
      throw new SetupError(
        [
          `Sandboxes run under a user of their own, who cannot enter ${folder} on the way to the image ${path}.`,
          `Run \`chmod o+x ${folder}\`, or choose another data directory (DRAGOMAN_DATA_DIR).`,
        ].join('\n'),
      );
    if (folder === dirname(folder)) return;
  }
}

/**
 * Whether a folder of the operator can be the root of sandboxes.
 * @throws SetupError saying what it lacks
 */
export function checkForeignRoot(root: string): void {
  if (!existsSync(root) || !statSync(root).isDirectory())
    throw new SetupError(`DRAGOMAN_IMAGE names ${root}, which is not a folder.`);
  const programs = ['usr/bin/python3', 'usr/bin/sh'].filter((path) => !exists(join(root, path)));
  if (programs.length > 0)
    throw new SetupError(
      `DRAGOMAN_IMAGE names ${root}, which does not look like the root of a Linux system with Python: no ${programs.join(', ')} in it.`,
    );
  const missing = mountPoints.filter((path) => !existsSync(join(root, path)));
  if (missing.length > 0)
    throw new SetupError(
      [
        `The image ${root} lacks folders that sandboxes mount things on. Make them and start again:`,
        `  mkdir -p ${missing.map((path) => join(root, path)).join(' ')}`,
      ].join('\n'),
    );
}

/**
 * Goes through a finished root: everybody must be able to read all of it, and nothing may change who runs it.
 * @returns what it takes on disk, in bytes
 * @throws SetupError naming the first few faults
 */
export function surveyRoot(root: string): number {
  let bytes = 0;
  const faults: string[] = [];
  const visit = (folder: string, entries: Dirent[]) => {
    for (const entry of entries) {
      const path = join(folder, entry.name);
      const { mode, blocks } = lstatSync(path);
      bytes += blocks * 512;
      if (entry.isSymbolicLink()) continue;
      const needed = entry.isDirectory() ? 0o005 : 0o004;
      if ((mode & needed) !== needed) faults.push(`${path} cannot be read by everybody`);
      if (mode & 0o6000) faults.push(`${path} changes who runs it`);
      if (!entry.isDirectory() && !entry.isFile()) faults.push(`${path} is neither a file nor a folder`);
      if (entry.isDirectory()) visit(path, readdirSync(path, { withFileTypes: true }));
    }
  };
  visit(root, readdirSync(root, { withFileTypes: true }));
  if (faults.length > 0) throw new SetupError(['The image is not fit for use:', ...faults.slice(0, 10)].join('\n'));
  return bytes;
}

/** Links of a root may lead to where they only lead inside it. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
