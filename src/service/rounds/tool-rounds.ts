import { DragomanError, type Principal, type ToolResult } from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { ExecutionLog } from '../executions/execution-log.ts';
import type { ExecutionRequest, Executions } from '../executions/executions.ts';
import type { TrackedExecution } from '../executions/tracked-execution.ts';
import type { Round, RoundOptions, RoundRef, ToolRounds } from './rounds.ts';

export interface ToolRoundParts {
  readonly executions: Pick<Executions, 'start'>;
  readonly log: Pick<ExecutionLog, 'tracked'>;
  readonly runner: Pick<Runner, 'placeSession'>;
}

/** `ToolRounds` over the executions: all that lasts between two requests is in the execution itself. */
export class ExecutionRounds implements ToolRounds {
  readonly #parts: ToolRoundParts;

  constructor(parts: ToolRoundParts) {
    this.#parts = parts;
  }

  async start(principal: Principal, request: ExecutionRequest, { signal, named }: RoundOptions): Promise<Round> {
    const { executions, log } = this.#parts;
    const { id } = await executions.start(principal, request);
    const execution = log.tracked(principal, id)!;
    execution.isAwaited = true;
    if (named?.attach(id)) execution.cancel();
    return this.#next(execution, 0, signal);
  }

  async resume(
    principal: Principal,
    ref: RoundRef,
    results: readonly ToolResult[],
    { signal, named }: RoundOptions,
  ): Promise<Round> {
    const { log, runner } = this.#parts;
    const execution = log.tracked(principal, ref.executionId);
    if (!execution) {
      if ((await runner.placeSession(ref.worker)) !== ref.worker) return { type: 'lost' };
      throw notFound();
    }
    if (execution.principal.authContext !== principal.authContext) throw notFound();
    if (execution.status === 'done') return endAgain(execution, results);
    if (ref.round > execution.rounds)
      throw new DragomanError('invalid_request', { message: 'the execution has not come to this round' });
    if (execution.isAwaited)
      throw new DragomanError('conflict', { message: 'Another continuation of this execution is under way' });
    const { calls, calledAt } = execution;
    // From here on no other request may answer.
    execution.isAwaited = true;
    try {
      await execution.answer(results);
    } catch (error) {
      execution.isAwaited = false;
      throw error;
    }
    if (named?.attach(execution.id)) execution.cancel();
    const answered = new Set(results.map(({ id }) => id));
    if (calls.some(({ id }) => answered.has(id))) return this.#next(execution, calledAt, signal);
    // It has had these results before, so it still waits for others.
    execution.isAwaited = false;
    return roundOf(execution);
  }

  cancel(principal: Principal, executionId: string): void {
    this.#parts.log.tracked(principal, executionId)?.cancel();
  }

  /** Waits until it calls again after its event of number `after`, or ends. */
  async #next(execution: TrackedExecution, after: number, signal: AbortSignal): Promise<Round> {
    let isRound = false;
    try {
      for await (const { event } of execution.events(after, signal)) {
        // One that was cancelled meanwhile comes to its end.
        if (event.type !== 'tool_calls' || execution.signal.aborted) continue;
        isRound = true;
        return roundOf(execution);
      }
      if (signal.aborted) throw new DragomanError('cancelled');
      const ended = await execution.done;
      if (ended.result.outcome === 'cancelled') throw new DragomanError('cancelled');
      return { type: 'ended', execution: ended, notes: execution.notes };
    } finally {
      execution.isAwaited = false;
      if (!isRound && execution.status !== 'done') execution.cancel();
    }
  }
}

function roundOf({
  id: executionId,
  sessionId,
  rounds: round,
  worker,
  calls,
  opening: shown,
}: TrackedExecution): Round {
  return { type: 'calls', ref: { executionId, round, worker: worker! }, sessionId, calls, shown };
}

/** The end once more, for a caller that did not get it. @throws DragomanError not_found */
async function endAgain(execution: TrackedExecution, results: readonly ToolResult[]): Promise<Round> {
  const ended = execution.hasHad(results) ? await execution.done.catch(() => undefined) : undefined;
  if (!ended || ended.result.outcome === 'cancelled') throw notFound();
  return { type: 'ended', execution: ended, notes: execution.notes };
}

function notFound(): DragomanError {
  return new DragomanError('not_found', { message: 'Execution not found or expired' });
}
