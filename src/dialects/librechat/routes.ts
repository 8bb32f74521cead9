import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DragomanError, type FileClaim, type FileRef } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, type Dialect, problemOf, requestedRange, sendFile } from '../../http/index.ts';
import { sessionIds } from './answers.ts';
import { routes } from './contract.ts';
import { listElement, objectInfo } from './listing.ts';
import { problemAnswer } from './problems.ts';
import { addProgrammaticRoutes } from './programmatic-routes.ts';
import { fileClaim } from './scopes.ts';
import type { LibreChatServices } from './services.ts';
import { execInSession, execOnward, hintOf, runToEnd } from './stateful.ts';
import { namesOf, toAnswer, toRequest } from './translate.ts';
import { upload, uploadBatch } from './uploads.ts';
import type { fileParams, identityQuery } from './wire.ts';

/** The API of LibreChat's code interpreter client, for its three generations at once. */
export const librechat = (services: LibreChatServices): Dialect => ({
  name: 'librechat',
  title: 'LibreChat',
  async register(app) {
    await app.register(multipart, { preservePath: true, throwFileSizeLimit: false });
    app.addHook('onRequest', (request, _reply, done) => {
      profileOf(request);
      done();
    });
    app.setErrorHandler((error, _request, reply) => {
      const { status, body } = problemAnswer(problemOf(error));
      return reply.code(status).send(body);
    });
    addExecRoute(app, services);
    addProgrammaticRoutes(app, services, profileOf);
    addFileRoutes(app, services);
  },
});

function addExecRoute(app: FastifyInstance, services: LibreChatServices): void {
  addRoute(app, routes.exec, async ({ body }, request, reply) => {
    const signal = abortOnDisconnect(reply);
    const hint = hintOf(body, profileOf(request));
    if (hint !== undefined) return execInSession(services, request.principal, body, hint, signal);
    if (body.keep_variables ?? services.keepsVariables) return execOnward(services, request.principal, body, signal);
    const program = { ...toRequest(body), asProgram: true };
    return toAnswer(await runToEnd(services.executions, request.principal, program, signal), namesOf(body.files));
  });
}

function addFileRoutes(app: FastifyInstance, services: LibreChatServices): void {
  const { storedFiles } = services;
  addRoute(app, routes.upload, (_, request, reply) => upload(services, request, reply));
  addRoute(app, routes.uploadBatch, (_, request, reply) => uploadBatch(services, request, reply));
  addRoute(app, routes.download, async (input, request, reply) =>
    sendFile(reply, await storedFiles.open(request.principal, fileRef(input), requestedRange(request))),
  );
  addRoute(app, routes.object, async (input, { principal }) =>
    objectInfo(await storedFiles.find(principal, fileRef(input))),
  );
  addRoute(app, routes.list, async ({ params, query: { detail, ...identity } }, { principal }) => {
    const files = await storedFiles.list(principal, params.sid, scopeOf(identity));
    return files.map((file) => listElement(file, detail));
  });
  for (const route of [routes.delete, routes.deleteObject]) {
    addRoute(app, route, async (input, { principal }) => {
      const ref = fileRef(input);
      await storedFiles.delete(principal, ref);
      return { message: 'File deleted successfully', ...sessionIds(ref.sessionId), fileId: ref.fileId };
    });
  }
}

/** @throws DragomanError invalid_request for an unknown profile */
function profileOf(request: FastifyRequest): string | undefined {
  const profile = request.headers['x-codeapi-expected-profile'];
  if (profile === undefined || profile === 'default' || profile === 'stateful') return profile;
  throw new DragomanError('invalid_request', { message: 'invalid_execution_profile' });
}

interface FileInput {
  readonly params: z.output<typeof fileParams>;
  readonly query: z.output<typeof identityQuery>;
}

function fileRef({ params: { sid: sessionId, fid: fileId }, query }: FileInput): FileRef {
  return { sessionId, fileId, scope: scopeOf(query) };
}

function scopeOf({ kind, id, version, entity_id: entityId }: FileInput['query']): FileClaim {
  return fileClaim({ kind, id, version, entityId });
}
