import type { FastifyInstance } from 'fastify';
import { addRoute } from '../../../http/index.ts';
import { envdRoutes as routes } from '../contract.ts';
import { reach } from '../reach.ts';
import type { E2BServices } from '../services.ts';
import { addFileRoutes } from './files.ts';
import { addFilesystemService } from './filesystem.ts';
import { addProcessService } from './process.ts';

/** Commands and files in a sandbox. */
export function addEnvdRoutes(app: FastifyInstance, services: E2BServices): void {
  addRoute(app, routes.health, async ({ params }, _request, reply) => {
    await reach(services, params.sandbox_id);
    return reply.code(204).send();
  });
  addFileRoutes(app, services);
  app.register(async (scope) => {
    addProcessService(scope, services);
  });
  app.register(async (scope) => {
    addFilesystemService(scope, services);
  });
}
