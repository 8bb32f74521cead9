import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, FairStore, newId, type Principal, type ToolResult } from '../../core/index.ts';
import type { Runner } from '../../runner/index.ts';
import type { ExecutionLog } from '../executions/execution-log.ts';
import type { ExecutionRequest, Executions } from '../executions/executions.ts';
import { type ExecutionNote, PeerSilent, type Peers } from '../peers/peers.ts';
import type { PeerQuestion, RoundQuestion } from '../peers/questions.ts';
import { OrphanedExecution } from './orphaned-execution.ts';
import { RoundVisits } from './round-visits.ts';
import type { RoundedExecution } from './rounded-execution.ts';
import type { Round, RoundOptions, RoundRef, ToolRounds } from './rounds.ts';

export interface ToolRoundParts {
  readonly executions: Pick<Executions, 'start'>;
  readonly log: Pick<ExecutionLog, 'tracked' | 'noteOf' | 'distant'>;
  readonly runner: Pick<Runner, 'placeSession' | 'events'>;
  readonly peers: Peers;
}

/** How long one question waits at the home of an execution, and how long its answer may take. */
const waitMs = 4000;
const askMs = 8000;
const maxSilences = 8;
const againMs = 500;
/** Executions whose home has died: as long as a program waits for its caller. */
const orphans = { maxEntries: 1000, maxBytes: 64 * 1024 * 1024, ttlMs: 10 * 60_000 };

/**
 * `ToolRounds` over the executions: all that lasts between two requests is in the execution itself. A request that comes to another gateway than
 * the execution's home is done there; where the home has died, what it knew is read from the execution's events.
 */
export class ExecutionRounds implements ToolRounds {
  readonly #parts: ToolRoundParts;
  readonly #visits = new RoundVisits();
  readonly #orphans = new FairStore<Promise<OrphanedExecution | undefined>>(orphans);

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
    options: RoundOptions,
  ): Promise<Round> {
    const { log, runner } = this.#parts;
    const execution = log.tracked(principal, ref.executionId);
    if (execution) return this.#resume(execution, principal.authContext, ref, results, options);
    const note = await log.noteOf(principal, ref.executionId);
    const round = note && (await this.#resumeElsewhere(note, principal, ref, results, options));
    if (round) return round;
    if ((await runner.placeSession(ref.worker, null)) !== ref.worker) return { type: 'lost' };
    throw notFound();
  }

  cancel(principal: Principal, executionId: string): void {
    const { log } = this.#parts;
    const cancel = async () => {
      const note = await log.noteOf(principal, executionId);
      (note && (await log.distant(note)))?.cancel();
    };
    const execution = log.tracked(principal, executionId);
    if (execution) execution.cancel();
    else cancel().catch(() => {});
  }

  /** Does what another gateway asks for an execution of this one. */
  async answer(question: RoundQuestion): Promise<Round | null> {
    if (question.type === 'round_left') {
      this.#visits.end(question.token);
      return null;
    }
    const { token, principal, ref, results } = question;
    return this.#visits.wait(token, question.waitMs, async (signal) => {
      const execution = this.#parts.log.tracked({ ...principal, name: principal.id }, ref.executionId);
      if (!execution) throw notFound();
      return this.#resume(execution, principal.authContext, ref, results, { signal });
    });
  }

  async #resume(
    execution: RoundedExecution,
    authContext: string | undefined,
    ref: RoundRef,
    results: readonly ToolResult[],
    { signal, named }: RoundOptions,
  ): Promise<Round> {
    if (execution.authContext !== authContext) throw notFound();
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

  /** At its home, or, where that has died, here. Undefined: nothing of it is known any more. */
  async #resumeElsewhere(
    note: ExecutionNote,
    principal: Principal,
    ref: RoundRef,
    results: readonly ToolResult[],
    options: RoundOptions,
  ): Promise<Round | undefined> {
    try {
      return await this.#resumeAtHome(note, principal, ref, results, options);
    } catch (error) {
      if (!(error instanceof PeerSilent)) throw error;
      if (this.#parts.peers.isAlive(note.gateway))
        throw new DragomanError('overloaded', {
          message: 'The gateway of this execution does not answer now.',
          retryAfterSeconds: 2,
          cause: error,
        });
    }
    const orphan = await this.#orphan(note);
    return orphan && this.#resume(orphan, principal.authContext, ref, results, options);
  }

  /** @throws PeerSilent */
  async #resumeAtHome(
    { gateway, id }: ExecutionNote,
    { tenant, id: principalId, authContext }: Principal,
    ref: RoundRef,
    results: readonly ToolResult[],
    { signal, named }: RoundOptions,
  ): Promise<Round> {
    const { peers } = this.#parts;
    const token = newId();
    const asker = { tenant, id: principalId, ...(authContext === undefined ? {} : { authContext }) };
    const ask = <T>(question: PeerQuestion) => peers.ask<T>(gateway, question, askMs);
    const left = () => void ask({ type: 'round_left', id, token }).catch(() => {});
    signal.addEventListener('abort', left, { once: true });
    try {
      if (named?.attach(id)) await ask({ type: 'cancel', id });
      const question = { type: 'round', id, token, waitMs, principal: asker, ref, results } as const;
      for (let silences = 0; !signal.aborted; ) {
        try {
          const round = await ask<Round | null>(question);
          if (round) return round;
        } catch (error) {
          // The token makes it the same question: it is answered once, however often it is asked.
          if (!(error instanceof PeerSilent) || !peers.isAlive(gateway) || ++silences > maxSilences) throw error;
          await sleep(againMs);
        }
      }
      throw new DragomanError('cancelled');
    } finally {
      signal.removeEventListener('abort', left);
    }
  }

  /** One for all requests of this execution: it knows which of them waits. */
  #orphan(note: ExecutionNote): Promise<OrphanedExecution | undefined> {
    const { log, runner } = this.#parts;
    const key = { tenant: note.tenant, principalId: note.principalId, id: note.id };
    const known = this.#orphans.get(key);
    if (known) return known;
    const reading = log.distant(note).then((execution) => execution && OrphanedExecution.read(execution, note, runner));
    reading.then(
      (orphan) => orphan || this.#orphans.delete(key),
      () => this.#orphans.delete(key),
    );
    this.#orphans.set(key, reading, orphanBytes);
    return reading;
  }

  /** Waits until it calls again after its event of number `after`, or ends. */
  async #next(execution: RoundedExecution, after: number, signal: AbortSignal): Promise<Round> {
    let isRound = false;
    try {
      for await (const { event } of execution.events(after, signal)) {
        // One that was cancelled meanwhile comes to its end.
        if (event.type !== 'tool_calls' || execution.isCancelled) continue;
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

/** What is kept of an execution whose home has died: the beginning of what it printed, and its calls. */
const orphanBytes = 64 * 1024;

function roundOf({
  id: executionId,
  sessionId,
  rounds: round,
  worker,
  calls,
  opening: shown,
}: RoundedExecution): Round {
  return { type: 'calls', ref: { executionId, round, worker: worker! }, sessionId, calls, shown };
}

/** The end once more, for a caller that did not get it. @throws DragomanError not_found */
async function endAgain(execution: RoundedExecution, results: readonly ToolResult[]): Promise<Round> {
  const ended = execution.hasHad(results) ? await execution.done.catch(() => undefined) : undefined;
  if (!ended || ended.result.outcome === 'cancelled') throw notFound();
  return { type: 'ended', execution: ended, notes: execution.notes };
}

function notFound(): DragomanError {
  return new DragomanError('not_found', { message: 'Execution not found or expired' });
}
