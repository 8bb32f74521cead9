import { matchesGlob, relative } from 'node:path/posix';
import multipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import { DragomanError, type FileEntry, type Principal } from '../../core/index.ts';
import { addRoute, MultipartForm, parse } from '../../http/index.ts';
import { sandboxOf } from '../sandboxes/list.ts';
import { toOwnPath, toSandboxPath } from '../sandboxes/paths.ts';
import { fileRoutes as routes } from './contract.ts';
import { invalid, noSandbox, WireError } from './errors.ts';
import { face, isoTime } from './sandbox.ts';
import type { OpenSandboxServices } from './services.ts';
import { uploadMetadata } from './wire.ts';

const maxMetadataBytes = 4096;
/** How deep a search goes. */
const searchDepth = 50;

/** Files at any path of a sandbox. */
export function addFileRoutes(app: FastifyInstance, services: OpenSandboxServices): void {
  const { sessions, sandboxFiles: files } = services;
  const find = async (principal: Principal, id: string) =>
    (await sandboxOf(sessions, principal, face, id, noSandbox)).id;

  app.register(async (scope) => addUploadRoute(scope, services, find));
  addRoute(app, routes.download, async ({ params, query: { path, offset, limit } }, { principal, headers }, reply) => {
    const id = await find(principal, params.sandbox_id);
    const range =
      rangeOf(headers.range) ?? (offset === undefined && limit === undefined ? undefined : bytesFrom(offset, limit));
    const { entry, size, content } = await files.read(principal, id, toSandboxPath(path), range).catch(explained(path));
    reply.raw.once('close', () => content.destroy());
    if (size !== null) reply.header('content-length', size);
    if (range && size !== null)
      reply
        .code(206)
        .header('content-range', `bytes ${range.start}-${range.start + Math.max(0, size - 1)}/${entry.size}`);
    return reply.type('application/octet-stream').send(content);
  });
  addRoute(app, routes.info, async ({ params, query }, { principal }) => {
    const id = await find(principal, params.sandbox_id);
    const told: Record<string, object> = {};
    for (const path of query.path)
      told[path] = infoOf(await files.stat(principal, id, toSandboxPath(path)).catch(explained(path)), path);
    return told;
  });
  for (const route of [routes.delete, routes.deleteDirectories])
    addRoute(app, route, async ({ params, query }, { principal }, reply) => {
      const id = await find(principal, params.sandbox_id);
      for (const path of query.path) {
        const at = toSandboxPath(path);
        const { kind } = await files.stat(principal, id, at).catch(explained(path));
        if (route === routes.delete && kind === 'directory') throw invalid(`${path.slice(0, 512)} is a directory`);
        await files.remove(principal, id, at).catch(explained(path));
      }
      return reply.code(200).send();
    });
  addRoute(app, routes.move, async ({ params, body }, { principal }, reply) => {
    const id = await find(principal, params.sandbox_id);
    for (const { src, dest } of body)
      await files.move(principal, id, toSandboxPath(src), toSandboxPath(dest)).catch(explained(src));
    return reply.code(200).send();
  });
  addRoute(app, routes.makeDirectories, async ({ params, body }, { principal }, reply) => {
    const id = await find(principal, params.sandbox_id);
    for (const path of Object.keys(body))
      await files.makeDirectory(principal, id, toSandboxPath(path)).catch((error) => {
        if (!(error instanceof DragomanError) || error.code !== 'conflict') throw error;
      });
    return reply.code(200).send();
  });
  addRoute(app, routes.listDirectory, async ({ params, query: { path, depth } }, { principal }) => {
    const id = await find(principal, params.sandbox_id);
    const { entries } = await files.list(principal, id, toSandboxPath(path), depth).catch(explained(path));
    return entries.map((entry) => infoOf(entry, path));
  });
  addRoute(app, routes.search, async ({ params, query: { path, pattern } }, { principal }) => {
    const id = await find(principal, params.sandbox_id);
    const { entries } = await files.list(principal, id, toSandboxPath(path), searchDepth).catch(explained(path));
    const all = entries.map((entry) => infoOf(entry, path));
    const root = toOwnPath(toSandboxPath(path), path);
    return all.filter(
      ({ type, path: found }) =>
        type === 'file' &&
        (matchesGlob(relative(root, found), pattern) || matchesGlob(found.slice(found.lastIndexOf('/') + 1), pattern)),
    );
  });
}

/** Pairs of parts: what a file is to be, then the file. In a scope of its own, for its bodies. */
async function addUploadRoute(
  scope: FastifyInstance,
  { sandboxFiles: files, maxFileBytes, maxUploadFiles, uploadTimeoutMs }: OpenSandboxServices,
  find: (principal: Principal, id: string) => Promise<string>,
): Promise<void> {
  await scope.register(multipart, { preservePath: true, throwFileSizeLimit: false });
  scope.addHook('onSend', async (request) => void request.raw.resume());
  addRoute(scope, routes.upload, async ({ params }, request, reply) => {
    const { principal } = request;
    const id = await find(principal, params.sandbox_id);
    const form = new MultipartForm(request, { maxFileBytes, maxFiles: 2 * maxUploadFiles, timeoutMs: uploadTimeoutMs });
    try {
      if (!(await form.begin())) throw invalid('the form holds no file');
      let metadata = form.fields.get('metadata');
      for await (const { name, content } of form.files(false)) {
        const bytes = content as AsyncIterable<Uint8Array>;
        if (metadata === undefined && name === 'metadata') {
          metadata = await textOf(bytes);
          continue;
        }
        const { path, mode } = metadataOf(metadata ?? form.fields.get('metadata'));
        metadata = undefined;
        form.fields.delete('metadata');
        await files.write(principal, id, toSandboxPath(path), bytes, mode).catch(explained(path));
      }
      return reply.code(200).send();
    } finally {
      form.close();
    }
  });
}

/** @throws DragomanError invalid_request */
function metadataOf(text: string | undefined) {
  if (text === undefined) throw invalid('metadata: each file needs a part before it that says where it goes');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid('metadata: no JSON');
  }
  const { path, mode } = parse(uploadMetadata, value);
  // Decimal digits that are meant as octal ones.
  return { path, mode: mode ? Number.parseInt(String(mode), 8) : undefined };
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of bytes) {
    length += part.length;
    if (length > maxMetadataBytes) throw invalid('metadata: too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

const explained =
  (path: string) =>
  (error: unknown): never => {
    if (error instanceof DragomanError && error.code === 'not_found')
      throw new WireError(404, 'FILE_NOT_FOUND', `${path.slice(0, 512)} does not exist.`);
    throw error;
  };

function bytesFrom(offset = 0, limit?: number) {
  return limit === undefined ? { start: offset } : { start: offset, end: offset + Math.max(1, limit) - 1 };
}

function rangeOf(header: string | undefined): { start: number; end?: number } | undefined {
  const [, start, end] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (start === undefined) return undefined;
  return end ? { start: Number(start), end: Number(end) } : { start: Number(start) };
}

function infoOf(entry: FileEntry, asked: string) {
  const time = isoTime(entry.modifiedAt);
  return {
    path: toOwnPath(entry.path, asked),
    size: entry.size,
    // A tmpfs does not tell when a file was made.
    ...{ modified_at: time, created_at: time },
    owner: entry.user,
    group: entry.group,
    mode: Number((entry.mode & 0o777).toString(8)),
    type: entry.kind,
  };
}
