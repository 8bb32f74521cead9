import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory with its parents. Node's own `recursive` never ends where a file system refuses with ENOENT, as `/proc` does.
 * @param mode of each that is made, cut by the umask
 * @returns the outermost that was made; undefined where the directory was there
 * @throws Error of the system, when a part cannot be made or is no directory
 */
export function makeDirectories(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && statSync(path).isDirectory()) return undefined;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const first = makeDirectories(dirname(path), mode);
  mkdirSync(path, { mode });
  return first ?? path;
}
