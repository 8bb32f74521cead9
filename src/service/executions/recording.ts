import {
  DragomanError,
  errorCatalogue,
  type FileRef,
  keptMode,
  type Logger,
  type StoredFile,
  uploadMode,
} from '../../core/index.ts';
import type { JobEnding } from '../../runner/index.ts';
import type { Once } from '../../stores/index.ts';
import type { InputFile } from '../files/files.ts';
import type { Peers } from '../peers/peers.ts';
import type { Execution, LostFile, ReportedFile } from './executions.ts';

/** How long is remembered that the files of an execution are recorded: longer than the end of one waits for a recorder. */
const rememberedMs = 3 * 24 * 60 * 60_000;

/** What became of the files of an execution. */
export interface RecordedFiles {
  /** New and changed files first, then inputs of the request that are what they were. */
  readonly files: readonly ReportedFile[];
  /** Paths that are gone. */
  readonly deleted: readonly string[];
  readonly lost: readonly LostFile[];
}

export interface Recording {
  readonly ending: Pick<JobEnding, 'files' | 'deleted' | 'lost'>;
  /** What the job has stored, by path. */
  stored(): Promise<ReadonlyMap<string, StoredFile>>;
  /** The file that was at a path before. */
  before(path: string): FileRef | undefined;
  /** Records files and removals, all or nothing. */
  record(added: readonly StoredFile[], deleted: readonly string[]): Promise<void>;
}

/**
 * Records what an execution made, changed and removed, in one transaction. Never rejects: the code has run, so its caller gets the
 * result and learns which files are lost.
 */
export async function recordFiles(recording: Recording, logger: Logger): Promise<RecordedFiles> {
  const { ending } = recording;
  try {
    return await recordAll(recording);
  } catch (error) {
    const cause = String((error as Error).cause ?? error);
    logger.error({ count: ending.files.length, error: cause }, 'files were not recorded');
    const reason = error instanceof DragomanError ? error.message : errorCatalogue.storage_unavailable.text;
    const failed = ending.files.map(({ path }) => ({ path, reason }));
    return { files: [], deleted: ending.deleted, lost: [...ending.lost, ...failed] };
  }
}

/** The same. @throws DragomanError when they could not be recorded, and then nothing is */
export async function recordAll({ ending, stored, before, record }: Recording): Promise<RecordedFiles> {
  const added: StoredFile[] = [];
  const files: ReportedFile[] = [];
  const lost: LostFile[] = [...ending.lost];
  const paths = ending.files.length === 0 ? new Map<string, StoredFile>() : await stored();
  for (const { path, change, digest, mode } of ending.files) {
    const found = paths.get(path);
    if (found?.digest !== digest) {
      // Of the worker's claim nothing is believed that was not seen to be stored.
      lost.push({ path, reason: errorCatalogue.storage_unavailable.text });
      continue;
    }
    // The mode of most files is that of an upload, and goes without saying.
    const file = mode === uploadMode ? found : { ...found, mode: keptMode(mode) };
    added.push(file);
    const from = change === 'modified' ? before(path) : undefined;
    files.push(from ? { change: 'modified', file, from } : { change: 'created', file });
  }
  await record(added, ending.deleted);
  return { files, deleted: ending.deleted, lost };
}

/** Where another gateway may record the files of an execution as well, when its own is taken for dead. */
export function onceOf(
  { peers, now }: { readonly peers: Peers; readonly now: () => number },
  id: string,
): Once | undefined {
  return peers.id === null ? undefined : { id, until: now() + rememberedMs };
}

/** What callers get of an execution that has ended. */
export function executionOf(
  { id, sessionId, language, tier }: Pick<Execution, 'id' | 'sessionId' | 'language' | 'tier'>,
  inputs: readonly InputFile[],
  startedAt: number,
  { continuity, result }: JobEnding,
  { files, deleted, lost }: RecordedFiles,
): Execution {
  const changed = new Set(deleted);
  for (const each of files) if (each.change !== 'inherited') changed.add(each.file.name);
  const inherited = inputs
    .filter(({ path }) => !changed.has(path))
    .map((input) => ({ change: 'inherited', path: input.path, ref: input }) as const);
  const all = { files: [...files, ...inherited], deleted, lost };
  return { id, sessionId, language, tier, continuity, startedAt, result, ...all };
}
