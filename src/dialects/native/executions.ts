import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError, type Principal } from '../../core/index.ts';
import { abortOnDisconnect, addRoute, type Frame, problemOf, sendEvents } from '../../http/index.ts';
import type { RunningExecution, WatchedExecution } from '../../service/index.ts';
import { executionRoutes as routes } from './contract/executions.ts';
import { framesOf, startFrame } from './frames.ts';
import { lastEventNumber, waitMs, wantsEvents } from './preferences.ts';
import type { NativeServices } from './services.ts';
import { finishedAnswer, toCell, toToolResults, unfinishedAnswer } from './translate.ts';

/** How long a cancelled execution is waited for before it is answered as it is. */
const cancelWaitMs = 2000;

/** Running code: in a session, or alone. */
export function addExecutionRoutes(
  app: FastifyInstance,
  { executions, executionWatch, sessions }: Pick<NativeServices, 'executions' | 'executionWatch' | 'sessions'>,
): void {
  addRoute(app, routes.execute, async ({ body }, request, reply) => {
    const execution = await executions.start(request.principal, toCell(body));
    // A client that leaves before the answer never learns the id, so it cannot come back.
    if (!wantsEvents(request)) abortOnDisconnect(reply).addEventListener('abort', () => execution.cancel());
    return begun(request, reply, execution);
  });
  addRoute(app, routes.executeInSession, async ({ params, body }, request, reply) =>
    begun(request, reply, await executions.start(request.principal, toCell(body, params.session_id))),
  );

  addRoute(app, routes.watch, async ({ params }, { principal }, reply) => {
    const { id } = await sessions.get(principal, params.session_id);
    return sendEvents(reply, newsFrames(executionWatch.watch(id, abortOnDisconnect(reply))));
  });

  for (const place of [routes.alone, routes.inSession]) {
    addRoute(app, place.read, async ({ params }, request, reply) => {
      const execution = await find(request.principal, params);
      if (wantsEvents(request)) return follow(request, reply, execution);
      return settled(execution, waitMs(request) ?? 0, abortOnDisconnect(reply));
    });
    addRoute(app, place.answer, async ({ params, body }, request, reply) => {
      const execution = await find(request.principal, params);
      await execution.answer(toToolResults(body));
      return begun(request, reply, execution);
    });
    addRoute(app, place.cancel, async ({ params }, request, reply) => {
      const execution = await find(request.principal, params);
      execution.cancel();
      return settled(execution, cancelWaitMs, abortOnDisconnect(reply));
    });
  }

  /** @throws DragomanError not_found also for an execution of another session than the one of the address */
  async function find(
    principal: Principal,
    { execution_id: id, session_id: sessionId }: { execution_id: string; session_id?: string },
  ): Promise<RunningExecution> {
    const execution = await executions.find(principal, id);
    if (sessionId !== undefined && execution.sessionId !== sessionId) throw new DragomanError('not_found');
    return execution;
  }
}

/** Code in a frame is cut: the whole of it is in the execution's history. */
const shownCode = 64 * 1024;

async function* newsFrames(news: AsyncIterable<WatchedExecution>): AsyncGenerator<Frame> {
  for await (const { phase, execution, code } of news) {
    const { id, sessionId, language } = execution;
    const data = { id, session_id: sessionId, language, phase, code: code.slice(0, shownCode) };
    yield { event: 'execution', data };
  }
}

/** Answers a request that started or continued an execution. */
async function begun(request: FastifyRequest, reply: FastifyReply, execution: RunningExecution) {
  reply.header('location', `/v1/executions/${execution.id}`);
  if (wantsEvents(request)) return follow(request, reply, execution);
  const answer = await settled(execution, waitMs(request), abortOnDisconnect(reply));
  if (answer.status === 'queued' || answer.status === 'running') reply.code(202);
  return answer;
}

async function follow(request: FastifyRequest, reply: FastifyReply, execution: RunningExecution) {
  const after = lastEventNumber(request);
  const frames = framesOf(execution, after, abortOnDisconnect(reply), problemOf);
  if (execution.status !== 'done') return sendEvents(reply, following([startFrame(execution)], frames));
  const first = await frames.next();
  // A browser reconnects when a stream ends, until it is told that nothing follows.
  if (first.done) return reply.code(204).send();
  return sendEvents(reply, following([startFrame(execution), first.value], frames));
}

async function* following(first: readonly Frame[], rest: AsyncIterable<Frame>): AsyncGenerator<Frame> {
  yield* first;
  yield* rest;
}

/**
 * The execution as it is when it is over, asks for tools, or after `ms`; undefined waits without a limit.
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
    // The execution was cancelled, not this request.
    if (!(error instanceof DragomanError) || error.code !== 'cancelled') throw error;
    throw new DragomanError('conflict', { message: 'The execution was cancelled.' });
  }
}
