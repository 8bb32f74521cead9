import type { FastifyInstance } from 'fastify';
import { addRoute, contentDisposition, PieceStream } from '../../http/index.ts';
import { sessionRoutes as routes } from './contract/sessions.ts';
import { notebookLength, notebookPieces } from './notebook.ts';
import type { NativeServices } from './services.ts';
import { sessionAnswer, toChange, toNewSession } from './translate.ts';

/** Sessions: their life, their copies, their history as a notebook. */
export function addSessionRoutes(app: FastifyInstance, { sessions }: Pick<NativeServices, 'sessions'>): void {
  addRoute(app, routes.create, async ({ body }, { principal }, reply) => {
    const info = await sessions.create(principal, toNewSession(body));
    return reply.code(201).header('location', `/v1/sessions/${info.id}`).send(sessionAnswer(info));
  });
  addRoute(app, routes.list, async ({ query }, { principal }) => {
    const { limit = 20, after, order = 'desc', name } = query;
    const { sessions: page, more } = await sessions.list(principal, { limit, after, order, name });
    return { data: page.map(sessionAnswer), has_more: more };
  });
  addRoute(app, routes.read, async ({ params }, { principal }) =>
    sessionAnswer(await sessions.get(principal, params.session_id)),
  );
  addRoute(app, routes.change, async ({ params, body }, { principal }) =>
    sessionAnswer(await sessions.update(principal, params.session_id, toChange(body))),
  );
  addRoute(app, routes.delete, async ({ params }, { principal }, reply) => {
    await sessions.delete(principal, params.session_id);
    return reply.code(204).send();
  });
  addRoute(app, routes.interrupt, async ({ params }, { principal }) => ({
    interrupted: await sessions.interrupt(principal, params.session_id),
  }));
  addRoute(app, routes.restart, async ({ params }, { principal }) =>
    sessionAnswer(await sessions.restart(principal, params.session_id)),
  );
  addRoute(app, routes.fork, async ({ params, body }, { principal }, reply) => {
    const { variables, execution_id: execution } = body ?? {};
    const request = { ...toNewSession(body), variables, execution: execution ?? undefined };
    const info = await sessions.fork(principal, params.session_id, request);
    const answer = { ...sessionAnswer(info), variables: info.variables };
    return reply.code(201).header('location', `/v1/sessions/${info.id}`).send(answer);
  });
  addRoute(app, routes.notebook, async ({ params: { session_id: id } }, { principal }, reply) => {
    const { name } = await sessions.get(principal, id);
    const history = await sessions.history(principal, id);
    return reply
      .header('content-type', 'application/x-ipynb+json')
      .header('content-disposition', contentDisposition(`${name ?? id}.ipynb`))
      .send(new PieceStream(notebookPieces(history), notebookLength(history)));
  });
}
