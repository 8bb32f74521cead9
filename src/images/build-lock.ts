import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { makePrivateFile } from '../core/index.ts';
import { type Progress, SetupError } from '../host/index.ts';

const waitDeadlineMs = 30 * 60_000;
const pollMs = 250;

/**
 * Waits until no other process builds in this folder. The lock is SQLite's on a file, which the kernel gives back however its holder
 * ends; a file with a process id would have to be judged stale, and two judges could both be right.
 * @throws SetupError when the other builder takes longer than half an hour
 */
export async function acquireBuildLock(
  imagesDir: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<{ release(): void }> {
  const holderFile = join(imagesDir, '.building.pid');
  const path = join(imagesDir, '.building.lock');
  makePrivateFile(path);
  const database = new DatabaseSync(path);
  const since = performance.now();
  let waiting = false;
  try {
    while (!tryLock(database)) {
      if (!waiting) progress.phase(`Waiting for another start${holder(holderFile)}, which is building the image`);
      waiting = true;
      if (performance.now() - since > waitDeadlineMs)
        throw new SetupError(
          `Another start${holder(holderFile)} has been building an image for 30 minutes; end it first.`,
        );
      await sleep(pollMs, undefined, { ...(signal && { signal }) });
    }
  } catch (error) {
    database.close();
    throw error;
  } finally {
    if (waiting) progress.end();
  }
  writeFileSync(holderFile, `${process.pid}\n`);
  return {
    release() {
      rmSync(holderFile, { force: true });
      database.close();
    },
  };
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (/locked|busy/i.test((error as Error).message)) return false;
    throw error;
  }
}

/** For the message alone: it may be gone or out of date by the time it is read. */
function holder(file: string): string {
  try {
    return ` (process ${readFileSync(file, 'utf8').trim()})`;
  } catch {
    return '';
  }
}
