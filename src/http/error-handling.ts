import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../core/index.ts';
import type { FaultLog } from '../service/index.ts';
import type { Dialect } from './dialect.ts';
import { networkOf } from './known-callers.ts';
import { problemBody, problemOf } from './problems.ts';

/** Does what every error needs before its answer is formatted. */
type Announce = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

/** Answers errors in the default format. A dialect answers unknown addresses that belong to its API. */
export function handleErrors(app: FastifyInstance, dialects: readonly Dialect[], announce: Announce): void {
  app.setErrorHandler((error, request, reply) => {
    announce(error, request, reply);
    const problem = problemOf(error);
    return reply.code(problem.status).send(problemBody(problem));
  });
  app.setNotFoundHandler((request, reply) => {
    const [path = ''] = request.originalUrl.split('?');
    for (const dialect of dialects) {
      const { method, headers, id } = request;
      const answer = dialect.unknownAddress?.({ method, path, headers, id });
      if (answer) return reply.code(404).headers(answer.headers).send(answer.body);
    }
    return reply.code(404).send({ error: 'Not found' });
  });
}

/** Runs `announce` before every error handler that a dialect sets, so that a handler only formats the answer. */
export function announceErrorsIn(scope: FastifyInstance, announce: Announce): void {
  const original = scope.setErrorHandler;
  scope.setErrorHandler = function (this: FastifyInstance, handler: (...args: never[]) => unknown) {
    return original.call(
      this,
      function (this: FastifyInstance, error: unknown, request: FastifyRequest, reply: FastifyReply) {
        announce(error, request, reply);
        return handler.call(this, error as never, request as never, reply as never);
      },
    );
  } as typeof scope.setErrorHandler;
}

/** Refusals that an operator may want to know of. */
const toldRefusals = new Set([401, 403, 413, 429]);

export interface AnnouncerOptions {
  readonly logger: Logger;
  readonly faults?: FaultLog | undefined;
}

/** Sets the headers of an error. Logs our own faults, why a credential was refused, and who asked for what is not permitted. */
export function errorAnnouncer({ logger, faults }: AnnouncerOptions): Announce {
  return (error, request, reply) => {
    const { code, status, retryAfterSeconds } = problemOf(error);
    if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
    const { id: requestId, method } = request;
    const principal = request.principal as typeof request.principal | null;
    const route = request.routeOptions.url ?? 'none';
    const fields = { requestId, code };
    if (code === 'unauthorized') {
      reply.header('www-authenticate', 'Bearer realm="dragoman"');
      const { cause } = error as Error;
      logger.info(
        { ...fields, reason: cause instanceof Error ? cause.message : (error as Error).message },
        'credential refused',
      );
    } else if (code === 'forbidden') {
      logger.warn({ ...fields, method, route, principal: principal?.name }, 'request not permitted');
    } else if (status >= 500) {
      logger.error({ ...fields, err: error }, 'request failed');
    }
    if (status < 500 && !toldRefusals.has(status)) return;
    const share = principal ?? { tenant: '', id: networkOf(request.ip) };
    faults?.note({ at: Date.now(), method, route, status, code, requestId, caller: principal?.name ?? null }, share);
  };
}
