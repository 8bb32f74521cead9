import { existsSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';

const dayMs = 24 * 60 * 60_000;
const keptMs = 7 * dayMs;
/** How often a service notes that it still uses what it has begun with. */
export const noteMs = dayMs;

/** Notes that a file or folder is in use, for every service that shares the folder it is in. */
export function noteUse(path: string): void {
  const now = new Date();
  try {
    utimesSync(path, now, now);
  } catch {
    // It is somebody else's, who notes it.
  }
}

/** Removes what no service has used for a week, of the entries of a folder that have such names. */
export function sweepUnused(directory: string, names: RegExp, now: number): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory).filter((each) => names.test(each))) {
    const path = join(directory, name);
    // Another process may have removed it meanwhile.
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? {};
    if (mtimeMs !== undefined && now - mtimeMs > keptMs) rmSync(path, { recursive: true, force: true });
  }
}

/** Images packed for machines, initial file systems, and what is half made of either. */
export const machineFileNames = /^(?:[a-z][a-z0-9]*-[0-9a-f]{12}\.sqfs(?:\.making)?|initial-[0-9a-f]{16}(?:\.\d+)?)$/;
