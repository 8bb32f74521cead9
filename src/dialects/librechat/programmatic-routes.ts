import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, parse } from '../../http/index.ts';
import type { RoundOptions } from '../../service/index.ts';
import { routes } from './contract.ts';
import { toProgram, toProgramAnswer, toResult, toRoundRef } from './programmatic.ts';
import { cancelBody, continuationBody, programBody } from './programmatic-wire.ts';
import type { LibreChatServices } from './services.ts';
import { hintOf } from './stateful.ts';

const requestIdHeader = 'x-librechat-code-request-id';
const maxBodyBytes = 10_000_000;

/** Programs that call the tools of their client. `profileOf` reads the execution profile that a request asks for. */
export function addProgrammaticRoutes(
  app: FastifyInstance,
  { sessions, toolRounds, namedRequests }: Pick<LibreChatServices, 'sessions' | 'toolRounds' | 'namedRequests'>,
  profileOf: (request: FastifyRequest) => string | undefined,
): void {
  const begin = async (request: FastifyRequest, options: RoundOptions) => {
    const body = parse(programBody, request.body);
    const hint = hintOf(body, profileOf(request));
    const { principal } = request;
    const session = hint === undefined ? undefined : await sessions.ensure(principal, `librechat:${hint}`, {});
    return toProgramAnswer(await toolRounds.start(principal, toProgram(body, session?.id), options), undefined);
  };
  const resume = async ({ principal, body }: FastifyRequest, options: RoundOptions) => {
    const continuation = parse(continuationBody, body);
    const ref = toRoundRef(continuation);
    const results = continuation.tool_results.map(toResult);
    return toProgramAnswer(await toolRounds.resume(principal, ref, results, options), ref);
  };

  addRoute(app, routes.execProgrammatic, async ({ body }, request, reply) => {
    if (Number(request.headers['content-length']) > maxBodyBytes)
      throw new DragomanError('too_large', { message: 'The request body is too large.' });
    const { principal } = request;
    const id = request.headers[requestIdHeader];
    const isNamed = typeof id === 'string' && cancelBody.safeParse({ request_id: id }).success;
    const named = isNamed ? namedRequests.begin(principal, id) : undefined;
    const options = { signal: abortOnDisconnect(reply), named };
    try {
      const isContinuation = (body as { continuation_token?: unknown } | null)?.continuation_token != null;
      const answer = await (isContinuation ? resume(request, options) : begin(request, options));
      if (answer.status === 'tool_call_required') {
        const [executionId] = answer.continuation_token.split('.');
        // The client never received this round, so it will not answer it.
        reply.raw.once('close', () => {
          if (!reply.raw.writableFinished) toolRounds.cancel(principal, executionId!);
        });
      }
      return answer;
    } finally {
      named?.end();
    }
  });

  addRoute(app, routes.cancelProgrammatic, async ({ body: { request_id: id } }, { principal }, reply) => {
    if (!(await namedRequests.cancel(principal, id))) return { status: 'already_completed' };
    return reply.code(202).send({ status: 'cancellation_requested' });
  });
}
