import {
  DragomanError,
  HeldBytes,
  type Metrics,
  noTraces,
  type Plans,
  type Principal,
  planOf,
  type Span,
  type Traces,
  weightOf,
  within,
} from '../../core/index.ts';
import type { Language } from '../../runner/index.ts';
import type { Admission } from '../admission/admission.ts';
import { resolveInputs } from '../files/inputs.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import { kernelFor } from '../sessions/session-kernels.ts';
import type { SessionStates } from '../states/session-states.ts';
import { requireTier, tierFor, tierInSession } from '../tiers.ts';
import type { UsageMeter } from '../usage/usage.ts';
import type { ExecutionLog } from './execution-log.ts';
import type { Execution, ExecutionRequest, Executions, RunningExecution } from './executions.ts';
import { checkKernel, isCell, type Order } from './order.ts';
import { type OrderRunParts, runAlone, runInSession } from './order-run.ts';
import { ownerOf } from './owner.ts';
import { parkedBytes } from './parked-bytes.ts';
import { checkProgram, languageOf, limitsWithin } from './programs.ts';
import { ToolAllowance, type ToolAllowanceOptions } from './tool-allowance.ts';
import { TrackedExecution } from './tracked-execution.ts';

export interface ExecutionServiceOptions
  extends ToolAllowanceOptions,
    Omit<OrderRunParts, 'parked' | 'directory' | 'states'> {
  readonly admission: Admission;
  readonly plans: Plans;
  readonly usage: UsageMeter;
  readonly maxLifeMs: number;
  readonly metrics: Metrics;
  readonly traces?: Traces;
}

/** What requests of executions take in memory until these are over, in bytes; a client may leave many of them waiting. */
const underWayLimits = { perPrincipal: 128 * 1024 * 1024, total: 512 * 1024 * 1024 };
/** How long executions may take to end when the service is stopped. */
const endMs = 3000;
/** What an execution takes besides its request. */
const executionBytes = 16 * 1024;

/**
 * The one way of every execution: who may, within which limits, in its turn and when there is a place. Then it runs, its files are
 * recorded, and what it used is counted.
 */
export class ExecutionService implements Executions {
  readonly #options: ExecutionServiceOptions;
  readonly #parts: OrderRunParts;
  readonly #log: ExecutionLog;
  readonly #tools: ToolAllowance;
  readonly #underWay = new HeldBytes(underWayLimits, 'Too many executions are under way, or too large ones.');
  #closing = false;

  constructor(
    options: ExecutionServiceOptions,
    parts: { directory: SessionDirectory; log: ExecutionLog; states: SessionStates },
  ) {
    this.#options = options;
    this.#parts = { ...options, directory: parts.directory, states: parts.states, parked: parkedBytes() };
    this.#log = parts.log;
    this.#tools = new ToolAllowance(options);
  }

  /** Ends what runs, and begins nothing more. Resolves when it has ended, or soon at the latest. */
  async close(): Promise<void> {
    this.#closing = true;
    await within(this.#log.cancelAll(), endMs);
  }

  async start(principal: Principal, request: ExecutionRequest): Promise<RunningExecution> {
    const { runner, fileService, plans } = this.#options;
    const { directory } = this.#parts;
    const { sessionId } = request;
    const language = languageOf(await runner.languages(), request.language);
    checkProgram(request);
    checkKernel(request, language);
    if (request.id !== undefined) await this.#checkUnused(principal, request.id);
    const inputs = await resolveInputs(fileService, principal, request.files ?? []);
    const session = sessionId === undefined ? undefined : await directory.open(principal, sessionId);
    try {
      const tier = session
        ? tierInSession(plans, principal, session.record.tier, request.tier)
        : tierFor(plans, principal, request.tier);
      const state = await requireTier(runner, tier);
      const limits = limitsWithin(planOf(plans, principal), request.wallMs, state?.pace);
      if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
      const kernel = session ? kernelFor(session.record, language, request.kernelId) : null;
      const { execution, over } = this.#begin({ principal, language, request, inputs, limits, tier, kernel }, session);
      const end = () => {
        over();
        if (session) directory.release(session);
      };
      execution.done.then(end, end);
      return execution;
    } catch (error) {
      if (session) directory.release(session);
      throw error;
    }
  }

  find(principal: Principal, id: string): Promise<RunningExecution> {
    return this.#log.find(principal, id);
  }

  /** @throws DragomanError conflict for the id of an execution that is known */
  async #checkUnused(principal: Principal, id: string): Promise<void> {
    const known = await this.#log.find(principal, id).catch((error) => {
      if (error instanceof DragomanError && error.code === 'not_found') return undefined;
      throw error;
    });
    if (known) throw new DragomanError('conflict', { message: 'An execution of this id was begun before.' });
  }

  /** Begins an execution that is admitted; call `over` at its end. @throws DragomanError as `#admit` */
  #begin(order: Order, session: OpenSession | undefined): { execution: TrackedExecution; over: () => void } {
    const { principal, language, request, tier, kernel } = order;
    const owner = ownerOf(principal);
    let begun: TrackedExecution | undefined;
    const { traces = noTraces } = this.#options;
    const over = this.#admit(owner, language, request, () => begun?.cancel());
    const facts = {
      ...{
        id: request.id,
        runner: this.#options.runner,
        now: this.#options.now,
        principal,
        owner,
        code: request.code,
        language: language.name,
        tier,
      },
      sessionId: session?.record.id,
      hasTools: !!request.tools?.length,
      notes: request.notes ?? {},
      kernel: isCell(order) ? (kernel?.id ?? language.kernel) : null,
    };
    const span = traces.below(traces.current(), 'execution', { 'dragoman.language': language.name });
    const execution = new TrackedExecution({ ...facts, trace: span.trace }, (own) =>
      this.#traced(own, span, () => this.#measured(own, order, session)),
    );
    begun = execution;
    session?.follow(execution);
    if (request.question) this.#log.addUntold(execution);
    else this.#log.add(execution, session && session.record.createdAt + this.#options.maxLifeMs);
    return { execution, over };
  }

  /** Counts an execution until it is over; call what this returns then. @throws DragomanError rate_limited, overloaded, invalid_request */
  #admit(
    owner: string,
    language: Language,
    { code, args, stdin, tools, notes, manner }: ExecutionRequest,
    cancel: () => void,
  ): () => void {
    const bytes = executionBytes + weightOf([code, args, stdin, tools, notes, manner]);
    const giveBack = tools?.length ? this.#tools.take(owner, language, tools, cancel) : () => {};
    try {
      this.#underWay.take(owner, bytes);
    } catch (error) {
      giveBack();
      throw error;
    }
    return () => {
      giveBack();
      this.#underWay.give(owner, bytes);
    };
  }

  /** Tells how it ended to the span it is. */
  async #traced(execution: TrackedExecution, span: Span, work: () => Promise<Execution>): Promise<Execution> {
    if (span.trace === undefined) return work();
    span.set({ 'dragoman.execution': execution.id });
    try {
      const ended = await work();
      span.set({ 'dragoman.outcome': ended.result.outcome });
      span.end();
      return ended;
    } catch (error) {
      span.end(error instanceof DragomanError ? error.code : 'internal');
      throw error;
    }
  }

  /** Runs it, in its turn and in its place, and counts what it used. */
  async #measured(execution: TrackedExecution, order: Order, session: OpenSession | undefined): Promise<Execution> {
    const begun = performance.now();
    const parts = this.#parts;
    const ended = await (session
      ? session.execute(execution, () =>
          this.#placed(execution, order, () => runInSession(parts, execution, order, session)),
        )
      : this.#placed(execution, order, () => runAlone(parts, execution, order)));
    const { outcome, usage } = ended.result;
    this.#options.usage.record(order.principal, {
      executions: order.request.question ? 0 : 1,
      cpuMs: usage.cpuMs,
      wallMs: usage.wallMs,
    });
    const totalMs = performance.now() - begun;
    this.#options.metrics.execution({
      language: ended.language,
      isolation: ended.tier,
      outcome,
      wallMs: usage.wallMs,
      totalMs,
    });
    return ended;
  }

  /** Waits for a place to run. */
  async #placed<T>(execution: TrackedExecution, { principal }: Order, work: () => Promise<T>): Promise<T> {
    const { admission, plans, traces = noTraces } = this.#options;
    const { owner } = execution;
    const plan = planOf(plans, principal);
    execution.askForPlace();
    const waiting = traces.below(execution.trace, 'wait for a place');
    // One that is free is taken at once, unless the execution was cancelled before its turn.
    const free = execution.isCancelled ? undefined : admission.takeFree(owner, plan, () => execution.signal);
    const place = free ?? (await admission.take(owner, plan, execution.signal).finally(() => waiting.end()));
    waiting.end();
    try {
      execution.begin(place);
      return await work();
    } finally {
      place.leave();
    }
  }
}
