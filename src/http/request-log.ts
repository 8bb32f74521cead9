import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger, Metrics } from '../core/index.ts';

/**
 * Logs and measures one request once its connection is done with it. Only the route's pattern is told, never the address,
 * its query or a body: all of them can hold credentials.
 */
export function observeRequest(request: FastifyRequest, reply: FastifyReply, logger: Logger, metrics: Metrics): void {
  const started = performance.now();
  const { method } = request;
  reply.raw.once('close', () => {
    const ms = performance.now() - started;
    const route = request.routeOptions.url ?? 'none';
    const isAnswered = reply.raw.writableFinished;
    const { upgradedAt } = request.raw;
    const status = upgradedAt !== undefined ? 101 : isAnswered ? reply.raw.statusCode : 499;
    // How long a WebSocket stays open says nothing of the service.
    metrics.request({ method, route, status, ms: upgradedAt === undefined ? ms : upgradedAt - started });
    const fields = { method, route, status, ms: Math.round(ms * 100) / 100, requestId: request.id };
    const principal = request.principal?.name;
    logger.info(principal === undefined ? fields : { ...fields, principal }, 'request');
  });
}
