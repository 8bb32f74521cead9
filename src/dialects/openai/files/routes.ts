import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError } from '../../../core/index.ts';
import { type DialectContext, sendFile } from '../../../http/index.ts';
import { ownDocuments } from '../documents.ts';
import { ownId, wireId } from '../ids.ts';
import { listPage, pageOf } from '../lists.ts';
import { parse } from '../parse.ts';
import { withForm } from '../uploads.ts';
import { operations } from './operations.ts';
import { type FileBody, fileKind, fileObject, findFile, recordOf, refOf } from './records.ts';
import { contentParams, fileParams, filesQuery, uploadFields } from './wire.ts';

/** `/v1/files`. `GET /files/{id}` of another shape of id is LibreChat's. */
export function fileRoutes(app: FastifyInstance, context: DialectContext): void {
  const { interpreter, documents } = context;
  const listing = { rateClass: 'list' } as const;

  app.post('/files', { config: { rateClass: 'upload', operation: operations.createFile } }, (request, reply) =>
    upload(context, request, reply),
  );

  app.get('/files', { config: { ...listing, operation: operations.listFiles } }, async (request) => {
    const { purpose, limit = 10_000, ...query } = parse(filesQuery, request.query);
    const { after, ...page } = pageOf({ ...query, limit });
    const cursor = after && (ownId('file', after) ?? '');
    const found = await ownDocuments(context, request.principal, fileKind, { ...page, after: cursor, name: purpose });
    return listPage(found.documents.map(recordOf).map(fileObject), found.more);
  });

  app.get('/files/file-:suffix', { config: { ...listing, operation: operations.getFile } }, async (request) => {
    const record = await findFile(context, request.principal, idOf(request));
    return fileObject(record);
  });

  app.get(
    '/files/:file/content',
    { config: { rateClass: 'download', operation: operations.fileContent } },
    async (request, reply) => {
      const { file } = parse(contentParams, request.params);
      const record = await findFile(context, request.principal, file);
      return sendFile(reply, await interpreter.openFile(request.principal, refOf(record)));
    },
  );

  app.delete('/files/file-:suffix', { config: { ...listing, operation: operations.deleteFile } }, async (request) => {
    const record = await findFile(context, request.principal, idOf(request));
    await unlessGone(interpreter.deleteFile(request.principal, refOf(record)));
    await documents.delete(fileKind, record.sessionId);
    return { id: wireId('file', record.sessionId), object: 'file', deleted: true };
  });
}

function idOf(request: FastifyRequest): string {
  return `file-${parse(fileParams, request.params).suffix}`;
}

async function upload(context: DialectContext, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  const { interpreter, documents, retentionMs } = context;
  const { principal } = request;
  return withForm(context, request, reply, async ({ fields, files }) => {
    const scope = { kind: 'user' } as const;
    const { sessionId, files: outcomes } = await interpreter.upload(
      principal,
      { scope, readOnly: false, partial: false },
      files,
    );
    const [outcome] = outcomes;
    if (!outcome || !('stored' in outcome)) throw new DragomanError('internal');
    const { id: fileId, name: filename, size: bytes, createdAt } = outcome.stored;
    try {
      const { purpose, 'expires_after[seconds]': life } = parse(uploadFields, Object.fromEntries(fields));
      const body: FileBody = { fileId, filename, bytes, purpose };
      const expiresAt = createdAt + Math.min(retentionMs, life === undefined ? Infinity : life * 1000);
      const { tenant, id: principalId } = principal;
      const document = {
        kind: fileKind,
        id: sessionId,
        tenant,
        principalId,
        name: purpose,
        createdAt,
        expiresAt,
        body,
      };
      await documents.put(document);
      return fileObject(recordOf(document));
    } catch (error) {
      await unlessGone(interpreter.deleteFile(principal, refOf({ sessionId, fileId })));
      throw error;
    }
  });
}

/** What is gone already needs no removing. */
async function unlessGone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
  }
}
