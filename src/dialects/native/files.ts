import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError, type StoredFile, workspacePath } from '../../core/index.ts';
import { contentDisposition, type DialectContext, parse, sendFile } from '../../http/index.ts';
import { zipOf } from './archive.ts';
import { fileOperations as operations } from './operations/files.ts';
import { fileAnswer, toInput } from './translate.ts';
import { fileParams, fileReference, sessionParams } from './wire.ts';

const curlsType = 'application/x-www-form-urlencoded';

/** The files of a session's workspace, by their paths. */
export function fileRoutes(app: FastifyInstance, context: DialectContext): void {
  const { sessions, interpreter } = context;
  const idOf = (request: FastifyRequest) => parse(sessionParams, request.params).session_id;

  app.get(
    '/sessions/:session_id/files',
    { config: { rateClass: 'list', operation: operations.list } },
    async (request) => ({
      data: (await filesOf(request, idOf(request))).map(fileAnswer),
    }),
  );
  app.post(
    '/sessions/:session_id/files',
    { config: { rateClass: 'upload', operation: operations.copy } },
    async (request, reply) => {
      const source = toInput(parse(fileReference, request.body));
      workspacePath(source.path);
      const file = await sessions.copyFile(request.principal, idOf(request), source);
      return reply.code(201).send(fileAnswer(file));
    },
  );
  app.get(
    '/sessions/:session_id/files/*',
    { config: { rateClass: 'download', operation: operations.read } },
    async (request, reply) => {
      const { id, path } = place(request);
      const file = (await filesOf(request, id)).find(({ name }) => name === path);
      if (!file) throw new DragomanError('not_found', { message: 'File not found' });
      const etag = `"${file.digest}"`;
      reply.header('etag', etag).header('cache-control', 'private, no-cache');
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return sendFile(reply, await open(request, file), path.slice(path.lastIndexOf('/') + 1));
    },
  );
  app.delete(
    '/sessions/:session_id/files/*',
    { config: { rateClass: 'list', operation: operations.delete } },
    async (request, reply) => {
      const { id, path } = place(request);
      await sessions.removeFile(request.principal, id, path);
      return reply.code(204).send();
    },
  );
  app.get(
    '/sessions/:session_id/archive',
    { config: { rateClass: 'download', operation: operations.archive } },
    async (request, reply) => {
      const id = idOf(request);
      const files = await filesOf(request, id);
      return reply
        .header('content-type', 'application/zip')
        .header('content-disposition', contentDisposition(`${id}.zip`))
        .send(zipOf(files, async (file) => (await open(request, file)).content));
    },
  );

  app.register(async (scope) => {
    // A file is whatever its bytes are: JSON is not looked into.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    // A client that is still sending what was refused would not hear of it otherwise.
    scope.addHook('onSend', async (request) => void request.raw.resume());
    scope.put(
      '/sessions/:session_id/files/*',
      { config: { rateClass: 'upload', operation: operations.write } },
      async (request) => {
        const { id, path } = place(request);
        if (Number(request.headers['content-length']) > context.maxFileBytes) throw new DragomanError('too_large');
        // What curl says of any body it is given says nothing: the type then comes from the name.
        const said = request.headers['content-type'] ?? curlsType;
        const contentType = said === curlsType ? 'application/octet-stream' : said;
        const content = arriving(request.body as Readable | undefined);
        return fileAnswer(await sessions.putFile(request.principal, id, { name: path, contentType, content }));
      },
    );
  });

  /** The files of any stored session the caller may read: a live one, an upload, what an execution made. */
  async function filesOf({ principal }: FastifyRequest, id: string): Promise<readonly StoredFile[]> {
    try {
      return await sessions.files(principal, id);
    } catch (error) {
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
      return interpreter.listFiles(principal, id, { kind: 'user' });
    }
  }

  function place(request: FastifyRequest): { id: string; path: string } {
    const { '*': path, ...params } = request.params as Record<string, string>;
    const parsed = parse(fileParams, { ...params, path });
    return { id: parsed.session_id, path: workspacePath(parsed.path) };
  }

  function open(request: FastifyRequest, { sessionId, id: fileId }: StoredFile) {
    return interpreter.openFile(request.principal, { sessionId, fileId, scope: { kind: 'user' } });
  }
}

/** The bytes of a body as they arrive. @throws DragomanError cancelled when the client leaves in the middle */
async function* arriving(body: Readable | undefined): AsyncGenerator<Uint8Array> {
  if (!body) return;
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } catch (cause) {
    throw new DragomanError('cancelled', { cause });
  }
}
