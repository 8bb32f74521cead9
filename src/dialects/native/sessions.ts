import type { FastifyInstance, FastifyRequest } from 'fastify';
import { contentDisposition, type DialectContext, parse } from '../../http/index.ts';
import { notebookOf } from './notebook.ts';
import { sessionOperations as operations } from './operations/sessions.ts';
import { sessionAnswer, toChange, toNewSession } from './translate.ts';
import { forkBody, listQuery, sessionBody, sessionChange, sessionParams } from './wire.ts';

/** Sessions themselves: their life, their copies, their history as a notebook. */
export function sessionRoutes(app: FastifyInstance, { sessions }: DialectContext): void {
  const idOf = (request: FastifyRequest) => parse(sessionParams, request.params).session_id;

  app.post('/sessions', { config: { rateClass: 'exec', operation: operations.create } }, async (request, reply) => {
    const info = await sessions.create(request.principal, toNewSession(parse(sessionBody, request.body ?? {})));
    return reply.code(201).header('location', `/v1/sessions/${info.id}`).send(sessionAnswer(info));
  });
  app.get('/sessions', { config: { rateClass: 'list', operation: operations.list } }, async (request) => {
    const { limit = 20, after, order = 'desc', name } = parse(listQuery, request.query);
    const { sessions: page, more } = await sessions.list(request.principal, { limit, after, order, name });
    return { data: page.map(sessionAnswer), has_more: more };
  });
  app.get('/sessions/:session_id', { config: { rateClass: 'list', operation: operations.read } }, async (request) =>
    sessionAnswer(await sessions.get(request.principal, idOf(request))),
  );
  app.patch(
    '/sessions/:session_id',
    { config: { rateClass: 'list', operation: operations.change } },
    async (request) => {
      const id = idOf(request);
      return sessionAnswer(await sessions.update(request.principal, id, toChange(parse(sessionChange, request.body))));
    },
  );
  app.delete(
    '/sessions/:session_id',
    { config: { rateClass: 'list', operation: operations.delete } },
    async (request, reply) => {
      await sessions.delete(request.principal, idOf(request));
      return reply.code(204).send();
    },
  );
  app.post(
    '/sessions/:session_id/interrupt',
    { config: { rateClass: 'list', operation: operations.interrupt } },
    async (request) => ({
      interrupted: await sessions.interrupt(request.principal, idOf(request)),
    }),
  );
  app.post(
    '/sessions/:session_id/restart',
    { config: { rateClass: 'list', operation: operations.restart } },
    async (request) => sessionAnswer(await sessions.restart(request.principal, idOf(request))),
  );
  app.post(
    '/sessions/:session_id/fork',
    { config: { rateClass: 'exec', operation: operations.fork } },
    async (request, reply) => {
      const asked = toNewSession(parse(forkBody, request.body ?? {}));
      const info = await sessions.fork(request.principal, idOf(request), asked);
      return reply.code(201).header('location', `/v1/sessions/${info.id}`).send(sessionAnswer(info));
    },
  );
  app.get(
    '/sessions/:session_id/notebook',
    { config: { rateClass: 'download', operation: operations.notebook } },
    async (request, reply) => {
      const id = idOf(request);
      const { name } = await sessions.get(request.principal, id);
      const history = await sessions.history(request.principal, id);
      return reply
        .header('content-type', 'application/x-ipynb+json')
        .header('content-disposition', contentDisposition(`${name ?? id}.ipynb`))
        .send(JSON.stringify(notebookOf(history), null, 1));
    },
  );
}
