import { buffer } from 'node:stream/consumers';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DragomanError, type Principal, type StoredFile, workspacePath } from '../../core/index.ts';
import { contentDisposition, type JsonParser, parse, requestedRange, sendFile } from '../../http/index.ts';
import {
  below,
  emptyNotebook,
  fileModel,
  folderMark,
  folderModel,
  freeName,
  isHidden,
  isNotebook,
  nameOf,
} from './contents-model.ts';
import type { Home } from './home.ts';
import type { Kernels } from './kernels.ts';
import { serve } from './route.ts';
import type { JupyterServices } from './services.ts';
import { type Fields, isFields } from './wire.ts';

/** A larger file is not read into an answer: its bytes are below `/files`. */
const maxShownBytes = 64 * 1024 * 1024;
const checkpointId = 'checkpoint';

const word = z.string().max(1000);
const saving = z.object({
  type: word.nullish(),
  format: word.nullish(),
  content: z.unknown().optional(),
  chunk: z.number().nullish(),
});
const making = z.object({ type: word.nullish(), ext: word.nullish(), copy_from: word.nullish() });
const renaming = z.object({ path: word });

interface ContentsParts {
  readonly kernels: Kernels;
  readonly services: JupyterServices;
  readonly parser: JsonParser;
  readonly prefix: string;
  readonly isHome: boolean;
}

/** The files of a key's home, as Jupyter's contents; where there is no home they are an empty folder. */
export function addContents(app: FastifyInstance, parts: ContentsParts): void {
  const { services, prefix, isHome } = parts;
  const base = `${prefix}/api/contents`;
  for (const url of [base, `${base}/`, `${base}/*`]) {
    serve(app, { method: 'GET', url, rateClass: 'list' }, async (request, reply) => {
      const path = pathOf(request);
      const home = await homeOf(request.principal);
      if (!home) return empty(path);
      const about = checkpointOf(path);
      if (about) {
        const file = await home.file(checkpointPath(about.path));
        return file ? [checkpointModel(file)] : [];
      }
      return read(parts, home, path, request, reply);
    });
    serve(app, { method: 'POST', url, rateClass: 'upload' }, async (request, reply) => {
      const home = required(await homeOf(request.principal));
      const path = pathOf(request);
      const about = checkpointOf(path);
      if (about?.id !== undefined) {
        const file = found(await home.file(checkpointPath(about.path)));
        await home.copy(file, about.path);
        return reply.code(204).send();
      }
      if (about) {
        const kept = await home.copy(found(await home.file(about.path)), checkpointPath(about.path));
        return reply.code(201).send(checkpointModel(kept));
      }
      const model = await make(home, path, parse(making, request.body ?? {}));
      return reply
        .code(201)
        .header('location', `${base}/${encodeURI(String(model.path))}`)
        .send(model);
    });
    serve(app, { method: 'PUT', url, rateClass: 'upload' }, async (request, reply) => {
      const home = required(await homeOf(request.principal));
      const { isNew, model } = await save(services, home, named(pathOf(request)), parse(saving, request.body ?? {}));
      if (isNew) reply.header('location', `${base}/${encodeURI(String(model.path))}`);
      return reply.code(isNew ? 201 : 200).send(model);
    });
    serve(app, { method: 'PATCH', url, rateClass: 'upload' }, async (request) => {
      const home = required(await homeOf(request.principal));
      return rename(
        home,
        named(pathOf(request)),
        named(clean(parse(renaming, request.body ?? {}).path)),
        services.now(),
      );
    });
    serve(app, { method: 'DELETE', url, rateClass: 'list' }, async (request, reply) => {
      const home = required(await homeOf(request.principal));
      const path = named(pathOf(request));
      const about = checkpointOf(path);
      await remove(home, about ? checkpointPath(about.path) : path);
      return reply.code(204).send();
    });
  }
  serve(app, { method: 'GET', url: `${prefix}/files/*`, rateClass: 'download' }, async (request, reply) => {
    const home = await homeOf(request.principal);
    const file = found(home && (await home.file(named(pathOf(request)))));
    const opened = await open(services, request.principal, file, request);
    reply.header('content-security-policy', 'sandbox').header('referrer-policy', 'no-referrer');
    sendFile(reply, opened, nameOf(file.name));
    const { download } = request.query as { download?: string };
    if (download === undefined || download === '0') reply.removeHeader('content-disposition');
    else reply.header('content-disposition', contentDisposition(nameOf(file.name)));
    return reply;
  });

  async function homeOf(principal: Principal): Promise<Home | undefined> {
    return isHome ? (await parts.kernels.desk(principal, true)).home : undefined;
  }
  function empty(path: string): Fields {
    const model = folderModel(path, [], { withContent: true, isWritable: false, now: services.now() });
    if (!model) throw missing();
    return model;
  }
}

async function read(
  { services, parser }: ContentsParts,
  home: Home,
  path: string,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const query = request.query as Record<string, string | undefined>;
  const withContent = query.content !== '0';
  const files = await home.files();
  const file = files.find(({ name }) => name === path);
  if (path !== '' && isHidden(path)) throw missing();
  if (!file || query.type === 'directory') {
    const model = folderModel(path, files, { withContent, isWritable: true, now: services.now() });
    if (model && query.type && query.type !== 'directory')
      throw new DragomanError('invalid_request', { message: 'It is a folder.' });
    if (file) throw new DragomanError('invalid_request', { message: 'It is no folder.' });
    if (!model) throw missing();
    return model;
  }
  const model = fileModel(file, query.hash === '1');
  if (!withContent) return model;
  if (file.size > maxShownBytes)
    throw new DragomanError('too_large', { message: `The file is too large to show: read it at ../files/${path}.` });
  const { content } = await open(services, request.principal, file);
  const bytes = await buffer(content);
  reply.header('last-modified', new Date(file.createdAt).toUTCString());
  if (query.type === 'notebook' || (isNotebook(path) && query.type !== 'file')) {
    const notebook = await parser.parse(bytes, request.principal.id).catch(() => undefined);
    if (!isFields(notebook)) throw new DragomanError('invalid_request', { message: 'It is no notebook.' });
    return { ...model, type: 'notebook', content: notebook, format: 'json' };
  }
  const text = query.format === 'base64' ? undefined : utf8(bytes);
  if (text === undefined && query.format === 'text')
    throw new DragomanError('invalid_request', { message: 'It is not UTF-8 text.' });
  const mimetype =
    text === undefined ? file.contentType : /^text\//.test(file.contentType) ? file.contentType : 'text/plain';
  if (text !== undefined) return { ...model, type: 'file', content: text, format: 'text', mimetype };
  return { ...model, type: 'file', content: bytes.toString('base64'), format: 'base64', mimetype };
}

async function make(
  home: Home,
  folder: string,
  { type, ext, copy_from: from }: z.infer<typeof making>,
): Promise<Fields> {
  const files = await home.files();
  if (folder !== '' && below(folder, files).length === 0) throw missing();
  if (from) {
    const source = found(files.find(({ name }) => name === clean(from)));
    const [, stem = '', ending = ''] = /^(.*?)((?:\.[^./]*)?)$/.exec(nameOf(source.name)) ?? [];
    const path = workspacePath(freeName(folder, `${stem}-Copy1`, ending, files, '-'));
    return fileModel(await home.copy(source, path));
  }
  if (type === 'directory') {
    const path = workspacePath(freeName(folder, 'Untitled Folder', '', files, ' '));
    return makeFolder(home, path);
  }
  if (type === 'notebook') {
    const path = workspacePath(freeName(folder, 'Untitled', '.ipynb', files));
    return fileModel(await home.put(upload(path, Buffer.from(JSON.stringify(emptyNotebook, null, 1)))));
  }
  const ending = ext && /^\.[A-Za-z0-9]{1,20}$/.test(ext) ? ext : '.txt';
  return fileModel(await home.put(upload(workspacePath(freeName(folder, 'untitled', ending, files)), Buffer.alloc(0))));
}

async function save(
  services: JupyterServices,
  home: Home,
  path: string,
  { type, format, content, chunk }: z.infer<typeof saving>,
): Promise<{ isNew: boolean; model: Fields }> {
  const files = await home.files();
  const before = files.find(({ name }) => name === path);
  if (type === 'directory') {
    if (before) throw new DragomanError('conflict', { message: 'There is a file of this name.' });
    const there = folderModel(path, files, { withContent: false, isWritable: true, now: services.now() });
    return there ? { isNew: false, model: there } : { isNew: true, model: await makeFolder(home, path) };
  }
  const bytes = bytesOf(type ?? 'file', format ?? undefined, content);
  const isNext = typeof chunk === 'number' && chunk !== 1;
  if (isNext && !before) throw new DragomanError('conflict', { message: 'The first piece of the file is missing.' });
  const earlier = isNext && before ? (await home.open(before)).content : undefined;
  const stored = await home.put(upload(path, bytes, earlier));
  return { isNew: before === undefined, model: fileModel(stored) };
}

function bytesOf(type: string, format: string | undefined, content: unknown): Buffer {
  if (type === 'notebook' || format === 'json') {
    if (type === 'notebook' && !isFields(content))
      throw new DragomanError('invalid_request', { message: 'content: a notebook is an object.' });
    return Buffer.from(JSON.stringify(content, null, 1));
  }
  if (typeof content !== 'string')
    throw new DragomanError('invalid_request', { message: 'content: expected a text, or base64 with format base64.' });
  if (format === 'base64' && !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(content))
    throw new DragomanError('invalid_request', { message: 'content: it is no base64.' });
  return Buffer.from(content, format === 'base64' ? 'base64' : 'utf8');
}

async function rename(home: Home, from: string, to: string, now: number): Promise<Fields> {
  const files = await home.files();
  if (files.some(({ name }) => name === to || name.startsWith(`${to}/`)))
    throw new DragomanError('conflict', { message: `There is something at ${to}.` });
  const file = files.find(({ name }) => name === from);
  if (file) {
    const moved = await home.copy(file, to);
    await home.remove(from);
    return fileModel(moved);
  }
  const inside = below(from, files);
  if (inside.length === 0) throw missing();
  if (to.startsWith(`${from}/`))
    throw new DragomanError('invalid_request', { message: 'A folder cannot be in itself.' });
  for (const each of inside) workspacePath(to + each.name.slice(from.length));
  for (const each of inside) {
    await home.copy(each, to + each.name.slice(from.length));
    await home.remove(each.name);
  }
  return folderModel(to, await home.files(), { withContent: false, isWritable: true, now })!;
}

async function remove(home: Home, path: string): Promise<void> {
  const files = await home.files();
  if (files.some(({ name }) => name === path)) return home.remove(path);
  const inside = below(path, files);
  if (inside.length === 0) throw missing();
  if (inside.some(({ name }) => !isHidden(name.slice(path.length + 1))))
    throw new DragomanError('invalid_request', { message: 'The folder is not empty.' });
  for (const { name } of inside) await home.remove(name);
}

async function makeFolder(home: Home, path: string): Promise<Fields> {
  const mark = await home.put(upload(workspacePath(`${path}/${folderMark}`), Buffer.alloc(0)));
  return folderModel(path, [mark], { withContent: false, isWritable: true, now: mark.createdAt })!;
}

function upload(name: string, bytes: Buffer, earlier?: AsyncIterable<Uint8Array>) {
  async function* content() {
    if (earlier) yield* earlier;
    yield bytes;
  }
  return { name, contentType: 'application/octet-stream', content: content() };
}

function open({ storedFiles }: JupyterServices, principal: Principal, file: StoredFile, request?: FastifyRequest) {
  const ref = { sessionId: file.sessionId, fileId: file.id, scope: { kind: 'user' } } as const;
  return storedFiles.open(principal, ref, request && requestedRange(request));
}

/** A path of an address; the home itself is ''. @throws DragomanError invalid_request */
function pathOf({ params }: FastifyRequest): string {
  return clean((params as Record<string, string | undefined>)['*'] ?? '');
}

function clean(path: string): string {
  const bare = path.replace(/^\/+|\/+$/g, '');
  return bare === '' ? '' : workspacePath(bare);
}

function named(path: string): string {
  if (path === '') throw new DragomanError('invalid_request', { message: 'The home itself cannot be changed.' });
  return path;
}

function checkpointOf(path: string): { path: string; id?: string } | undefined {
  const [, file, id] = /^(.+)\/checkpoints(?:\/([^/]+))?$/.exec(path) ?? [];
  return file === undefined ? undefined : { path: file, ...(id === undefined ? {} : { id }) };
}

/** Where Jupyter keeps them, too. */
function checkpointPath(path: string): string {
  const name = nameOf(path);
  const folder = path.slice(0, path.length - name.length);
  const at = name.lastIndexOf('.');
  const [stem, ending] = at > 0 ? [name.slice(0, at), name.slice(at)] : [name, ''];
  return workspacePath(`${folder}.ipynb_checkpoints/${stem}-checkpoint${ending}`);
}

function checkpointModel(file: StoredFile): Fields {
  return { id: checkpointId, last_modified: new Date(file.createdAt).toISOString() };
}

function utf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw missing();
  return value;
}

function required(home: Home | undefined): Home {
  if (home) return home;
  throw new DragomanError('forbidden', {
    message: 'Kernels at this address have no files in common: use the address that ends with /home.',
  });
}

function missing(): DragomanError {
  return new DragomanError('not_found', { message: 'No such file or directory.' });
}
