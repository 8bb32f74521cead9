import type { FastifyInstance } from 'fastify';
import type { Principal } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import type { SessionInfo } from '../../service/index.ts';
import { sandboxesOf, sandboxOf } from '../sandboxes/list.ts';
import { measured } from '../sandboxes/usage.ts';
import { prefix } from './address.ts';
import { controlRoutes as routes } from './contract.ts';
import { noSandbox, notOffered, WireError } from './errors.ts';
import { sandboxId, sessionId } from './ids.ts';
import {
  checkNetwork,
  detailAnswer,
  domainOf,
  face,
  isTemplate,
  metricsAnswer,
  notesOf,
  sandboxAnswer,
  stateOf,
  toNewSession,
} from './sandbox.ts';
import type { E2BServices } from './services.ts';

const usualSeconds = 300;
/** Of the route that older clients call. */
const oldSeconds = 15;
/** A paused sandbox ends when sessions do at the latest. */
const forEverMs = 10 * 365 * 86_400_000;

/** Sandboxes: their life. */
export function addControlRoutes(app: FastifyInstance, services: E2BServices): void {
  const { sessions, now } = services;
  const find = async (principal: Principal, id: string) => {
    const session = sessionId(id);
    if (session === undefined) throw noSandbox(id);
    return sandboxOf(sessions, principal, face, session, () => noSandbox(id));
  };
  const endAfter = (ms: number) => ({ endsAt: now() + Math.max(0, ms), idleMs: Math.max(1000, ms) });
  const extended = async (principal: Principal, info: SessionInfo, seconds: number) => {
    const change = endAfter(seconds * 1000);
    return change.endsAt <= info.expiresAt ? info : sessions.update(principal, info.id, change);
  };
  const resumed = (principal: Principal, info: SessionInfo, seconds: number) => {
    const { pausedMs: _, ...notes } = notesOf(info);
    return sessions.update(principal, info.id, { ...endAfter(seconds * 1000), notes });
  };

  const hasCommands = async (principal: Principal, id: string) =>
    (await services.commands.list(principal, id)).some(({ ended }) => ended === null);

  for (const [route, seconds] of [
    [routes.create, usualSeconds],
    [routes.createOld, oldSeconds],
  ] as const)
    addRoute(app, route, async ({ body }, request, reply) => {
      const info = await sessions.create(request.principal, toNewSession(body, now(), seconds));
      return reply.code(201).send(sandboxAnswer(services, info, request));
    });

  for (const route of [routes.connect, routes.connectOld])
    addRoute(app, route, async ({ params, body }, request, reply) => {
      const { principal } = request;
      const info = await find(principal, params.sandbox_id);
      const seconds = body.timeout ?? usualSeconds;
      const isPaused = stateOf(info) === 'paused';
      const after = isPaused ? await resumed(principal, info, seconds) : await extended(principal, info, seconds);
      return reply.code(isPaused ? 201 : 200).send(sandboxAnswer(services, after, request));
    });
  addRoute(app, routes.resume, async ({ params, body }, request, reply) => {
    const info = await find(request.principal, params.sandbox_id);
    if (stateOf(info) !== 'paused') throw new WireError(409, `Sandbox ${params.sandbox_id} is running`);
    const after = await resumed(request.principal, info, body.timeout ?? oldSeconds);
    return reply.code(201).send(sandboxAnswer(services, after, request));
  });

  for (const [route, isOld] of [
    [routes.list, false],
    [routes.listOld, true],
  ] as const)
    addRoute(app, route, async ({ query }, { principal }, reply) => {
      const all = await sandboxesOf(sessions, principal, face, query.order);
      const states = isOld
        ? ['running']
        : query.state === undefined
          ? undefined
          : [query.state].flat().join().split(',');
      const wanted = Object.entries(metadataFilter(query.metadata));
      const from = query.startedAfter === undefined ? Number.NEGATIVE_INFINITY : Date.parse(query.startedAfter);
      const found = all.filter(
        (info) =>
          (states === undefined || states.includes(stateOf(info))) &&
          (query.template === undefined || notesOf(info).template === query.template) &&
          !(info.createdAt <= from) &&
          wanted.every(([key, value]) => notesOf(info).metadata[key] === value),
      );
      const start =
        query.nextToken === undefined ? 0 : found.findIndex(({ id }) => sandboxId(id) === query.nextToken) + 1;
      const page = found.slice(start, start + query.limit);
      const last = page.at(-1);
      if (last && start + query.limit < found.length) reply.header('x-next-token', sandboxId(last.id));
      return page.map((info) => detailAnswer(services, info, principal));
    });

  addRoute(app, routes.read, async ({ params }, request) => {
    const info = await find(request.principal, params.sandbox_id);
    return {
      ...detailAnswer(services, info, request.principal),
      domain: domainOf(services, request),
      allowInternetAccess: false,
      lifecycle: { onTimeout: 'kill', autoResume: false },
    };
  });
  addRoute(app, routes.delete, async ({ params }, { principal }, reply) => {
    const { id } = await find(principal, params.sandbox_id);
    await sessions.delete(principal, id);
    return reply.code(204).send();
  });
  addRoute(app, routes.timeout, async ({ params, body }, { principal }, reply) => {
    const { id } = await find(principal, params.sandbox_id);
    await sessions.update(principal, id, endAfter(body.timeout * 1000));
    return reply.code(204).send();
  });
  addRoute(app, routes.refresh, async ({ params, body }, { principal }, reply) => {
    await extended(principal, await find(principal, params.sandbox_id), body.duration ?? oldSeconds);
    return reply.code(204).send();
  });
  addRoute(app, routes.pause, async ({ params, body }, { principal }, reply) => {
    const info = await find(principal, params.sandbox_id);
    if (stateOf(info) === 'paused') throw new WireError(409, `Sandbox ${params.sandbox_id} is paused already`);
    if (body.memory === false) await sessions.restart(principal, info.id);
    else if (info.busy || (await hasCommands(principal, info.id)))
      throw new WireError(503, 'Code or a command runs in the sandbox: end it first, or pause with memory: false');
    const pausedMs = info.expiresAt - now();
    await sessions.update(principal, info.id, { ...endAfter(forEverMs), notes: { ...notesOf(info), pausedMs } });
    return reply.code(204).send();
  });
  addRoute(app, routes.metrics, async ({ params, query }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    const usage = await measured(sessions, principal, info.id);
    const at = now();
    // Nothing is remembered of the past.
    return query.end !== undefined && query.end * 1000 < at - 1000 ? [] : [metricsAnswer(usage, at)];
  });
  addRoute(app, routes.network, async ({ params, body }, { principal }, reply) => {
    await find(principal, params.sandbox_id);
    checkNetwork(body);
    return reply.code(204).send();
  });
  addSmallRoutes(app, find);
}

/** Routes that tell the same of every sandbox, and those that are refused. */
function addSmallRoutes(app: FastifyInstance, find: (principal: Principal, id: string) => Promise<unknown>): void {
  const config = { isUndescribed: true, rateClass: 'list' } as const;
  type Named = { sandbox_id: string; alias: string };
  for (const [path, answer] of [
    ['/sandboxes/:sandbox_id/logs', { logs: [], logEntries: [] }],
    ['/v2/sandboxes/:sandbox_id/logs', { logs: [] }],
  ] as const)
    app.get(prefix + path, { config }, async ({ params, principal }) => {
      await find(principal, (params as Named).sandbox_id);
      return answer;
    });
  app.get(`${prefix}/templates/aliases/:alias`, { config }, async ({ params }) => {
    const { alias } = params as Named;
    if (!isTemplate(alias)) throw new WireError(404, `template '${alias.slice(0, 128)}' not found`);
    return { templateID: alias, public: true };
  });
  const method = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
  const refused = ['sandboxes/:sandbox_id/snapshots', 'sandboxes/:sandbox_id/fork'];
  for (const area of ['snapshots', 'templates', 'volumes', 'secrets', 'teams', 'nodes', 'api-keys', 'access-tokens'])
    refused.push(...[area, `${area}/*`, `v2/${area}`, `v2/${area}/*`, `v3/${area}`, `v3/${area}/*`]);
  for (const path of refused)
    app.route({
      method: [...method],
      url: `${prefix}/${path}`,
      config,
      handler: async () => {
        throw notOffered(
          path
            .replace(/^v\d\//, '')
            .replace(/\/\*$/, '')
            .split('/')
            .at(-1)!,
        );
      },
    });
  app.route({
    method: [...method],
    url: `${prefix}/*`,
    config,
    handler: async () => {
      throw new WireError(404, 'There is no such route');
    },
  });
}

/** A form whose keys and values are encoded once more. */
function metadataFilter(text = ''): Record<string, string> {
  return Object.fromEntries([...new URLSearchParams(text)].map(([key, value]) => [decoded(key), decoded(value)]));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
