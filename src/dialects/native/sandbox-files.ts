import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { DragomanError, type FileChange } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, contentDisposition, type Frame, sendEvents } from '../../http/index.ts';
import { entryAnswer } from './command-wire.ts';
import { sandboxFileRoutes as routes } from './contract/sandbox-files.ts';
import type { NativeServices } from './services.ts';

type FileServices = Pick<NativeServices, 'sandboxFiles' | 'maxFileBytes'>;

/** Files at any path inside the sandbox of a session. */
export function addSandboxFileRoutes(app: FastifyInstance, services: FileServices): void {
  const { sandboxFiles } = services;
  addRoute(app, routes.stat, async ({ params, query }, { principal }) =>
    entryAnswer(await sandboxFiles.stat(principal, params.session_id, query.path)),
  );
  addRoute(app, routes.list, async ({ params, query: { path = '.', depth = 1 } }, { principal }) => {
    const { entries, truncated } = await sandboxFiles.list(principal, params.session_id, path, depth);
    return { data: entries.map(entryAnswer), truncated };
  });
  addRoute(app, routes.read, async ({ params, query: { path } }, { principal, headers }, reply) => {
    const range = rangeOf(headers.range);
    const { entry, size, content } = await sandboxFiles.read(principal, params.session_id, path, range);
    reply
      .code(range ? 206 : 200)
      .header('content-type', 'application/octet-stream')
      .header('accept-ranges', 'bytes')
      .header('content-disposition', contentDisposition(entry.name));
    if (range) reply.header('content-range', `bytes ${range.start}-${range.start + (size ?? 0) - 1}/${entry.size}`);
    if (size !== null) reply.header('content-length', size);
    return reply.send(content);
  });
  addRoute(app, routes.makeDirectory, async ({ params, body }, { principal }, reply) =>
    reply.code(201).send(entryAnswer(await sandboxFiles.makeDirectory(principal, params.session_id, body.path))),
  );
  addRoute(app, routes.move, async ({ params, body: { from, to } }, { principal }) =>
    entryAnswer(await sandboxFiles.move(principal, params.session_id, from, to)),
  );
  addRoute(app, routes.remove, async ({ params, query }, { principal }, reply) => {
    await sandboxFiles.remove(principal, params.session_id, query.path);
    return reply.code(204).send();
  });
  addRoute(app, routes.watch, async ({ params, query: { path = '.', recursive } }, { principal }, reply) => {
    const options = { recursive: recursive === 'true' };
    const gone = abortOnDisconnect(reply);
    const changes = await sandboxFiles.watch(principal, params.session_id, path, options, gone);
    return sendEvents(reply, framesOf(changes));
  });
  app.register(async (scope) => addWriteRoute(scope, services));
}

/** In a scope of its own, because it takes bodies of any type as bytes. */
function addWriteRoute(scope: FastifyInstance, { sandboxFiles, maxFileBytes }: FileServices): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  // A client that still sends would not read a refusal before its body is consumed.
  scope.addHook('onSend', async (request) => void request.raw.resume());
  addRoute(scope, routes.write, async ({ params, query: { path, mode } }, { principal, headers, body }) => {
    if (Number(headers['content-length']) > maxFileBytes) throw new DragomanError('too_large');
    const bits = mode === undefined ? undefined : Number.parseInt(mode, 8) & 0o777;
    const content = arriving(body as Readable | undefined);
    return entryAnswer(await sandboxFiles.write(principal, params.session_id, path, content, bits));
  });
}

async function* framesOf(changes: AsyncIterable<FileChange>): AsyncGenerator<Frame> {
  yield { event: 'watching', data: {} };
  for await (const data of changes) yield { event: 'change', data };
}

/** @throws DragomanError cancelled when the client leaves in the middle */
async function* arriving(body: Readable | undefined): AsyncGenerator<Uint8Array> {
  if (!body) return;
  try {
    yield* body.iterator({ destroyOnReturn: false });
  } catch (cause) {
    throw new DragomanError('cancelled', { cause });
  }
}

/** The range that is asked for, where it says from where on; anything else is the whole file. */
function rangeOf(header: string | undefined): { start: number; end?: number } | undefined {
  const [, first, last] = /^\s*bytes\s*=\s*(\d{1,15})\s*-\s*(\d{0,15})\s*$/.exec(header ?? '') ?? [];
  if (first === undefined) return undefined;
  const start = Number(first);
  if (!last) return { start };
  return Number(last) < start ? undefined : { start, end: Number(last) };
}
