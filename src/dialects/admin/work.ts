import type { FastifyInstance } from 'fastify';
import { addRoute } from '../../http/index.ts';
import type { ObservedExecution, ObservedSession } from '../../service/index.ts';
import { workRoutes as routes } from './contract/work.ts';
import type { AdminServices } from './services.ts';
import { isoTime, isoTimeOrNull, ownerAnswer } from './wire.ts';

const usualPage = 50;

/** What runs and waits, and which sessions there are: list them, and end one. */
export function addWorkRoutes(
  app: FastifyInstance,
  { operations, keyAdministration }: Pick<AdminServices, 'operations' | 'keyAdministration'>,
): void {
  addRoute(app, routes.executions, async ({ query }) => {
    const { limit = usualPage, after } = query;
    const found = operations.executions(limit + 1, after);
    const names = await keyAdministration.names();
    const page = found.slice(0, limit);
    return { data: page.map((each) => executionAnswer(each, names)), has_more: found.length > limit };
  });
  addRoute(app, routes.endExecution, async ({ params }, { principal }) => {
    const outcome = await operations.endExecution(principal, params.execution_id);
    return { id: params.execution_id, ended: outcome !== null, outcome };
  });
  addRoute(app, routes.sessions, async ({ query }) => {
    const { limit = usualPage, after, state = 'live' } = query;
    const { sessions, more } = await operations.sessions(limit, { live: state === 'live', after });
    const names = await keyAdministration.names();
    return { data: sessions.map((each) => sessionAnswer(each, names)), has_more: more };
  });
  addRoute(app, routes.releaseSession, async ({ params }, { principal }) => ({
    id: params.session_id,
    released: await operations.releaseSession(principal, params.session_id),
  }));
}

function executionAnswer(execution: ObservedExecution, names: ReadonlyMap<string, string>) {
  const { id, serial, sessionId, owner, language, tier, status, begunAt, placedAt } = execution;
  return {
    id,
    serial,
    session_id: sessionId,
    owner: ownerAnswer(owner, names),
    language,
    isolation: tier,
    status,
    begun_at: isoTime(begunAt),
    placed_at: isoTimeOrNull(placedAt),
  };
}

function sessionAnswer(session: ObservedSession, names: ReadonlyMap<string, string>) {
  const { id, owner, state, isBusy, createdAt, lastActiveAt, expiresAt, memoryBytes, tier, kernels } = session;
  return {
    id,
    owner: ownerAnswer(owner, names),
    state,
    busy: isBusy,
    kernels,
    created_at: isoTime(createdAt),
    last_active_at: isoTime(lastActiveAt),
    expires_at: isoTime(expiresAt),
    memory_bytes: memoryBytes,
    isolation: tier,
  };
}
