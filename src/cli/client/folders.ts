import { closeSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CommandError } from './command-error.ts';
import { shown } from './terminal.ts';

/**
 * Makes a folder and those above it that are missing, one at a time: `mkdir` of Node with `recursive` never ends below `/proc`, which
 * answers ENOENT whatever exists.
 * @param mode permissions of each folder that is made
 * @throws CommandError when one cannot be made, or is no folder
 */
export function makeFolders(folder: string, mode = 0o777): void {
  const missing: string[] = [];
  try {
    for (let at = resolve(folder); !isFolder(at); at = dirname(at)) {
      missing.push(at);
      if (at === dirname(at)) break;
    }
    for (const path of missing.reverse()) makeFolder(path, mode);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`The folder ${shown(folder)} cannot be made: ${shown((error as Error).message)}`);
  }
}

/**
 * Makes the folder for results before there are any, and checks that files can be made in it: what runs for an hour must not lose its
 * results to a wrong name. Undefined is none.
 * @throws CommandError
 */
export function prepareFolder(folder: string | undefined): void {
  if (folder === undefined) return;
  makeFolders(folder);
  tryWriting(folder);
}

/** @throws CommandError when no file can be made in this folder */
export function tryWriting(folder: string): void {
  const path = join(folder, `.dragoman-${process.pid}-${Math.random().toString(36).slice(2)}.part`);
  try {
    closeSync(openSync(path, 'wx'));
    rmSync(path);
  } catch (error) {
    throw new CommandError(`No file can be made in ${shown(folder)}: ${shown((error as Error).message)}`);
  }
}

function isFolder(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats && !stats.isDirectory()) throw new CommandError(`${shown(path)} is no folder.`);
  return stats !== undefined;
}

function makeFolder(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    // Another process may have made it meanwhile; a link that leads nowhere has the name, too.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw error;
  }
}
