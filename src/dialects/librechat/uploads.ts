import type { FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError, relativeName } from '../../core/index.ts';
import { MultipartForm } from '../../http/index.ts';
import type { UploadFile, UploadOutcome } from '../../service/index.ts';
import { type BatchFile, sessionIds } from './answers.ts';
import { fileScope } from './scopes.ts';
import type { LibreChatServices, UploadLimits } from './services.ts';

type UploadServices = Pick<LibreChatServices, 'storedFiles' | keyof UploadLimits>;

/** Fields that must come before the files: they say whose the files are. */
const early = new Set(['kind', 'id', 'version', 'read_only', 'entity_id']);

/** `POST /upload`: every file is stored, or none. */
export function upload(services: UploadServices, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  return withForm(services, request, reply, async (form) => {
    const { sessionId, files } = await services.storedFiles.upload(
      request.principal,
      { ...claims(form), partial: false },
      named(form.files(false)),
    );
    return {
      message: 'success',
      ...sessionIds(sessionId),
      files: files.map(wireOutcome).map(({ status, ...file }) => file),
    };
  });
}

/** `POST /upload/batch`: every file that can be stored is stored, and every file is answered for. */
export function uploadBatch(services: UploadServices, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  return withForm(services, request, reply, async (form) => {
    const { ids, files } = await storeBatch(services, request, form);
    const succeeded = files.filter(({ status }) => status === 'success').length;
    const failed = files.length - succeeded;
    const complete = failed === 0 && !form.tooMany && !form.expired;
    if (succeeded === 0) reply.code(400);
    return {
      message: succeeded === 0 ? 'error' : complete ? 'success' : 'partial_success',
      ...(succeeded === 0 ? { error: 'No file was stored' } : ids),
      files,
      succeeded,
      failed,
      ...(form.tooMany ? { filesLimitReached: true, maxFiles: services.maxUploadFiles } : {}),
    };
  });
}

async function storeBatch(services: UploadServices, request: FastifyRequest, form: MultipartForm) {
  let target: ReturnType<typeof claims>;
  try {
    target = claims(form);
  } catch (error) {
    if (!(error instanceof DragomanError)) throw error;
    return { ids: {}, files: await refuseAll(form.files(true), error.message) };
  }
  const stored = await services.storedFiles.upload(
    request.principal,
    { ...target, partial: true },
    named(form.files(true)),
  );
  return { ids: sessionIds(stored.sessionId), files: stored.files.map(wireOutcome) };
}

/** Names as paths below the workspace. Their form of Unicode stays: clients look for the very name they sent. */
async function* named(files: AsyncIterable<UploadFile>): AsyncGenerator<UploadFile> {
  for await (const file of files) yield { ...file, name: relativeName(file.name) };
}

async function refuseAll(files: AsyncIterable<UploadFile>, error: string): Promise<BatchFile[]> {
  const refused: BatchFile[] = [];
  for await (const { name: filename } of files) refused.push({ status: 'error', filename, error });
  return refused;
}

/** Runs `use` on a form whose first file has begun. Closes the connection of a client that still sends at the deadline. */
async function withForm<T>(
  services: UploadServices,
  request: FastifyRequest,
  reply: FastifyReply,
  use: (form: MultipartForm) => Promise<T>,
): Promise<T> {
  const { maxFileBytes, maxUploadFiles: maxFiles, uploadTimeoutMs: timeoutMs } = services;
  const form = new MultipartForm(request, { maxFileBytes, maxFiles, timeoutMs, early });
  try {
    if (!(await form.begin())) throw new DragomanError('invalid_request', { message: 'No files provided' });
    return await use(form);
  } finally {
    form.close();
    if (form.expired) reply.header('connection', 'close');
  }
}

function claims(form: MultipartForm) {
  const { fields } = form;
  const scope = fileScope({
    kind: fields.get('kind'),
    id: fields.get('id'),
    version: fields.get('version'),
    entityId: fields.get('entity_id'),
  });
  return { scope, readOnly: fields.get('read_only') === 'true' };
}

function wireOutcome(outcome: UploadOutcome): BatchFile {
  if (!('stored' in outcome)) return { status: 'error', filename: outcome.name, error: outcome.error };
  const { id, name } = outcome.stored;
  return { status: 'success', id, fileId: id, filename: name };
}
