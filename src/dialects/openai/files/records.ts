import { z } from 'zod';
import type { FileRef, Principal } from '../../../core/index.ts';
import type { DialectContext } from '../../../http/index.ts';
import type { Document } from '../../../service/index.ts';
import { ownDocument } from '../documents.ts';
import { WireError } from '../errors.ts';
import { ownId, seconds, wireId } from '../ids.ts';

/** The kind of the documents that say what `/v1/files` knows of a stored file. Their ids are stored sessions of one file. */
export const fileKind = 'openai_file';

export const purposes = ['assistants', 'batch', 'fine-tune', 'vision', 'user_data', 'evals'] as const;

const body = z.object({ fileId: z.string(), filename: z.string(), bytes: z.number(), purpose: z.enum(purposes) });

export type FileBody = z.infer<typeof body>;

export interface FileRecord extends FileBody {
  /** The stored session: the id without its prefix. */
  readonly sessionId: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export function recordOf({ id, createdAt, expiresAt, body: value }: Document): FileRecord {
  return { sessionId: id, createdAt, expiresAt, ...body.parse(value) };
}

/**
 * A caller's own file of `/v1/files`.
 * @param param the field that names it, for the refusal
 * @throws WireError 404 in OpenAI's words
 */
export async function findFile(
  context: DialectContext,
  principal: Principal,
  id: string,
  param = 'id',
): Promise<FileRecord> {
  const sessionId = ownId('file', id);
  const document = sessionId && (await ownDocument(context, principal, fileKind, sessionId));
  if (!document) throw noSuchFile(id, param);
  return recordOf(document);
}

/** Where its bytes are. */
export function refOf({ sessionId, fileId }: Pick<FileRecord, 'sessionId' | 'fileId'>): FileRef {
  return { sessionId, fileId, scope: { kind: 'user' } };
}

/** Container files are looked for here more often than anything else that is not here. */
export function noSuchFile(id: string, param = 'id'): WireError {
  const shown = id.slice(0, 64);
  const where = id.startsWith('cfile_')
    ? ` It names a file of a container: use /v1/containers/{container_id}/files/${shown}.`
    : '';
  return new WireError('not_found', `No such File object: ${shown}.${where}`, { param });
}

export function fileObject({ sessionId, createdAt, expiresAt, filename, bytes, purpose }: FileRecord) {
  return {
    id: wireId('file', sessionId),
    object: 'file' as const,
    bytes,
    created_at: seconds(createdAt),
    expires_at: seconds(expiresAt),
    filename,
    purpose,
    status: 'processed' as const,
    status_details: null,
  };
}
