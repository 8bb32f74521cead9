import { DragomanError, errorCatalogue, type Logger } from '../core/index.ts';
import type { FileUse, JobEnding, JobFile, JobFiles } from '../runner/index.ts';

/** A file as it was found in a workspace. Its content is read once. */
export interface FoundFile {
  readonly path: string;
  readonly content: { readonly size: number; readonly mode: number; read(): AsyncIterable<Uint8Array>; close(): void };
}

/** What a file of a workspace is. */
export interface HeldFile {
  readonly digest: string;
  readonly mode: number;
}

/** What a workspace held before the code ran: files by path, and which of them the code may not change. */
export interface Before {
  fileAt(path: string): HeldFile | undefined;
  isReadOnly(path: string): boolean;
}

/** Files that are not stored by then are lost. */
const storeDeadlineMs = 60_000;

/** Stores what code made and changed. Never rejects: what cannot be stored is reported as lost. */
export async function storeArtifacts(
  files: JobFiles,
  use: FileUse,
  found: readonly FoundFile[],
  before: Before,
  logger: Logger,
): Promise<Pick<JobEnding, 'files' | 'lost'>> {
  const stored: JobFile[] = [];
  const lost: { path: string; reason: string }[] = [];
  const deadline = performance.now() + storeDeadlineMs;
  for (const { path, content } of found) {
    try {
      if (before.isReadOnly(path)) continue;
      const { digest, size } = await files.put(use, path, until(deadline, content.read()), content.size);
      const { mode } = content;
      const was = before.fileAt(path);
      // The code may have written what was there already.
      if (was?.digest === digest && was.mode === mode) continue;
      stored.push({ path, change: was ? 'modified' : 'created', digest, size, mode });
    } catch (error) {
      logger.error(
        { execution: use.jobId, error: String((error as Error).cause ?? error) },
        'an artifact was not stored',
      );
      const isOurs = error instanceof DragomanError;
      lost.push({ path, reason: isOurs ? error.message : errorCatalogue.storage_unavailable.text });
    } finally {
      content.close();
    }
  }
  return { files: stored, lost };
}

async function* until(deadline: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    if (performance.now() > deadline) {
      const message = `The files of the execution were not stored within ${storeDeadlineMs / 1000} seconds.`;
      throw new DragomanError('storage_unavailable', { message });
    }
    yield chunk;
  }
}
