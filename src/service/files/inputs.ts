import { DragomanError, type Principal, type StoredFile } from '../../core/index.ts';
import { checkDestinations } from './destinations.ts';
import type { FileService } from './file-service.ts';
import type { InputFile } from './files.ts';

/** A file a request names, found. */
export interface ResolvedInput {
  readonly input: InputFile;
  readonly file: StoredFile;
}

/**
 * Finds what a request names.
 * @throws DragomanError invalid_request; file_refused for what the caller may not use; not_found for a file of its own that it
 *   claims to be another agent's or skill's
 */
export async function resolveInputs(
  fileService: FileService,
  principal: Principal,
  files: readonly InputFile[],
): Promise<ResolvedInput[]> {
  checkDestinations(files.map((file) => file.path));
  return Promise.all(
    files.map(async (input) => {
      try {
        return { input, file: await fileService.find(principal, input) };
      } catch (error) {
        if (!isNotFound(error) || (await isOwn(fileService, principal, input))) throw error;
        throw new DragomanError('file_refused');
      }
    }),
  );
}

const isNotFound = (error: unknown) => error instanceof DragomanError && error.code === 'not_found';

function isOwn(fileService: FileService, principal: Principal, input: InputFile): Promise<boolean> {
  return fileService.find(principal, { ...input, scope: { kind: 'unclaimed' } }).then(
    () => true,
    () => false,
  );
}
