import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';
import { type DialectContext, type Frame, parse, sendEvents, whenGone } from '../../http/index.ts';
import type { RunningExecution } from '../../service/index.ts';
import { framesOf, startFrame } from './frames.ts';
import { executionOperations as operations } from './operations/executions.ts';
import { lastEventNumber, waitMs, wantsEvents } from './preferences.ts';
import { finishedAnswer, toCell, toToolResults, unfinishedAnswer } from './translate.ts';
import { cellParams, executionBody, executionParams, sessionParams, toolResultsBody } from './wire.ts';

/** How long a cancelled execution is waited for before it is answered as it is. */
const cancelWaitMs = 2000;

/** Running code: in a session, or on its own. */
export function executionRoutes(app: FastifyInstance, context: DialectContext): void {
  const { sessions } = context;

  app.post('/executions', { config: { rateClass: 'exec', operation: operations.execute } }, async (request, reply) => {
    const execution = await sessions.start(request.principal, toCell(parse(executionBody, request.body)));
    // Nobody else knows its id yet: whoever leaves before the answer never comes back for it.
    if (!wantsEvents(request)) whenGone(reply).addEventListener('abort', () => execution.cancel());
    return begun(request, reply, execution);
  });
  app.post(
    '/sessions/:session_id/executions',
    { config: { rateClass: 'exec', operation: operations.executeInSession } },
    async (request, reply) => {
      const { session_id: id } = parse(sessionParams, request.params);
      return begun(
        request,
        reply,
        await sessions.start(request.principal, toCell(parse(executionBody, request.body), id)),
      );
    },
  );

  const places = [
    { prefix: '/executions', find: findAlone, own: operations.alone },
    { prefix: '/sessions/:session_id/executions', find: findInSession, own: operations.inSession },
  ];
  for (const { prefix, find, own } of places) {
    app.get(
      `${prefix}/:execution_id`,
      { config: { rateClass: 'list', operation: own.read } },
      async (request, reply) => {
        const execution = await find(request);
        if (wantsEvents(request)) return follow(request, reply, execution);
        return settled(execution, waitMs(request) ?? 0, whenGone(reply));
      },
    );
    app.post(
      `${prefix}/:execution_id/tool_results`,
      { config: { rateClass: 'list', operation: own.answer } },
      async (request, reply) => {
        const results = toToolResults(parse(toolResultsBody, request.body));
        const execution = await find(request);
        execution.answer(results);
        return begun(request, reply, execution);
      },
    );
    app.post(
      `${prefix}/:execution_id/cancel`,
      { config: { rateClass: 'list', operation: own.cancel } },
      async (request, reply) => {
        const execution = await find(request);
        execution.cancel();
        return settled(execution, cancelWaitMs, whenGone(reply));
      },
    );
  }

  function findAlone(request: FastifyRequest): Promise<RunningExecution> {
    const { execution_id: id } = parse(executionParams, request.params);
    return sessions.execution(request.principal, id);
  }

  async function findInSession(request: FastifyRequest): Promise<RunningExecution> {
    const { session_id: id, execution_id: executionId } = parse(cellParams, request.params);
    const execution = await sessions.execution(request.principal, executionId);
    if (execution.sessionId !== id) throw new DragomanError('not_found');
    return execution;
  }

  /** Answers a request that set an execution going. */
  async function begun(request: FastifyRequest, reply: FastifyReply, execution: RunningExecution) {
    reply.header('location', `/v1/executions/${execution.id}`);
    if (wantsEvents(request)) return follow(request, reply, execution);
    const answer = await settled(execution, waitMs(request), whenGone(reply));
    if (answer.status === 'queued' || answer.status === 'running') reply.code(202);
    return answer;
  }

  async function follow(request: FastifyRequest, reply: FastifyReply, execution: RunningExecution) {
    const after = lastEventNumber(request);
    const frames = framesOf(execution, after, whenGone(reply), context.problem);
    if (execution.status !== 'done') return sendEvents(reply, following([startFrame(execution)], frames));
    const first = await frames.next();
    // Browsers come back when a stream ends, until they are told that there is no more.
    if (first.done) return reply.code(204).send();
    return sendEvents(reply, following([startFrame(execution), first.value], frames));
  }
}

async function* following(first: readonly Frame[], rest: AsyncIterable<Frame>): AsyncGenerator<Frame> {
  yield* first;
  yield* rest;
}

/**
 * An execution as it is when it is over, asks for tools, or `ms` have passed; undefined waits for ever.
 * @throws DragomanError what the execution failed with; cancelled when the caller goes, conflict when it was cancelled
 */
async function settled(execution: RunningExecution, ms: number | undefined, gone: AbortSignal) {
  const late = new AbortController();
  const timer = ms === undefined ? undefined : setTimeout(() => late.abort(), ms);
  try {
    for await (const { event } of execution.events(0, AbortSignal.any([gone, late.signal]))) {
      if (event.type === 'tool_calls' && execution.pending.length > 0) return unfinishedAnswer(execution);
    }
  } finally {
    clearTimeout(timer);
  }
  if (gone.aborted) throw new DragomanError('cancelled');
  if (execution.status !== 'done' && late.signal.aborted) return unfinishedAnswer(execution);
  try {
    return finishedAnswer(await execution.done);
  } catch (error) {
    // Not this request was given up, but what it asks about.
    if (!(error instanceof DragomanError) || error.code !== 'cancelled') throw error;
    throw new DragomanError('conflict', { message: 'The execution was cancelled.' });
  }
}
