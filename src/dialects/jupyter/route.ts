import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RateClass } from '../../core/index.ts';

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

export interface JupyterRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly rateClass: RateClass;
}

/** Serves a route. Jupyter's own documents describe it, so ours leaves it out. */
export function serve(app: FastifyInstance, { method, url, rateClass }: JupyterRoute, handler: Handler): void {
  app.route({
    method,
    url,
    config: { rateClass, isUndescribed: true },
    handler: async (request, reply) => handler(request, reply),
  });
}
