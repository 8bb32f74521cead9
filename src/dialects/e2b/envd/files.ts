import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError, type FileEntry, type Principal } from '../../../core/index.ts';
import { addRoute, MultipartForm, parse } from '../../../http/index.ts';
import { toOwnPath, toSandboxPath } from '../../sandboxes/paths.ts';
import { fileRoutes as routes } from '../contract.ts';
import { WireError } from '../errors.ts';
import { type Reached, reach } from '../reach.ts';
import type { E2BServices } from '../services.ts';
import { filesQuery } from '../wire.ts';
import { signedSandbox } from './signatures.ts';

/** The sandboxes of requests that a signature let in: their addresses may hold no id. */
const signed = new WeakMap<IncomingMessage, string>();

/** Lets in a request for files whose address is signed; undefined when it is not. @throws DragomanError unauthorized */
export async function ownerBySignature(services: E2BServices, request: FastifyRequest): Promise<Principal | undefined> {
  const query = parse(filesQuery, request.query);
  if (query.signature === undefined) return undefined;
  const operation = request.method === 'POST' ? 'write' : 'read';
  const { sandbox_id: id } = request.params as { sandbox_id: string };
  const found = await signedSandbox(services, id, operation, { ...query, signature: query.signature });
  signed.set(request.raw, found);
  return (await reach(services, found)).owner;
}

/** Uploads and downloads. */
export function addFileRoutes(app: FastifyInstance, services: E2BServices): void {
  const { sandboxFiles: files, maxFileBytes, maxUploadFiles, uploadTimeoutMs } = services;
  const reached = (request: FastifyRequest, id: string) => reach(services, signed.get(request.raw) ?? id);

  addRoute(app, routes.download, async ({ params, query: { path = '', username } }, request, reply) => {
    checkUserName(username);
    const { owner, info } = await reached(request, params.sandbox_id);
    const { size, content } = await files.read(owner, info.id, toSandboxPath(path)).catch(explained(path));
    reply.raw.once('close', () => content.destroy());
    reply.header('content-type', 'application/octet-stream').header('content-disposition', 'attachment');
    if (size !== null) reply.header('content-length', size);
    return reply.send(content);
  });

  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    await scope.register(multipart, { preservePath: true, throwFileSizeLimit: false });
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    // A client that still sends would not read a refusal before its body is consumed.
    scope.addHook('onSend', async (request) => void request.raw.resume());
    addRoute(scope, routes.upload, async ({ params, query: { path, username } }, request) => {
      checkUserName(username);
      const at = await reached(request, params.sandbox_id);
      if (request.isMultipart()) return fromForm(request, at, path);
      if (path === undefined) throw new WireError(400, 'path: it says which file the bytes are');
      return [written(await write(at, path, bytesOf(request, maxFileBytes)), path)];
    });
  });

  function write({ owner, info }: Reached, path: string, content: AsyncIterable<Uint8Array>): Promise<FileEntry> {
    return files.write(owner, info.id, toSandboxPath(path), content).catch(explained(path));
  }

  /** Every part is a file. Without a path of the address, the name of each part is the whole path of its file. */
  async function fromForm(request: FastifyRequest, at: Reached, path: string | undefined) {
    const limits = { maxFileBytes, maxFiles: maxUploadFiles, timeoutMs: uploadTimeoutMs };
    const form = new MultipartForm(request, limits);
    try {
      if (!(await form.begin())) throw new WireError(400, 'the form holds no file');
      const made: object[] = [];
      for await (const { name, content } of form.files(false)) {
        if (path !== undefined && made.length > 0)
          throw new WireError(400, 'path: it names one file, and the form holds several');
        const target = path ?? name;
        if (target === '') throw new WireError(400, 'a file of the form has no name');
        made.push(written(await write(at, target, content as AsyncIterable<Uint8Array>), target));
      }
      return made;
    } finally {
      form.close();
    }
  }
}

const written = (entry: FileEntry, asked: string) => ({
  name: entry.name,
  type: 'file',
  path: toOwnPath(entry.path, asked),
});

/** There is one user. */
function checkUserName(name: string | undefined): void {
  if (name !== undefined && name !== '' && name !== 'user')
    throw new DragomanError('unauthorized', { message: `invalid username: '${name.slice(0, 64)}'` });
}

const explained =
  (path: string) =>
  (error: unknown): never => {
    if (error instanceof DragomanError && error.code === 'not_found')
      throw new WireError(404, `path '${path.slice(0, 512)}' does not exist`);
    throw error;
  };

/** The bytes of a body, unpacked, as they arrive. @throws DragomanError too_large; invalid_request for a packing that is none */
async function* bytesOf({ body, headers }: FastifyRequest, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (!body) return;
  const coding = headers['content-encoding'] ?? 'identity';
  if (coding !== 'identity' && coding !== 'gzip')
    throw new DragomanError('invalid_request', { message: 'the body may be packed by gzip alone' });
  const source = body as Readable;
  const bytes = coding === 'gzip' ? source.pipe(createGunzip()) : source;
  const gone = (error: Error) => void bytes.destroy(error);
  source.once('error', gone);
  let length = 0;
  try {
    for await (const chunk of bytes.iterator({ destroyOnReturn: false })) {
      length += chunk.length;
      // However small it was when packed.
      if (length > maxBytes) throw new DragomanError('too_large');
      yield chunk;
    }
  } catch (cause) {
    if (cause instanceof DragomanError) throw cause;
    const isPacked = coding === 'gzip' && String((cause as { code?: unknown }).code).startsWith('Z_');
    throw new DragomanError(isPacked ? 'invalid_request' : 'cancelled', {
      ...(isPacked ? { message: 'the body is not packed by gzip' } : {}),
      cause,
    });
  } finally {
    source.off('error', gone);
    if (bytes !== source) {
      source.unpipe();
      bytes.destroy();
      source.on('error', () => {}).resume();
    }
  }
}
