import type { FastifyInstance } from 'fastify';
import { DragomanError, jsonLength } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import { maxDraftBytes } from './contract/drafts.ts';
import { shareRoutes as routes } from './contract/shares.ts';
import type { NativeServices } from './services.ts';

const hourMs = 60 * 60_000;

/** Links to read-only copies of notebooks. The copy is what its owner sees; nothing of the session can be reached by it. */
export function addShareRoutes(
  app: FastifyInstance,
  { shares, sessions }: Pick<NativeServices, 'shares' | 'sessions'>,
): void {
  const on = () => {
    if (!shares) throw new DragomanError('forbidden', { message: 'Sharing is off on this service (DRAGOMAN_SHARES).' });
    return shares;
  };
  addRoute(app, routes.create, async ({ params, body }, { principal }, reply) => {
    const all = on();
    const { id: of } = await sessions.get(principal, params.session_id);
    const { title, notebook, expires_in_hours: hours } = body;
    const content = { title, notebook };
    if (jsonLength(content) > maxDraftBytes)
      throw new DragomanError('too_large', { message: 'A shared notebook has at most 2 MiB: remove large outputs.' });
    const made = await all.create(principal, { of, content, lifeMs: hours * hourMs });
    return reply.code(201).send({ ...shareAnswer(made), secret: made.secret });
  });
  addRoute(app, routes.list, async ({ params }, { principal }) => ({
    data: (await on().list(principal, params.session_id)).map(shareAnswer),
  }));
  addRoute(app, routes.end, async ({ params }, { principal }, reply) => {
    if (!(await on().end(principal, params.session_id, params.share_id))) throw new DragomanError('not_found');
    return reply.code(204).send();
  });
}

const shareAnswer = ({ id, createdAt, expiresAt }: { id: string; createdAt: number; expiresAt: number }) => ({
  id,
  created_at: new Date(createdAt).toISOString(),
  expires_at: new Date(expiresAt).toISOString(),
});
