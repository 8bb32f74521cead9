import { basename } from 'node:path/posix';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { freeName, refOf } from '../../../assistant/index.ts';
import { DragomanError, type FileRef, type Principal, type StoredFile } from '../../../core/index.ts';
import type { UploadFile } from '../../../service/index.ts';
import { invalid, notFound, type WireError } from '../errors.ts';
import { ownId, seconds, toOwn, wireId } from '../ids.ts';
import { parse } from '../parse.ts';
import type { OpenAIServices } from '../services.ts';
import { withForm } from '../uploads.ts';
import { sessionIdOf, useContainer } from './container.ts';
import { copyBody } from './wire.ts';

/** The workspace of a session, as its programs see it. */
const workspace = '/mnt/data/';

/** A session's file as a container's. */
export function containerFileObject(file: StoredFile) {
  return {
    id: wireId('containerFile', file.id),
    object: 'container.file' as const,
    container_id: wireId('container', file.sessionId),
    created_at: seconds(file.createdAt),
    bytes: file.size,
    path: workspace + file.name,
    filename: basename(file.name),
    source: file.source === 'user' ? ('user' as const) : ('assistant' as const),
  };
}

/** Puts the file of a form, or one of `/v1/files` that a JSON body names, into a container. */
export async function addFile(
  context: OpenAIServices,
  request: FastifyRequest,
  reply: FastifyReply,
  container: string,
): Promise<StoredFile> {
  const { principal } = request;
  const { id } = await useContainer(context, principal, container);
  const pathFor = async (name: string) => {
    const taken = new Set((await context.sessions.files(principal, id)).map((file) => file.name));
    return freeName(name, (free) => taken.has(free));
  };
  const copy = async (named: unknown) => {
    const record = await context.assistant.files.find(
      principal,
      toOwn('file', parse(copyBody, named).file_id),
      'file_id',
    );
    return context.sessions.copyFile(principal, id, { ...refOf(record), path: await pathFor(record.name) });
  };
  if (!request.isMultipart()) return copy(request.body);
  const store = async ({ files }: { files: AsyncIterable<UploadFile> }) => {
    const stored: StoredFile[] = [];
    for await (const file of files)
      stored.push(await context.sessions.putFile(principal, id, { ...file, name: await pathFor(file.name) }));
    return stored[0]!;
  };
  // Some clients send a form also where they only name a file.
  const named = async (fields: ReadonlyMap<string, string>) => {
    const file_id = fields.get('file_id');
    if (file_id === undefined)
      throw invalid("Missing required parameter: 'file'.", 'file', 'missing_required_parameter');
    return copy({ file_id });
  };
  return withForm(context, request, reply, store, named);
}

/**
 * A file of a container by its id. A file that a later one has replaced is found too: what a message cites can be read while the
 * container lives.
 * @throws WireError 404; DragomanError session_expired
 */
export async function findContainerFile(
  context: OpenAIServices,
  principal: Principal,
  container: string,
  id: string,
): Promise<{ file: StoredFile; ref: FileRef }> {
  await useContainer(context, principal, container);
  const fileId = ownId('containerFile', id);
  if (!fileId) throw noSuchFile(container, id);
  const ref: FileRef = { sessionId: sessionIdOf(container), fileId, scope: { kind: 'user' } };
  try {
    return { file: await context.storedFiles.find(principal, ref), ref };
  } catch (error) {
    throw error instanceof DragomanError && error.code === 'not_found' ? noSuchFile(container, id) : error;
  }
}

/** Removes a file. Of a replaced file only its stored bytes remain to be removed. */
export async function removeContainerFile(
  context: OpenAIServices,
  principal: Principal,
  container: string,
  id: string,
): Promise<void> {
  const { file, ref } = await findContainerFile(context, principal, container, id);
  const current = await context.sessions.files(principal, ref.sessionId);
  const isCurrent = current.some((other) => other.id === file.id);
  if (isCurrent) await context.sessions.removeFile(principal, ref.sessionId, file.name);
  await context.storedFiles.delete(principal, ref);
}

function noSuchFile(container: string, id: string): WireError {
  return notFound(`File ${id.slice(0, 64)} not found on container ${container.slice(0, 64)}.`);
}
