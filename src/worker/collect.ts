import { type Logger, maxEmptyFolders } from '../core/index.ts';
import type { Collected, FileUse, JobFiles } from '../runner/index.ts';
import { storeArtifacts } from './artifacts.ts';
import type { LiveSession } from './live-session.ts';

/** Stores what commands and work with files have changed in a session's workspace. Nothing of the session runs meanwhile. */
export async function collect(
  live: LiveSession,
  readOnly: ReadonlySet<string>,
  files: JobFiles,
  use: FileUse,
  logger: Logger,
): Promise<Collected | null> {
  const { sandbox } = live;
  if (!sandbox) return null;
  try {
    const { touched, gone, folders } = await sandbox.changes();
    const before = { fileAt: (path: string) => live.fileAt(path), isReadOnly: (path: string) => readOnly.has(path) };
    const stored = await storeArtifacts(files, use, touched, before, logger);
    const collected = {
      ...stored,
      deleted: gone.filter((path) => live.fileAt(path) !== undefined && !readOnly.has(path)),
      folders: folders.slice(0, maxEmptyFolders),
    };
    live.noteFiles(collected);
    return collected;
  } finally {
    await sandbox.resume().catch(() => {});
  }
}
