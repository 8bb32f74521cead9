import multipart from '@fastify/multipart';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { DragomanError, type FileRef, type FileScope } from '../../core/index.ts';
import { type Dialect, type DialectContext, type Operation, parse, sendFile, whenGone } from '../../http/index.ts';
import { sessionIds } from './answers.ts';
import { listElement, objectInfo } from './listing.ts';
import { operations } from './operations.ts';
import { problemAnswer } from './problems.ts';
import { addProgrammaticRoutes } from './programmatic-routes.ts';
import { fileScope } from './scopes.ts';
import { execInSession, hintOf } from './stateful.ts';
import { toAnswer, toRequest } from './translate.ts';
import { upload, uploadBatch } from './uploads.ts';
import { execBody, fileParams, identityQuery, listQuery, sessionParams } from './wire.ts';

/** The API LibreChat's code interpreter client speaks, for its three generations at once. */
export const librechat: Dialect = {
  name: 'librechat',
  title: 'LibreChat',
  async register(app, context) {
    // A scope of its own: the error wording and the multipart parser are not for other dialects.
    await app.register(async (scope) => routes(scope, context));
  },
};

async function routes(app: FastifyInstance, context: DialectContext): Promise<void> {
  const { interpreter, sessions } = context;
  await app.register(multipart, { preservePath: true, throwFileSizeLimit: false });
  app.addHook('onRequest', async (request) => void profileOf(request));
  app.setErrorHandler((error, _request, reply) => {
    const { status, body } = problemAnswer(context.problem(error));
    return reply.code(status).send(body);
  });

  app.post('/exec', { config: { rateClass: 'exec', operation: operations.exec } }, async (request, reply) => {
    const body = parse(execBody, request.body);
    const signal = whenGone(reply);
    const hint = hintOf(body, profileOf(request));
    if (hint !== undefined) return execInSession(sessions, request.principal, body, hint, signal);
    return toAnswer(await interpreter.execute(request.principal, toRequest(body), { signal }));
  });

  addProgrammaticRoutes(app, context, profileOf);

  const uploading = (operation: Operation) => ({ config: { rateClass: 'upload', operation } }) as const;
  app.post('/upload', uploading(operations.upload), (request, reply) => upload(context, request, reply));
  app.post('/upload/batch', uploading(operations.uploadBatch), (request, reply) =>
    uploadBatch(context, request, reply),
  );

  app.get(
    '/download/:sid/:fid',
    { config: { rateClass: 'download', operation: operations.download } },
    async (request, reply) => {
      return sendFile(reply, await interpreter.openFile(request.principal, fileRef(request)));
    },
  );

  const listing = (operation: Operation) => ({ config: { rateClass: 'list', operation } }) as const;
  app.get('/sessions/:sid/objects/:fid', listing(operations.object), async (request) =>
    objectInfo(await interpreter.file(request.principal, fileRef(request))),
  );
  app.get('/files/:sid', listing(operations.list), async (request) => {
    const { sid } = parse(sessionParams, request.params);
    const { detail, ...identity } = parse(listQuery, request.query);
    const files = await interpreter.listFiles(request.principal, sid, scopeOf(identity));
    return files.map((file) => listElement(file, detail));
  });
  app.delete('/files/:sid/:fid', listing(operations.delete), async (request) => {
    const ref = fileRef(request);
    await interpreter.deleteFile(request.principal, ref);
    return { message: 'File deleted successfully', ...sessionIds(ref.sessionId), fileId: ref.fileId };
  });
}

/** @throws DragomanError invalid_request for a profile there is not */
function profileOf(request: FastifyRequest): string | undefined {
  const profile = request.headers['x-codeapi-expected-profile'];
  if (profile === undefined || profile === 'default' || profile === 'stateful') return profile;
  throw new DragomanError('invalid_request', { message: 'invalid_execution_profile' });
}

function fileRef(request: FastifyRequest): FileRef {
  const { sid: sessionId, fid: fileId } = parse(fileParams, request.params);
  return { sessionId, fileId, scope: scopeOf(parse(identityQuery, request.query)) };
}

function scopeOf({ kind, id, version, entity_id: entityId }: z.infer<typeof identityQuery>): FileScope {
  return fileScope({ kind, id, version, entityId });
}
