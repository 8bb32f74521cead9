import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError, type Principal } from '../../core/index.ts';
import type { Dialect } from '../../http/index.ts';
import { prefix, readdress } from './address.ts';
import { addCodeRoutes } from './code.ts';
import { addCommandRoutes } from './commands.ts';
import { notOffered, registerErrorFormat, WireError } from './errors.ts';
import { addFileRoutes } from './files.ts';
import { addLifecycleRoutes, tokenHeader } from './lifecycle.ts';
import { face } from './sandbox.ts';
import type { OpenSandboxServices } from './services.ts';

export type { OpenSandboxServices };

const inside = new RegExp(`^${prefix}/sandboxes/([^/?]+)/(?:execd|egress)/`);

/** The API of OpenSandbox: sandboxes that end at a moment of their own, and code in them. */
export const opensandbox = (services: OpenSandboxServices): Dialect => ({
  name: 'opensandbox',
  title: 'OpenSandbox',
  isDescribedElsewhere: true,
  readdress,
  identify: (request) => ownerByToken(services, request),
  register(app) {
    registerErrorFormat(app);
    addLifecycleRoutes(app, services);
    addCodeRoutes(app, services);
    addCommandRoutes(app, services);
    addFileRoutes(app, services);
    refuseTheRest(app);
  },
});

/** A sandbox's own token opens the routes inside it, and no others. */
async function ownerByToken(
  { sessions, sessionTokens }: OpenSandboxServices,
  { url, headers }: FastifyRequest,
): Promise<Principal | undefined> {
  const [, id] = inside.exec(url) ?? [];
  const token = headers[tokenHeader.toLowerCase()];
  if (id === undefined || token === undefined) return undefined;
  if (!sessionTokens.fits(face, id, token))
    throw new DragomanError('unauthorized', { message: 'This token is not the one of this sandbox.' });
  return (await sessions.resolve(face, id)).owner;
}

/** What is known of this API and not served. */
const refused = [
  'snapshots',
  'templates',
  'diagnostics',
  'pools',
  'sandboxes/:id/snapshots',
  'sandboxes/:id/pause',
  'sandboxes/:id/resume',
  'sandboxes/:id/networkpolicy',
  'sandboxes/:id/diagnostics',
  'sandboxes/:id/egress',
  'sandboxes/:id/execd/session',
  'sandboxes/:id/execd/files/permissions',
  'sandboxes/:id/execd/files/replace',
  'sandboxes/:id/execd/pty',
  'sandboxes/:id/execd/isolated',
];

function refuseTheRest(app: FastifyInstance): void {
  const method = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
  const config = { isUndescribed: true, rateClass: 'list' } as const;
  for (const path of refused)
    for (const url of [`${prefix}/${path}`, `${prefix}/${path}/*`])
      app.route({
        method: [...method],
        url,
        config,
        handler: async () => {
          throw notOffered(path.split('/').at(-1)!);
        },
      });
  // Counts of a client's own, which nothing here reads.
  app.post(`${prefix}/metrics/events`, { config }, async (_request, reply) => reply.code(202).send());
  app.route({
    method: [...method],
    url: `${prefix}/*`,
    config,
    handler: async () => {
      throw new WireError(404, 'NOT_FOUND', 'There is no such route.');
    },
  });
}
