import { setTimeout as sleep } from 'node:timers/promises';
import { DragomanError, type ExecutionEvent, type ToolCall, type ToolResult } from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import type { JobEnding, JobEvent, Runner } from '../../runner/index.ts';
import { type ExecutionNote, PeerSilent, type Peers } from '../peers/peers.ts';
import type { PeerQuestion } from '../peers/questions.ts';
import type { Execution, RunningExecution } from './executions.ts';
import { type ExecutionState, readJob } from './job-reading.ts';
import { executionEvent, startedEvents } from './tracked-execution.ts';

export interface DistantParts {
  readonly peers: Peers;
  readonly runner: Pick<Runner, 'events' | 'checkAnswer' | 'answer' | 'interrupt' | 'cancel'>;
  /** How it ended, where that is recorded. */
  readonly recorded: (id: string) => Promise<Execution | undefined>;
  /** Records what is left of an execution whose gateway has died. */
  readonly settle: (id: string) => Promise<void>;
}

const askMs = 5000;
/** How long one question for the end waits on the other side. */
const endMs = 4000;
const againMs = 200;

/**
 * An execution that another gateway has begun. That gateway is asked, and its events come from the runner. Where it has died, the runner is
 * asked itself: the code runs on without it.
 */
export class DistantExecution implements RunningExecution {
  readonly id: string;
  readonly sessionId: string;
  readonly language: string;
  #status: RunningExecution['status'];
  #pending: readonly ToolCall[];
  #last: number;
  readonly #note: ExecutionNote;
  readonly #parts: DistantParts;
  #done: Promise<Execution> | undefined;

  private constructor(note: ExecutionNote, state: ExecutionState, parts: DistantParts) {
    this.id = note.id;
    this.sessionId = note.sessionId;
    this.language = note.language;
    this.#status = state.status;
    this.#pending = state.pending;
    this.#last = state.last;
    this.#note = note;
    this.#parts = parts;
  }

  /** As its gateway said when it was found, and as its events and the answers given here have told since then. */
  get status(): RunningExecution['status'] {
    return this.#status;
  }

  get pending(): readonly ToolCall[] {
    return this.#pending;
  }

  get last(): number {
    return this.#last;
  }

  /** Undefined: nothing of it is known any more. @throws DragomanError overloaded when its gateway does not answer now */
  static async find(note: ExecutionNote, parts: DistantParts): Promise<DistantExecution | undefined> {
    const { peers, runner } = parts;
    if (peers.isAlive(note.gateway)) {
      try {
        const state = await peers.ask<ExecutionState | null>(note.gateway, { type: 'state', id: note.id }, askMs);
        return state ? new DistantExecution(note, state, parts) : undefined;
      } catch (error) {
        if (!(error instanceof PeerSilent)) throw error;
        if (peers.isAlive(note.gateway)) throw silent(error);
      }
    }
    const state = await readJob(runner, note);
    return state && new DistantExecution(note, state, parts);
  }

  async *events(after = 0, signal?: AbortSignal): AsyncGenerator<NumberedEvent<ExecutionEvent>> {
    const { runner } = this.#parts;
    let read = after + startedEvents;
    for (let isOver = this.#status === 'done'; !signal?.aborted; ) {
      for await (const { number, event } of runner.events(this.#job, read, signal)) {
        read = Math.max(read, number);
        isOver ||= event.type === 'ended' || event.type === 'failed';
        this.#observe(number - startedEvents, event);
        const shown = executionEvent(event);
        if (shown) yield { number: number - startedEvents, event: shown };
        if (signal?.aborted) return;
      }
      // Its job may not have begun yet.
      if (isOver || signal?.aborted || !(await this.#isUnderWay())) return;
      await sleep(againMs);
    }
  }

  get done(): Promise<Execution> {
    this.#done ??= this.#end();
    this.#done.catch(() => {});
    return this.#done;
  }

  async answer(results: readonly ToolResult[]): Promise<void> {
    await this.#ask({ type: 'answer', id: this.id, results }, async ({ runner }) => {
      const { changes } = await runner.checkAnswer(this.id, results);
      if (changes) await runner.answer(this.id, results);
    });
    const answered = new Set(results.map(({ id }) => id));
    this.#pending = this.#pending.filter(({ id }) => !answered.has(id));
    if (this.#status === 'waiting' && this.#pending.length === 0) this.#status = 'running';
  }

  cancel(): void {
    void this.#ask({ type: 'cancel', id: this.id }, ({ runner }) => runner.cancel(this.id)).catch(() => {});
  }

  async interrupt(): Promise<void> {
    await this.#ask({ type: 'interrupt', id: this.id }, ({ runner }) => runner.interrupt(this.id));
  }

  /** Events that were told before it was found say nothing new. */
  #observe(number: number, event: JobEvent): void {
    if (event.type === 'ended' || event.type === 'failed') [this.#status, this.#pending] = ['done', []];
    if (number <= this.#last || !executionEvent(event)) return;
    this.#last = number;
    if (event.type === 'tool_calls') [this.#status, this.#pending] = ['waiting', event.calls];
    else if (this.#status === 'queued') this.#status = 'running';
  }

  get #job() {
    return { id: this.id, owner: this.#note.owner };
  }

  async #isUnderWay(): Promise<boolean> {
    const state = await this.#ask<ExecutionState | null>({ type: 'state', id: this.id }, async () => null);
    return state !== null && state.status !== 'done';
  }

  /** Asks its gateway, and does it here where that has died. */
  async #ask<T>(question: PeerQuestion, here: (parts: DistantParts) => Promise<T>): Promise<T> {
    const { peers } = this.#parts;
    const { gateway } = this.#note;
    if (!peers.isAlive(gateway)) return here(this.#parts);
    try {
      return await peers.ask<T>(gateway, question, askMs);
    } catch (error) {
      if (!(error instanceof PeerSilent)) throw error;
      if (peers.isAlive(gateway)) throw silent(error);
      return here(this.#parts);
    }
  }

  async #end(): Promise<Execution> {
    const { runner, recorded, settle } = this.#parts;
    for (;;) {
      const ended = await this.#ask<Execution | null | undefined>(
        { type: 'end', id: this.id, waitMs: endMs },
        async () => undefined,
      );
      if (ended) return ended;
      if (ended === undefined) break;
    }
    for await (const { event } of runner.events(this.#job, 0)) {
      if (event.type === 'failed') throw new DragomanError('internal', { message: event.error.message });
      if (event.type !== 'ended') continue;
      if (leavesFiles(event)) await settle(this.id);
      const known = await recorded(this.id);
      if (known) return known;
      const { id, sessionId, language } = this;
      const { continuity, result, files, deleted, lost } = event;
      const unrecorded = files.map(({ path }) => ({ path, reason: 'The gateway of the execution has died.' }));
      return {
        ...{ id, sessionId, language, continuity, result, deleted, files: [] },
        ...{ tier: this.#note.tier, startedAt: this.#note.begunAt, lost: [...lost, ...unrecorded] },
      };
    }
    const known = await recorded(this.id);
    if (known) return known;
    throw new DragomanError('not_found', { message: 'Execution not found' });
  }
}

function leavesFiles({ files, deleted }: JobEnding): boolean {
  return files.length + deleted.length > 0;
}

function silent(cause: unknown): DragomanError {
  return new DragomanError('overloaded', {
    message: 'The gateway of this execution does not answer now.',
    retryAfterSeconds: 2,
    cause,
  });
}
