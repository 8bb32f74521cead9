import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../core/index.ts';
import type { Dialect } from './dialect.ts';
import { problemBody, problemOf } from './problems.ts';

/** Answers errors in the default format. A dialect answers unknown addresses that belong to its API. */
export function handleErrors(app: FastifyInstance, dialects: readonly Dialect[], logger: Logger): void {
  app.setErrorHandler((error, request, reply) => {
    announce(error, request, reply, logger);
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
export function announceErrorsIn(scope: FastifyInstance, logger: Logger): void {
  const original = scope.setErrorHandler;
  scope.setErrorHandler = function (this: FastifyInstance, handler: (...args: never[]) => unknown) {
    return original.call(
      this,
      function (this: FastifyInstance, error: unknown, request: FastifyRequest, reply: FastifyReply) {
        announce(error, request, reply, logger);
        return handler.call(this, error as never, request as never, reply as never);
      },
    );
  } as typeof scope.setErrorHandler;
}

/** Sets the headers of an error. Logs our own faults, and why a credential was refused. */
function announce(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): void {
  const { code, status, retryAfterSeconds } = problemOf(error);
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  const fields = { requestId: request.id, code };
  if (code === 'unauthorized') {
    reply.header('www-authenticate', 'Bearer realm="dragoman"');
    const { cause } = error as Error;
    logger.info(
      { ...fields, reason: cause instanceof Error ? cause.message : (error as Error).message },
      'credential refused',
    );
  } else if (status >= 500) {
    logger.error({ ...fields, err: error }, 'request failed');
  }
}
