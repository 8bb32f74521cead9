import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { type DialectContext, parse, whenGone } from '../../http/index.ts';
import { Cancellations } from './cancellations.ts';
import { operations } from './operations.ts';
import { Programs } from './programmatic.ts';
import { cancelBody, continuationBody, type ProgramAnswer, programBody } from './programmatic-wire.ts';
import { hintOf } from './stateful.ts';

const requestIdHeader = 'x-librechat-code-request-id';
const maxBodyBytes = 10_000_000;

interface State {
  readonly programs: Programs;
  readonly cancellations: Cancellations;
}

/** What is under way is known at every address the routes are mounted at. */
const states = new WeakMap<DialectContext, State>();

function stateOf(context: DialectContext): State {
  const known = states.get(context);
  if (known) return known;
  const state = {
    programs: new Programs(context.sessions, context.now),
    cancellations: new Cancellations(context.now),
  };
  states.set(context, state);
  return state;
}

/** Programs that call their client's tools. `profileOf` reads the execution profile a request asks for. */
export function addProgrammaticRoutes(
  app: FastifyInstance,
  context: DialectContext,
  profileOf: (request: FastifyRequest) => string | undefined,
): void {
  const { programs, cancellations } = stateOf(context);

  const begin = async (request: FastifyRequest, signal: AbortSignal) => {
    const body = parse(programBody, request.body);
    const hint = hintOf(body, profileOf(request));
    const { principal } = request;
    const session = hint === undefined ? undefined : await context.sessions.ensure(principal, `librechat:${hint}`, {});
    return programs.start(principal, body, session?.id, signal);
  };

  app.post(
    '/exec/programmatic',
    { config: { rateClass: 'exec', operation: operations.execProgrammatic } },
    async (request, reply) => {
      if (Number(request.headers['content-length']) > maxBodyBytes)
        throw new DragomanError('too_large', { message: 'The request body is too large.' });
      const cancelled = new AbortController();
      const signal = AbortSignal.any([whenGone(reply), cancelled.signal]);
      const id = request.headers[requestIdHeader];
      const end =
        typeof id === 'string' && cancelBody.safeParse({ request_id: id }).success
          ? cancellations.begin(request.principal, id, () => cancelled.abort())
          : undefined;
      let cancelLater: (() => void) | undefined;
      try {
        const isContinuation = (request.body as { continuation_token?: unknown } | null)?.continuation_token != null;
        const answer: ProgramAnswer = isContinuation
          ? await programs.resume(request.principal, parse(continuationBody, request.body), signal)
          : await begin(request, signal);
        if (answer.status === 'tool_call_required') {
          cancelLater = () => programs.cancel(answer.continuation_token);
          // Nobody has heard of this round: nobody will answer it.
          reply.raw.once('close', () => {
            if (!reply.raw.writableFinished) cancelLater!();
          });
        }
        return answer;
      } finally {
        end?.(cancelLater);
      }
    },
  );

  app.post(
    '/exec/programmatic/cancel',
    { config: { rateClass: 'list', operation: operations.cancelProgrammatic } },
    async (request, reply) => {
      const { request_id: id } = parse(cancelBody, request.body);
      if (!cancellations.cancel(request.principal, id)) return { status: 'already_completed' };
      return reply.code(202).send({ status: 'cancellation_requested' });
    },
  );
}
