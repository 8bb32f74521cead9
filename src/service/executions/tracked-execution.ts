import { createHash } from 'node:crypto';
import {
  DragomanError,
  type ExecutionEvent,
  newId,
  type Principal,
  type Tier,
  type ToolCall,
  type ToolResult,
  weightOf,
} from '../../core/index.ts';
import type { NumberedEvent } from '../../event-log/index.ts';
import { errorOf, type Job, type JobEnding, type JobEvent, outputBytes, type Runner } from '../../runner/index.ts';
import type { Place } from '../admission/admission.ts';
import type { Execution, RunningExecution } from './executions.ts';
import type { ParkedShare } from './parked-bytes.ts';

export interface TrackedExecutionFacts {
  /** Absent: a new one. */
  readonly id?: string | undefined;
  readonly runner: Runner;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly principal: Pick<Principal, 'id' | 'tenant' | 'authContext'>;
  /** As jobs name the principal. */
  readonly owner: string;
  readonly sessionId: string | undefined;
  readonly language: string;
  readonly tier: Tier;
  /** Id of the kernel it runs in; null: it is a program. */
  readonly kernel: string | null;
  readonly code: string;
  readonly hasTools: boolean;
  /** Of the dialect. */
  readonly notes: Readonly<Record<string, string>>;
  /** W3C `traceparent` of its span; absent: it is not traced. */
  readonly trace?: string | undefined;
}

/** Characters kept of the beginning of what an execution with tools prints. */
const maxOpening = 65_536;
/** A job's events are those of its execution, behind one that says it has started. */
export const startedEvents = 1;

/** The beginning of what an execution prints, as text. */
export class Opening {
  /** Made when there is something to decode: most executions have no tools, and show nothing here. */
  #decoder: InstanceType<typeof TextDecoder> | undefined;
  #text = '';

  get text(): string {
    return this.#text;
  }

  add(bytes: Uint8Array): void {
    if (this.#text.length >= maxOpening) return;
    this.#decoder ??= new TextDecoder();
    this.#text = (this.#text + this.#decoder.decode(bytes, { stream: true })).slice(0, maxOpening);
  }
}

/** An execution as its caller sees it: where it is on its way, what it has shown, and how to answer and end it. */
export class TrackedExecution implements RunningExecution {
  readonly id: string;
  readonly sessionId: string;
  readonly language: string;
  readonly tier: Tier;
  readonly kernel: string | null;
  readonly principal: TrackedExecutionFacts['principal'];
  readonly notes: TrackedExecutionFacts['notes'];
  readonly owner: string;
  readonly code: string;
  readonly trace: string | undefined;
  readonly done: Promise<Execution>;
  /** When it was asked for, in milliseconds since the epoch. */
  readonly begunAt: number;
  /** A request waits for what it does next. */
  isAwaited = false;
  readonly #runner: Runner;
  readonly #hasTools: boolean;
  readonly #abort = new AbortController();
  #isCancelled = false;
  /** Resolves when its job is submitted, or it ended without one. */
  readonly #submitted = Promise.withResolvers<void>();
  #isSubmitted = false;
  #status: RunningExecution['status'] = 'queued';
  #place: Place | undefined;
  readonly #now: () => number;
  #placeAskedAt: number | null = null;
  #placedAt: number | null = null;
  #seen = 0;
  #resultBytes = 0;
  #worker: string | undefined;
  #calls: readonly ToolCall[] = [];
  #calledAt = 0;
  #rounds = 0;
  readonly #opening = new Opening();
  /** Digests of the answers to calls, by the call's id. */
  readonly #answered = new Map<string, string>();
  /** Answers that wait for a place in which the program can go on. */
  #waiting: (readonly ToolResult[])[] = [];

  /** Begins at once. `work` resolves with what came of it. */
  constructor(facts: TrackedExecutionFacts, work: (execution: TrackedExecution) => Promise<Execution>) {
    this.id = facts.id ?? newId();
    // Without a session it is one of its own.
    this.sessionId = facts.sessionId ?? this.id;
    this.language = facts.language;
    this.tier = facts.tier;
    this.kernel = facts.kernel;
    this.code = facts.code;
    this.trace = facts.trace;
    this.owner = facts.owner;
    const { id, tenant, authContext } = facts.principal;
    this.principal = { id, tenant, authContext };
    this.notes = facts.notes;
    this.#runner = facts.runner;
    this.#now = facts.now;
    this.begunAt = facts.now();
    this.#hasTools = facts.hasTools;
    const ended = work(this).then((execution) => {
      this.#resultBytes = weightOf(execution.result);
      return execution;
    });
    this.done = ended.finally(() => {
      this.#status = 'done';
      this.#submitted.resolve();
    });
    // The caller may have gone, and then the error concerns only the log.
    this.done.catch(() => {});
  }

  get status(): RunningExecution['status'] {
    return this.#status;
  }

  get pending(): readonly ToolCall[] {
    return this.#status === 'done' ? [] : this.#calls.filter(({ id }) => !this.#answered.has(id));
  }

  get last(): number {
    return Math.max(0, this.#seen - startedEvents);
  }

  /** When it got its place to run; null: it has none yet. */
  get placedAt(): number | null {
    return this.#placedAt;
  }

  /** Since when it waits for its first place; null: it does not. */
  get waitsForPlaceSince(): number | null {
    return this.#status === 'queued' ? this.#placeAskedAt : null;
  }

  /** The worker that runs it, once it has started. */
  get worker(): string | undefined {
    return this.#worker;
  }

  /** Its latest round of tool calls, answered or not. */
  get calls(): readonly ToolCall[] {
    return this.#calls;
  }

  /** Number of the event that told of these calls. */
  get calledAt(): number {
    return this.#calledAt;
  }

  /** How many rounds of calls it has made. */
  get rounds(): number {
    return this.#rounds;
  }

  /** With tools: the beginning of what it has printed to stdout. */
  get opening(): string {
    return this.#opening.text;
  }

  /** Whether it was given exactly these answers. */
  hasHad(results: readonly ToolResult[]): boolean {
    return results.every((result) => this.#answered.get(result.id) === digestOf(result));
  }

  /** Bytes that are kept of it besides its events, about. */
  get bytes(): number {
    return this.#resultBytes + this.code.length + this.#opening.text.length + weightOf(this.notes);
  }

  get authContext(): string | undefined {
    return this.principal.authContext;
  }

  get hasTools(): boolean {
    return this.#hasTools;
  }

  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** Aborts when it is to be ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  async *events(after = 0, signal?: AbortSignal): AsyncGenerator<NumberedEvent<ExecutionEvent>> {
    if (!this.#isSubmitted) await orAborted(this.#submitted.promise, signal);
    if (signal?.aborted) return;
    for await (const { number, event } of this.#runner.events(this, after + startedEvents, signal)) {
      // A reader may be ahead of the one that follows the job for us.
      this.#observe(number, event);
      const shown = executionEvent(event);
      if (shown) yield { number: number - startedEvents, event: shown };
      if (signal?.aborted) return;
    }
  }

  /** Its turn has come, and it waits for a place. */
  askForPlace(): void {
    this.#placeAskedAt = this.#now();
  }

  /** It has its place and runs. */
  begin(place: Place): void {
    this.#placedAt = this.#now();
    this.#place = place;
    this.#status = 'running';
  }

  /**
   * Hands the runner its job and follows it to its end.
   * @param parked what it may keep shown while it waits for answers
   * @throws DragomanError what the job failed with; rate_limited, overloaded when it may not wait with what it has shown
   */
  async run(job: Omit<Job, 'id' | 'owner'>, parked: ParkedShare): Promise<JobEnding> {
    await this.#runner.submit({ ...job, id: this.id, owner: this.owner });
    this.#isSubmitted = true;
    this.#submitted.resolve();
    if (this.#isCancelled) void this.#runner.cancel(this.id);
    let fault: unknown;
    for await (const { number, event } of this.#runner.events(this, 0)) {
      this.#observe(number, event);
      if (event.type === 'failed') throw fault ?? errorOf(event.error);
      if (event.type === 'ended' && fault) throw fault;
      if (event.type === 'ended') return event;
      try {
        if (!fault) parked.note(event);
      } catch (error) {
        fault = error;
        this.cancel();
      }
    }
    throw new DragomanError('internal', { message: 'The execution ended without a result.' });
  }

  /** Takes note of an event of its job. Each is noted once, in whatever order readers see them. */
  #observe(number: number, event: JobEvent): void {
    if (number <= this.#seen) return;
    // Another execution may run while the files of this one are stored.
    if (event.type === 'storing') this.#place?.leave();
    // What follows is no part of what callers see, nor of its numbers.
    if (event.type === 'storing' || event.type === 'ended' || event.type === 'failed') return;
    this.#seen = number;
    if (event.type === 'started') this.#worker = event.worker;
    if (event.type === 'stdout' && this.#hasTools) this.#opening.add(outputBytes(event));
    if (event.type !== 'tool_calls' || this.#status === 'done') return;
    this.#calls = event.calls;
    this.#calledAt = this.last;
    this.#rounds++;
    this.#status = 'waiting';
    this.#place?.lend();
  }

  async answer(results: readonly ToolResult[]): Promise<void> {
    if (!this.#hasTools) throw new DragomanError('invalid_request', { message: 'The execution has no tools.' });
    if (this.#status === 'done') throw new DragomanError('conflict', { message: 'The execution has ended.' });
    if (!this.#isSubmitted) {
      const [{ id } = { id: '' }] = results;
      throw new DragomanError('invalid_request', { message: `no tool call "${id.slice(0, 64)}" was made` });
    }
    const { changes, waits } = await this.#runner.checkAnswer(this.id, results);
    if (!changes) return;
    for (const result of results) this.#answered.set(result.id, digestOf(result));
    if (!waits) return this.#runner.answer(this.id, results);
    this.#waiting.push(results);
    if (this.#waiting.length === 1) void this.#goOn();
  }

  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    this.#abort.abort();
    if (this.#isSubmitted) void this.#runner.cancel(this.id);
  }

  async interrupt(): Promise<void> {
    if (this.#isSubmitted) await this.#runner.interrupt(this.id);
  }

  /** Waits for a place again, and gives the answers that have come by then. */
  async #goOn(): Promise<void> {
    try {
      await this.#place?.regain();
    } catch {
      // It was cancelled meanwhile: the answers do no harm.
    }
    if (this.#status === 'waiting') this.#status = 'running';
    for (const results of this.#waiting.splice(0)) {
      try {
        await this.#runner.answer(this.id, results);
      } catch (error) {
        // It has ended, or the same call was answered twice meanwhile: the first answer counts.
        if (!(error instanceof DragomanError)) throw error;
      }
    }
  }
}

/** Of an answer, however long. */
export function digestOf(result: ToolResult): string {
  return createHash('sha256').update(JSON.stringify(result)).digest('base64');
}

/** What callers see of a job's event; undefined: nothing. */
export function executionEvent(event: JobEvent): ExecutionEvent | undefined {
  switch (event.type) {
    case 'stdout':
    case 'stderr':
      return { type: event.type, data: outputBytes(event) };
    case 'started':
    case 'storing':
    case 'ended':
    case 'failed':
      return undefined;
    default:
      return event;
  }
}

async function orAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal?.aborted) return;
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const stop = () => resolve();
  signal?.addEventListener('abort', stop, { once: true });
  await Promise.race([promise, aborted]).finally(() => signal?.removeEventListener('abort', stop));
}
