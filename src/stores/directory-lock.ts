import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DragomanError, makeDirectories, makePrivateFile } from '../core/index.ts';

/**
 * Claims a data directory for this process: two servers on one would sweep each other's unfinished files. The lock is
 * SQLite's on a file of its own, which the kernel gives back however its holder ends.
 * @throws DragomanError storage_unavailable when another process holds it, or it cannot be made
 */
export function lockDirectory(directory: string): { release(): void } {
  const path = join(directory, 'server.lock');
  try {
    makeDirectories(directory, 0o711);
    makePrivateFile(path);
  } catch (cause) {
    const message = `the data directory ${directory} cannot be used: ${(cause as Error).message}`;
    throw new DragomanError('storage_unavailable', { message, cause });
  }
  const database = new DatabaseSync(path);
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    const message = `another server is using the data directory ${directory}`;
    throw new DragomanError('storage_unavailable', { message, cause });
  }
  return { release: () => database.close() };
}
