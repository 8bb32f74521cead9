import { DragomanError, type Plans, type Principal, planOf, type ToolDefinition } from '../../core/index.ts';
import type { Runtime } from '../../engine/index.ts';
import type { Admission } from '../admission/admission.ts';
import { resolveInputs } from '../files/inputs.ts';
import type { HotSessions } from '../sessions/hot-sessions.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { SessionRecords } from '../sessions/session-record.ts';
import type { CellExecution, CellRequest, RunningExecution } from '../sessions/sessions.ts';
import type { UsageMeter } from '../usage/usage.ts';
import { type CellOrder, Cells, type CellsParts } from './cells.ts';
import type { ExecutionLog } from './execution-log.ts';
import { Place } from './place.ts';
import { checkProgram, limitsWithin, runtimeOf } from './programs.ts';
import { type ExecutionDriver, TrackedExecution } from './running-execution.ts';
import { ToolDesk } from './tool-desk.ts';

export interface ExecutionsOptions extends CellsParts {
  readonly admission: Admission;
  readonly plans: Plans;
  readonly usage: UsageMeter;
  readonly maxLifeMs: number;
  /** How long an execution may wait for the answers to its tool calls. */
  readonly toolWaitMs: number;
  /** Executions of one principal that may call tools, at once. */
  readonly maxToolExecutions: number;
  /** None that may call tools begins while less memory than this is available. */
  readonly reserveBytes: number;
  readonly availableMemory: () => number;
}

/** Lets executions begin: who may, within which limits, when there is a place, with which tools; and counts what they use. */
export class Executions {
  readonly #options: ExecutionsOptions;
  readonly #parts: { readonly records: SessionRecords; readonly hot: HotSessions; readonly log: ExecutionLog };
  readonly #cells: Cells;
  /** Executions that may call tools, by principal. */
  readonly #withTools = new Map<string, number>();
  #closing = false;

  constructor(options: ExecutionsOptions, parts: { records: SessionRecords; hot: HotSessions; log: ExecutionLog }) {
    this.#options = options;
    this.#parts = parts;
    this.#cells = new Cells(options);
  }

  /** Ends what runs, and begins nothing more. */
  close(): void {
    this.#closing = true;
    this.#parts.log.cancelAll();
  }

  /** See `Sessions.start`. */
  async start(principal: Principal, request: CellRequest): Promise<RunningExecution> {
    const { engine, fileService, plans } = this.#options;
    const runtime = runtimeOf(engine.catalogue, request.language);
    checkProgram(request);
    const inputs = await resolveInputs(fileService, principal, request.files ?? []);
    const live = request.sessionId === undefined ? undefined : await this.#parts.hot.use(principal, request.sessionId);
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const limits = limitsWithin(planOf(plans, principal), request.wallMs);
    const order = { runtime, request, inputs, limits };
    const { code, sessionId } = request;
    const tools = request.tools?.length ? this.#toolDesk(principal, runtime, request.tools) : undefined;
    const facts = { principal, sessionId, language: runtime.name, code, tools };
    const execution = new TrackedExecution(facts, (driver, id) =>
      live
        ? live.queue.run(() => this.#inSession(principal, live, { ...order, id }, driver), driver.signal)
        : this.#placed(principal, driver, () => this.#cells.alone(principal, { ...order, id }, driver)),
    );
    if (tools) this.#countTools(principal, execution);
    live?.follow(execution);
    this.#meter(principal, execution);
    this.#parts.log.add(execution, live && live.record.createdAt + this.#options.maxLifeMs);
    return execution;
  }

  #meter(principal: Principal, execution: RunningExecution): void {
    execution.done.then(
      ({ result: { usage } }) =>
        this.#options.usage.record(principal, { executions: 1, cpuMs: usage.cpuMs, wallMs: usage.wallMs }),
      // What never ran has used nothing.
      () => {},
    );
  }

  async #inSession(
    principal: Principal,
    live: LiveSession,
    order: CellOrder,
    driver: ExecutionDriver,
  ): Promise<CellExecution> {
    if (this.#parts.hot.get(live.record.id) !== live)
      throw new DragomanError('not_found', { message: 'Session not found' });
    const limits = { ...order.limits, memoryBytes: Math.min(order.limits.memoryBytes, live.record.memoryBytes) };
    try {
      return await this.#placed(principal, driver, async () => {
        if (!live.live) await this.#parts.hot.makeRoom();
        const stored = () => this.#options.fileService.opened(principal, this.#parts.records.stored(live.record));
        return this.#cells.inSession(live, stored, { ...order, limits }, driver);
      });
    } catch (cause) {
      // The session was deleted meanwhile, and what it ran in went with it.
      if (this.#parts.hot.get(live.record.id) !== live)
        throw new DragomanError('cancelled', { message: 'The session was deleted.', cause });
      throw cause;
    } finally {
      this.#parts.hot.touch(live);
    }
  }

  /** @throws DragomanError invalid_request, rate_limited, overloaded */
  #toolDesk(principal: Principal, runtime: Runtime, definitions: readonly ToolDefinition[]): ToolDesk {
    const { engine, toolWaitMs, maxToolExecutions, availableMemory, reserveBytes } = this.#options;
    const desk = new ToolDesk(engine.tools(runtime.name, definitions, toolWaitMs));
    const retryAfterSeconds = 5;
    if ((this.#withTools.get(principal.id) ?? 0) >= maxToolExecutions) {
      const message = `${maxToolExecutions} executions that may call tools are under way already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds });
    }
    // One that waits keeps its memory for as long as its caller takes.
    if (availableMemory() < reserveBytes) throw new DragomanError('overloaded', { retryAfterSeconds });
    return desk;
  }

  #countTools(principal: Principal, { done }: TrackedExecution): void {
    const add = (change: number) => {
      const count = (this.#withTools.get(principal.id) ?? 0) + change;
      if (count > 0) this.#withTools.set(principal.id, count);
      else this.#withTools.delete(principal.id);
    };
    add(1);
    const subtract = () => add(-1);
    done.then(subtract, subtract);
  }

  /** Waits for a place to run. */
  async #placed<T>(principal: Principal, driver: ExecutionDriver, work: () => Promise<T>): Promise<T> {
    const { admission, plans } = this.#options;
    const place = await Place.take(admission, principal.id, planOf(plans, principal), driver.signal);
    try {
      driver.running(place);
      return await work();
    } finally {
      place.leave();
    }
  }
}
