import { Readable } from 'node:stream';
import { clientPath, DragomanError, type Principal, type StoredFile } from '../../core/index.ts';
import type { Caller } from './call.ts';
import type { McpServices } from './services.ts';

type FileServices = Pick<McpServices, 'sessions' | 'storedFiles'>;

/** A document as text, or a sentence why it cannot be one. */
type DocumentText = { readonly content: AsyncIterable<Uint8Array> } | { readonly refusal: string };

/** The file that a client means by this path. @throws DragomanError invalid_request, not_found */
export async function findFile(
  { sessions }: FileServices,
  principal: Principal,
  sessionId: string,
  path: string,
): Promise<StoredFile> {
  const wanted = clientPath(path);
  const files = await sessions.files(principal, sessionId);
  // A program may have made a name that is not in composed form.
  const file = files.find(({ name }) => name === wanted) ?? files.find(({ name }) => name.normalize('NFC') === wanted);
  if (file) return file;
  throw new DragomanError('not_found', {
    message: `There is no file ${JSON.stringify(wanted)} in this session. list_files tells which there are.`,
  });
}

/** The bytes of a file, as they are read. The caller reads to the end or leaves its loop. @throws DragomanError not_found */
export async function openFile({ storedFiles }: FileServices, principal: Principal, { sessionId, id }: StoredFile) {
  const { content } = await storedFiles.open(principal, { sessionId, fileId: id, scope: { kind: 'unclaimed' } });
  return content;
}

/** All bytes of a file that is small. @throws DragomanError as `Caller.hold` */
export async function readWhole(services: FileServices, caller: Caller, file: StoredFile): Promise<Buffer> {
  // The bytes, and their base64 or text.
  caller.hold(file.size * 3);
  const chunks: Buffer[] = [];
  for await (const chunk of await openFile(services, caller.principal, file)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A document as text, as a preview has it. @throws DragomanError rate_limited, overloaded, cancelled, sandbox_unavailable */
export async function documentText(
  { previews }: Pick<McpServices, 'previews'>,
  principal: Principal,
  file: StoredFile,
  signal: AbortSignal,
): Promise<DocumentText> {
  try {
    const { bytes } = await previews.make(principal, file, { form: 'text' }, signal);
    return { content: Readable.from([bytes]) };
  } catch (error) {
    if (error instanceof DragomanError && error.code === 'preview_refused') return { refusal: error.message };
    throw error;
  }
}
