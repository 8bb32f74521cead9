import type { FastifyInstance } from 'fastify';
import type { Dialect } from '../../http/index.ts';
import { ownerByToken } from './access.ts';
import { inside, readdressControl, readdressToSandbox } from './address.ts';
import { addControlRoutes } from './control.ts';
import { addEnvdRoutes } from './envd/routes.ts';
import { registerErrorFormat, WireError } from './errors.ts';
import { addInterpreterRoutes } from './interpreter/routes.ts';
import type { E2BServices } from './services.ts';

export type { E2BServices };

/**
 * The API of E2B. What is inside a sandbox is told by headers and host names, and has credentials of its own: it comes before every
 * other dialect.
 */
export const e2bSandbox = (services: E2BServices): Dialect => ({
  name: 'e2b-sandbox',
  title: 'E2B',
  isDescribedElsewhere: true,
  readdress: readdressToSandbox,
  identify: (request) => ownerByToken(services, request),
  async register(app) {
    registerErrorFormat(app);
    addEnvdRoutes(app, services);
    await app.register(async (scope) => addInterpreterRoutes(scope, services));
    refuseTheRest(app);
  },
});

/** The lifecycle of its sandboxes. */
export const e2b = (services: E2BServices): Dialect => ({
  name: 'e2b',
  title: 'E2B',
  isDescribedElsewhere: true,
  readdress: readdressControl,
  register(app) {
    registerErrorFormat(app);
    addControlRoutes(app, services);
  },
});

function refuseTheRest(app: FastifyInstance): void {
  app.route({
    method: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: `${inside}/:sandbox_id/:port/*`,
    config: { isUndescribed: true, rateClass: 'list' },
    handler: async () => {
      throw new WireError(404, 'There is no such route');
    },
  });
}
