import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { Download } from '#client';
import { CommandError } from './command-error.ts';
import { makeFolders } from './folders.ts';
import { shown } from './terminal.ts';

/**
 * Writes a file of a session below a folder of this machine. Paths come from a sandbox: one that names anything else, or that leads
 * through a link, is refused and not fetched. What has the name is replaced once the content is whole; a link of that name is replaced, not
 * followed.
 * @returns where it is
 * @throws CommandError for a path that is refused, or content larger than its size
 */
export async function saveBelow(
  folder: string,
  path: string,
  fetch: () => Promise<Pick<Download, 'body'>>,
  expectedBytes?: number,
): Promise<string> {
  const segments = path.split('/');
  const fault = faultIn(segments);
  if (fault) throw new CommandError(`The file ${shown(path)} is not saved: ${fault}.`);
  makeFolders(folder);
  let parent = folder;
  for (const segment of segments.slice(0, -1)) {
    parent = join(parent, segment);
    await makeFolder(parent, path);
  }
  const target = join(parent, segments.at(-1)!);
  if ((await lstat(target).catch(() => undefined))?.isDirectory())
    throw new CommandError(`The file ${shown(path)} is not saved: ${shown(target)} is a folder.`);
  // Ours alone, so that an existing file or link cannot be written through.
  const part = join(parent, `.dragoman-${process.pid}-${Math.random().toString(36).slice(2)}.part`);
  try {
    const file = await open(
      part,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o666,
    );
    try {
      let bytes = 0;
      for await (const piece of (await fetch()).body) {
        bytes += piece.length;
        if (expectedBytes !== undefined && bytes > expectedBytes)
          throw new CommandError(`The file ${shown(path)} is not saved: it is larger than the service said.`);
        await file.writeFile(piece);
      }
    } finally {
      await file.close();
    }
    await rename(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
  return target;
}

function faultIn(segments: readonly string[]): string | undefined {
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..') return 'its name leads out of the folder';
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    if (/[\\\x00-\x1f\x7f]/.test(segment) || (sep === '\\' && segment.includes(':')))
      // Of Windows as well: `a\b` and `C:x` are paths there.
      return 'its name has characters that no file may have';
    if (Buffer.byteLength(segment) > 255) return 'its name is too long';
  }
  return undefined;
}

/** A link to a folder would lead somewhere else. */
async function makeFolder(folder: string, path: string): Promise<void> {
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const { isDirectory } = await lstat(folder).then((stats) => ({ isDirectory: stats.isDirectory() }));
  if (!isDirectory)
    throw new CommandError(`The file ${shown(path)} is not saved: ${shown(folder)} is no folder of its own.`);
}
