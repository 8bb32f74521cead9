import { basename } from 'node:path/posix';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError } from '../../../core/index.ts';
import { requestedRange, sendFile } from '../../../http/index.ts';
import { ownId, wireId } from '../ids.ts';
import { listPage, listQuery, pageFrom, pageOf } from '../lists.ts';
import { parse } from '../parse.ts';
import type { OpenAIServices } from '../services.ts';
import { containerObject, createContainer, inContainer, useContainer } from './container.ts';
import { addFile, containerFileObject, findContainerFile, removeContainerFile } from './files.ts';
import { operations } from './operations.ts';
import { containerParams, containersQuery, createBody, fileParams } from './wire.ts';

const listing = { rateClass: 'list' } as const;
const uploading = { rateClass: 'upload' } as const;

/** `/v1/containers`: the sessions of every dialect as containers. */
export function containerRoutes(app: FastifyInstance, context: OpenAIServices): void {
  const { sessions } = context;

  app.post('/containers', { config: { ...uploading, operation: operations.createContainer } }, async (request) => {
    const body = parse(createBody, request.body ?? {});
    const session = await createContainer(context, request.principal, {
      name: body.name,
      minutes: body.expires_after?.minutes,
      memoryLimit: body.memory_limit ?? undefined,
      fileIds: body.file_ids ?? [],
    });
    return containerObject(session);
  });

  app.get('/containers', { config: { ...listing, operation: operations.listContainers } }, async (request) => {
    const { name, ...query } = parse(containersQuery, request.query);
    const { after, ...page } = pageOf(query);
    const cursor = after && (ownId('container', after) ?? '');
    const found = await sessions.list(request.principal, { ...page, after: cursor, name });
    return listPage(found.sessions.map(containerObject), found.more);
  });

  app.get('/containers/:container', { config: { ...listing, operation: operations.getContainer } }, async (request) => {
    const id = containerOf(request);
    try {
      return containerObject(await useContainer(context, request.principal, id));
    } catch (error) {
      if (!(error instanceof DragomanError) || error.code !== 'session_expired') throw error;
      return containerObject(await inContainer(id, (session) => sessions.get(request.principal, session)));
    }
  });

  app.delete(
    '/containers/:container',
    { config: { ...listing, operation: operations.deleteContainer } },
    async (request) => {
      const id = containerOf(request);
      await inContainer(id, (session) => sessions.delete(request.principal, session));
      return { id, object: 'container.deleted', deleted: true };
    },
  );

  fileRoutes(app, context);
}

function fileRoutes(app: FastifyInstance, context: OpenAIServices): void {
  const { sessions, storedFiles } = context;

  app.post(
    '/containers/:container/files',
    { config: { ...uploading, operation: operations.addContainerFile } },
    async (request, reply) => containerFileObject(await addFile(context, request, reply, containerOf(request))),
  );

  app.get(
    '/containers/:container/files',
    { config: { ...listing, operation: operations.listContainerFiles } },
    async (request) => {
      const page = pageOf(parse(listQuery, request.query));
      const { id } = await useContainer(context, request.principal, containerOf(request));
      const files = await sessions.files(request.principal, id);
      const byAge = files.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
      return pageFrom(byAge.map(containerFileObject), page);
    },
  );

  app.get(
    '/containers/:container/files/:cfile',
    { config: { ...listing, operation: operations.getContainerFile } },
    async (request) => {
      const { container, cfile } = parse(fileParams, request.params);
      return containerFileObject((await findContainerFile(context, request.principal, container, cfile)).file);
    },
  );

  app.get(
    '/containers/:container/files/:cfile/content',
    { config: { rateClass: 'download', operation: operations.containerFileContent } },
    async (request, reply) => {
      const { container, cfile } = parse(fileParams, request.params);
      const { ref, file } = await findContainerFile(context, request.principal, container, cfile);
      return sendFile(
        reply,
        await storedFiles.open(request.principal, ref, requestedRange(request)),
        basename(file.name),
      );
    },
  );

  app.delete(
    '/containers/:container/files/:cfile',
    { config: { ...listing, operation: operations.deleteContainerFile } },
    async (request) => {
      const { container, cfile } = parse(fileParams, request.params);
      await removeContainerFile(context, request.principal, container, cfile);
      return {
        id: wireId('containerFile', ownId('containerFile', cfile)!),
        object: 'container.file.deleted',
        deleted: true,
      };
    },
  );
}

function containerOf(request: FastifyRequest): string {
  return parse(containerParams, request.params).container;
}
