import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, parse } from '../../http/index.ts';
import { Cancellations } from './cancellations.ts';
import { routes } from './contract.ts';
import { Programs } from './programmatic.ts';
import { cancelBody, continuationBody, type ProgramAnswer, programBody } from './programmatic-wire.ts';
import type { LibreChatServices } from './services.ts';
import { hintOf } from './stateful.ts';

const requestIdHeader = 'x-librechat-code-request-id';
const maxBodyBytes = 10_000_000;

/** Programs that call the tools of their client. `profileOf` reads the execution profile that a request asks for. */
export function addProgrammaticRoutes(
  app: FastifyInstance,
  { sessions, executions, now }: Pick<LibreChatServices, 'sessions' | 'executions' | 'now'>,
  profileOf: (request: FastifyRequest) => string | undefined,
): void {
  const programs = new Programs(executions, now);
  const cancellations = new Cancellations(now);

  const begin = async (request: FastifyRequest, signal: AbortSignal) => {
    const body = parse(programBody, request.body);
    const hint = hintOf(body, profileOf(request));
    const { principal } = request;
    const session = hint === undefined ? undefined : await sessions.ensure(principal, `librechat:${hint}`, {});
    return programs.start(principal, body, session?.id, signal);
  };

  addRoute(app, routes.execProgrammatic, async ({ body }, request, reply) => {
    if (Number(request.headers['content-length']) > maxBodyBytes)
      throw new DragomanError('too_large', { message: 'The request body is too large.' });
    const cancelled = new AbortController();
    const signal = AbortSignal.any([abortOnDisconnect(reply), cancelled.signal]);
    const id = request.headers[requestIdHeader];
    const end =
      typeof id === 'string' && cancelBody.safeParse({ request_id: id }).success
        ? cancellations.begin(request.principal, id, () => cancelled.abort())
        : undefined;
    let cancelLater: (() => void) | undefined;
    try {
      const isContinuation = (body as { continuation_token?: unknown } | null)?.continuation_token != null;
      const answer: ProgramAnswer = isContinuation
        ? await programs.resume(request.principal, parse(continuationBody, body), signal)
        : await begin(request, signal);
      if (answer.status === 'tool_call_required') {
        cancelLater = () => programs.cancel(answer.continuation_token);
        // The client never received this round, so it will not answer it.
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) cancelLater!();
        });
      }
      return answer;
    } finally {
      end?.(cancelLater);
    }
  });

  addRoute(app, routes.cancelProgrammatic, async ({ body: { request_id: id } }, { principal }, reply) => {
    if (!cancellations.cancel(principal, id)) return { status: 'already_completed' };
    return reply.code(202).send({ status: 'cancellation_requested' });
  });
}
