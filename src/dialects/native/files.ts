import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { clientPath, DragomanError, type Principal, type StoredFile } from '../../core/index.ts';
import { addRoute, contentDisposition, type RangeOf, requestedRange, sendFile } from '../../http/index.ts';
import { zipOf } from './archive.ts';
import { fileRoutes as routes } from './contract/files.ts';
import { acceptedForm, previewEnding, sendPreview } from './previews.ts';
import type { NativeServices } from './services.ts';
import { fileAnswer, toInput } from './translate.ts';

const curlsType = 'application/x-www-form-urlencoded';

type FileServices = Pick<NativeServices, 'sessions' | 'storedFiles' | 'previews' | 'maxFileBytes'>;

/** The files of a session's workspace, by path. */
export function addFileRoutes(app: FastifyInstance, services: FileServices): void {
  const { sessions, storedFiles, previews } = services;

  addRoute(app, routes.list, async ({ params }, { principal }) => ({
    data: (await filesOf(principal, params.session_id)).map(fileAnswer),
  }));
  addRoute(app, routes.copy, async ({ params, body }, { principal }, reply) => {
    const source = toInput(body);
    const file = await sessions.copyFile(principal, params.session_id, source);
    return reply.code(201).send(fileAnswer(file));
  });
  addRoute(app, routes.read, async ({ params: { session_id: id, path }, query }, request, reply) => {
    const files = await filesOf(request.principal, id);
    const file = fileAt(files, path);
    const previewed =
      file ?? (path.endsWith(previewEnding) ? fileAt(files, path.slice(0, -previewEnding.length)) : undefined);
    if (!previewed) throw new DragomanError('not_found', { message: 'File not found' });
    if (query.preview || !file) {
      const form = query.preview ?? query.form ?? acceptedForm(request.headers.accept);
      return sendPreview(previews, previewed, form, query, request, reply);
    }
    const wanted = clientPath(path);
    const etag = `"${file.digest}"`;
    reply.header('etag', etag).header('cache-control', 'private, no-cache');
    if (request.headers['if-none-match'] === etag) return reply.code(304).send();
    return sendFile(
      reply,
      await open(request.principal, file, requestedRange(request)),
      wanted.slice(wanted.lastIndexOf('/') + 1),
    );
  });
  addRoute(app, routes.delete, async ({ params: { session_id: id, path } }, { principal }, reply) => {
    await sessions.removeFile(principal, id, clientPath(path));
    return reply.code(204).send();
  });
  addRoute(app, routes.archive, async ({ params: { session_id: id } }, { principal }, reply) => {
    const files = await filesOf(principal, id);
    return reply
      .header('content-type', 'application/zip')
      .header('content-disposition', contentDisposition(`${id}.zip`))
      .send(zipOf(files, async (file) => (await open(principal, file)).content));
  });
  app.register(async (scope) => addWriteRoute(scope, services));

  /** The files of any stored session that the caller may read: a live one, an upload, an execution's. */
  async function filesOf(principal: Principal, id: string): Promise<readonly StoredFile[]> {
    try {
      return await sessions.files(principal, id);
    } catch (error) {
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
      return storedFiles.list(principal, id, { kind: 'unclaimed' });
    }
  }

  function open(principal: Principal, { sessionId, id: fileId }: StoredFile, range?: RangeOf) {
    return storedFiles.open(principal, { sessionId, fileId, scope: { kind: 'unclaimed' } }, range);
  }
}

/** The file at a path as it was given, or as its name is usually written. @throws DragomanError invalid_request for what is no path */
function fileAt(files: readonly StoredFile[], path: string): StoredFile | undefined {
  const wanted = clientPath(path);
  return files.find(({ name }) => name === path) ?? files.find(({ name }) => name.normalize('NFC') === wanted);
}

/** In a scope of its own, because it takes bodies of any type as bytes: JSON is not parsed. */
function addWriteRoute(scope: FastifyInstance, { sessions, maxFileBytes }: FileServices): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  // A client that still sends would not read a refusal before its body is consumed.
  scope.addHook('onSend', async (request) => void request.raw.resume());
  addRoute(scope, routes.write, async ({ params: { session_id: id, path } }, { principal, headers, body }) => {
    const name = clientPath(path);
    if (Number(headers['content-length']) > maxFileBytes) throw new DragomanError('too_large');
    // curl sends this type for every body, so it says nothing: the type then comes from the name.
    const said = headers['content-type'] ?? curlsType;
    const contentType = said === curlsType ? 'application/octet-stream' : said;
    const content = arriving(body as Readable | undefined);
    return fileAnswer(await sessions.putFile(principal, id, { name, contentType, content }));
  });
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
