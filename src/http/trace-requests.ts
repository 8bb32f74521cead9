import type { FastifyInstance, FastifyRequest } from 'fastify';
import { noSpan, type Span, type Traces } from '../core/index.ts';

/**
 * Makes a span of each request, below the caller's where it sent a `traceparent`. Like the log it tells the pattern of the route, never
 * the address, its query or a body.
 */
export function traceRequests(app: FastifyInstance, traces: Traces): void {
  const spans = new WeakMap<FastifyRequest, Span>();
  app.addHook('onRequest', (request, reply, done) => {
    const { method, headers, routeOptions } = request;
    const route = routeOptions.url ?? 'none';
    const parent = headers.traceparent;
    const span = traces.request(`${method} ${route}`, typeof parent === 'string' ? parent : undefined);
    spans.set(request, span);
    span.set({ 'http.request.method': method, 'http.route': route, 'dragoman.request': request.id });
    reply.raw.once('close', () => {
      const status = reply.raw.writableFinished ? reply.raw.statusCode : 499;
      span.set({ 'http.response.status_code': status });
      span.end(status >= 500 ? String(status) : undefined);
    });
    done();
  });
  // The body arrives on events of the connection, so the span is made the current one only after it.
  app.addHook('preHandler', (request, _reply, done) => traces.inside(spans.get(request) ?? noSpan, done));
}
