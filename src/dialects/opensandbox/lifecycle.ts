import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Principal } from '../../core/index.ts';
import { addRoute } from '../../http/index.ts';
import { sandboxesOf, sandboxOf } from '../sandboxes/list.ts';
import { prefix } from './address.ts';
import { lifecycleRoutes as routes } from './contract.ts';
import { noSandbox, notOffered } from './errors.ts';
import { face, isoTime, notesOf, sandboxAnswer, toNewSession } from './sandbox.ts';
import type { OpenSandboxServices } from './services.ts';

/** The port of code, commands and files, and the one of the network policy, which clients ask for in every create. */
const execdPort = 44_772;
const egressPort = 18_080;
export const tokenHeader = 'X-EXECD-ACCESS-TOKEN';

/** Sandboxes: their life, and where they are reached. */
export function addLifecycleRoutes(app: FastifyInstance, services: OpenSandboxServices): void {
  const { sessions, sessionTokens, now } = services;
  const find = (principal: Principal, id: string) => sandboxOf(sessions, principal, face, id, noSandbox);

  addRoute(app, routes.create, async ({ body }, { principal }, reply) =>
    reply.code(202).send(sandboxAnswer(await sessions.create(principal, toNewSession(body, now())))),
  );
  addRoute(app, routes.list, async ({ query: { state, metadata, page, pageSize } }, { principal }) => {
    const states = state === undefined ? undefined : [state].flat();
    const wanted = Object.entries(metadataFilter(metadata));
    const all = await sandboxesOf(sessions, principal, face, 'desc');
    const found = all.filter(
      (info) =>
        (states === undefined || states.includes('Running')) &&
        wanted.every(([key, value]) => notesOf(info).metadata[key] === value),
    );
    const totalPages = Math.ceil(found.length / pageSize);
    return {
      items: found.slice((page - 1) * pageSize, page * pageSize).map(sandboxAnswer),
      pagination: { page, pageSize, totalItems: found.length, totalPages, hasNextPage: page < totalPages },
    };
  });
  addRoute(app, routes.read, async ({ params }, { principal }) =>
    sandboxAnswer(await find(principal, params.sandbox_id)),
  );
  addRoute(app, routes.delete, async ({ params }, { principal }, reply) => {
    const { id } = await find(principal, params.sandbox_id);
    await sessions.delete(principal, id);
    return reply.code(204).send();
  });
  addRoute(app, routes.renew, async ({ params, body }, { principal }) => {
    const { id } = await find(principal, params.sandbox_id);
    const endsAt = Math.max(now(), Date.parse(body.expiresAt));
    const { expiresAt } = await sessions.update(principal, id, { endsAt, idleMs: Math.max(1000, endsAt - now()) });
    return { expiresAt: isoTime(expiresAt) };
  });
  addRoute(app, routes.metadata, async ({ params, body }, { principal }) => {
    const info = await find(principal, params.sandbox_id);
    const notes = notesOf(info);
    const merged = Object.entries({ ...notes.metadata, ...body }).filter(([, value]) => value !== null);
    const metadata = Object.fromEntries(merged);
    return sandboxAnswer(await sessions.update(principal, info.id, { notes: { ...notes, metadata } }));
  });
  addRoute(app, routes.endpoint, async ({ params: { sandbox_id: id, port } }, request) => {
    const info = await find(request.principal, id);
    const path = { [execdPort]: 'execd', [egressPort]: 'egress' }[port];
    if (path === undefined) throw notOffered('Sandboxes have no network, so no port of theirs is reached');
    return {
      endpoint: `${hostOf(request)}${prefix}/sandboxes/${info.id}/${path}`,
      headers: { [tokenHeader]: sessionTokens.make(face, info.id) },
    };
  });
}

/** As the client called this service. */
const hostOf = ({ headers, socket }: FastifyRequest) => headers.host ?? `localhost:${socket.localPort}`;

/** `k=v&k2=v2`, each side encoded once more. */
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
