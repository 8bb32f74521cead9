import { DragomanError, type Principal, type StoredFile } from '../../core/index.ts';
import type { JobInput, Runner } from '../../runner/index.ts';
import { fileSetOf } from '../../stores/index.ts';
import type { JobStorage } from '../executions/job-storage.ts';
import type { FileService } from '../files/file-service.ts';
import type { OpenSession } from './open-session.ts';
import { checkRoom, jobInputs } from './session-files.ts';

export interface WorkspaceParts {
  readonly fileService: FileService;
  readonly runner: Runner;
  readonly jobFiles: JobStorage;
}

/**
 * Makes stored files a session's own, in its workspace too. Call it in the session's turn.
 * @param workspaceBytes what the files of a workspace may take together
 * @throws DragomanError invalid_request when they do not fit
 */
export async function addFiles(
  parts: WorkspaceParts,
  principal: Principal,
  session: OpenSession,
  files: readonly StoredFile[],
  workspaceBytes: number,
): Promise<void> {
  const there = session.files.all();
  checkRoom(there, files, workspaceBytes);
  const replaced = new Set(files.map(({ name }) => name));
  await sync(parts, session, jobInputs([...there.filter(({ name }) => !replaced.has(name)), ...files]), files);
  await session.files.record(parts.fileService.opened(principal, fileSetOf(session.record)), files);
}

/** Removes a file of a session. Call it in the session's turn. @throws DragomanError not_found */
export async function removeFile(
  parts: WorkspaceParts,
  principal: Principal,
  session: OpenSession,
  path: string,
): Promise<void> {
  if (!session.files.at(path)) throw new DragomanError('not_found', { message: 'File not found' });
  await sync(parts, session, jobInputs(session.files.all().filter(({ name }) => name !== path)), []);
  await session.files.record(parts.fileService.opened(principal, fileSetOf(session.record)), [], [path]);
}

/** @param added files that are not recorded yet */
async function sync(
  { runner, jobFiles }: WorkspaceParts,
  { ref }: OpenSession,
  files: readonly JobInput[],
  added: readonly StoredFile[],
): Promise<void> {
  if (!ref) return;
  const digests = added.map(({ digest }) => digest);
  await runner.syncSession(ref, files, jobFiles.read(ref.id, { session: ref, digests }));
}
