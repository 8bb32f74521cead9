import type { FastifyInstance } from 'fastify';
import type { StateReport } from '../../core/index.ts';
import { restoredText } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import type { KernelVariables, RestoredVariables, States } from '../../service/index.ts';
import { stateRoutes as routes } from './contract/states.ts';

/** Named in one answer; there may be 10,000. */
const namedAtMost = 1000;

/** What is saved of a session's variables. */
export function addStateRoutes(app: FastifyInstance, { states }: { readonly states: States }): void {
  addRoute(app, routes.read, async ({ params }, { principal }) => ({
    data: (await states.list(principal, params.session_id)).map(stateAnswer),
  }));
  addRoute(app, routes.save, async ({ params }, { principal }) => ({
    data: (await states.save(principal, params.session_id)).map(stateAnswer),
  }));
  addRoute(app, routes.discard, async ({ params }, { principal }, reply) => {
    await states.discard(principal, params.session_id);
    return reply.code(204).send();
  });
}

/** What became of saved variables before an execution; null: none were given back. */
export function restoredAnswer(restored: RestoredVariables | undefined) {
  if (!restored) return null;
  const { kernel, savedAt, isBehind, report, loss } = restored;
  return {
    ...{ kernel, saved_at: new Date(savedAt).toISOString(), behind: isBehind },
    ...reportAnswer(report),
    reason: loss?.reason ?? null,
    message: restoredText(restored),
  };
}

function stateAnswer({ kernel, state, savedAt, execution, isBehind, bytes, versions, report }: KernelVariables) {
  return {
    ...{ kernel, state, saved_at: savedAt === null ? null : new Date(savedAt).toISOString() },
    ...{ execution_id: execution, behind: isBehind, bytes, versions: { ...versions } },
    ...reportAnswer(report),
    kept: report?.kept.slice(0, namedAtMost).map((each) => ({ ...each })) ?? [],
  };
}

function reportAnswer(report: StateReport | null) {
  const { variables = 0, lost = [], partial = [], redefined = [], ambient = [] } = report ?? {};
  return {
    variables,
    lost: lost.slice(0, namedAtMost).map((each) => ({ ...each })),
    lost_count: lost.length,
    partial: partial.slice(0, namedAtMost).map((each) => ({ ...each, lost: [...each.lost] })),
    redefined: redefined.slice(0, namedAtMost),
    ambient: ambient.slice(0, namedAtMost),
  };
}
