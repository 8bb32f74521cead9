import type { FastifyInstance } from 'fastify';
import { defaultPlan } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import type { KnownKey } from '../../service/index.ts';
import { keyRoutes as routes } from './contract/keys.ts';
import type { AdminServices } from './services.ts';
import { isoTimeOrNull } from './wire.ts';

const usualKeys = 50;

/** API keys: list, make, change, revoke. A secret is in the answer that makes its key, and nowhere else. */
export function addKeyRoutes(
  app: FastifyInstance,
  { keyAdministration: keys }: Pick<AdminServices, 'keyAdministration'>,
): void {
  addRoute(app, routes.list, async ({ query }) => {
    const { limit = usualKeys, after, revoked = 'false' } = query;
    const all = (await keys.all()).filter(({ revokedAt }) => revokedAt === null || revoked === 'true');
    const from = after === undefined ? 0 : indexBehind(all, after);
    const page = all.slice(from, from + limit);
    return { data: page.map(keyAnswer), has_more: from + limit < all.length, plans: keys.plans };
  });
  addRoute(app, routes.create, async ({ body }, { principal }, reply) => {
    const { name, plan, rights = ['use'] } = body;
    const made = await keys.create(principal, name, { plan, isAdmin: rights?.includes('admin') });
    return reply
      .code(201)
      .header('cache-control', 'no-store')
      .send({ ...keyAnswer(made.key), secret: made.secret });
  });
  addRoute(app, routes.update, async ({ params, body }, { principal }) => {
    const { plan, rights } = body;
    return keyAnswer(await keys.update(principal, params.key_id, { plan, isAdmin: rights?.includes('admin') }));
  });
  addRoute(app, routes.revoke, async ({ params }, { principal }, reply) => {
    await keys.revoke(principal, params.key_id);
    return reply.code(204).send();
  });
}

/** Where the next page begins; an unknown id ends the list. */
function indexBehind(all: readonly KnownKey[], after: string): number {
  const at = all.findIndex(({ id }) => id === after);
  return at < 0 ? all.length : at + 1;
}

function keyAnswer({ id, name, principalId, source, plan, isAdmin, createdAt, revokedAt }: KnownKey) {
  return {
    id,
    name,
    owner_id: principalId,
    source: source === 'configuration' ? 'configuration' : 'data_directory',
    rights: isAdmin ? ['use', 'admin'] : ['use'],
    plan: plan ?? defaultPlan,
    created_at: isoTimeOrNull(createdAt),
    revoked_at: isoTimeOrNull(revokedAt),
  };
}
