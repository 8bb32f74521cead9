import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { refOf } from '../../../assistant/index.ts';
import { requestedRange, sendFile } from '../../../http/index.ts';
import { toOwn, wireId } from '../ids.ts';
import { listPage, pageOf } from '../lists.ts';
import { parse } from '../parse.ts';
import type { OpenAIServices } from '../services.ts';
import { withForm } from '../uploads.ts';
import { operations } from './operations.ts';
import { contentParams, fileObject, fileParams, filesQuery, uploadFields } from './wire.ts';

/** `/v1/files`. `GET /files/{id}` of another shape of id is LibreChat's. */
export function fileRoutes(app: FastifyInstance, context: OpenAIServices): void {
  const { storedFiles, assistant } = context;
  const userFiles = assistant.files;
  const listing = { rateClass: 'list' } as const;

  app.post('/files', { config: { rateClass: 'upload', operation: operations.createFile } }, (request, reply) =>
    upload(context, request, reply),
  );

  app.get('/files', { config: { ...listing, operation: operations.listFiles } }, async (request) => {
    const { purpose, limit = 10_000, ...query } = parse(filesQuery, request.query);
    const { after, ...page } = pageOf({ ...query, limit });
    const cursor = after && toOwn('file', after);
    const { files, more } = await userFiles.list(request.principal, { ...page, after: cursor, purpose });
    return listPage(files.map(fileObject), more);
  });

  app.get('/files/file-:suffix', { config: { ...listing, operation: operations.getFile } }, async (request) =>
    fileObject(await userFiles.find(request.principal, ownIdOf(request), 'id')),
  );

  app.get(
    '/files/:file/content',
    { config: { rateClass: 'download', operation: operations.fileContent } },
    async (request, reply) => {
      const { principal } = request;
      const { file } = parse(contentParams, request.params);
      const found = await userFiles.find(principal, toOwn('file', file), 'id');
      return sendFile(reply, await storedFiles.open(principal, refOf(found), requestedRange(request)));
    },
  );

  app.delete('/files/file-:suffix', { config: { ...listing, operation: operations.deleteFile } }, async (request) => {
    const id = ownIdOf(request);
    await userFiles.delete(request.principal, id);
    return { id: wireId('file', id), object: 'file', deleted: true };
  });
}

function ownIdOf(request: FastifyRequest): string {
  return toOwn('file', `file-${parse(fileParams, request.params).suffix}`);
}

async function upload(context: OpenAIServices, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  return withForm(context, request, reply, async ({ fields, files }) => {
    const described = () => {
      const { purpose, 'expires_after[seconds]': life } = parse(uploadFields, Object.fromEntries(fields));
      return { purpose, ...(life === undefined ? {} : { lifeMs: life * 1000 }) };
    };
    return fileObject(await context.assistant.files.create(request.principal, files, described));
  });
}
