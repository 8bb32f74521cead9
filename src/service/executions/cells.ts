import type { CellResult, Limits, Logger, Metrics, Principal } from '../../core/index.ts';
import type { Engine, EngineSession, Runtime } from '../../engine/index.ts';
import type { FileService, OpenFileSet } from '../files/file-service.ts';
import { engineInput, type ResolvedInput } from '../files/inputs.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { checkRoom, type FoundFile, type KeptChanges, SessionFiles } from '../sessions/session-files.ts';
import type { CellExecution, CellRequest, Continuity } from '../sessions/sessions.ts';
import type { ReportedFile } from './interpreter.ts';
import type { ExecutionDriver } from './running-execution.ts';

export interface CellsParts {
  readonly engine: Engine;
  readonly fileService: FileService;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** What is to run, checked. */
export interface CellOrder {
  readonly id: string;
  readonly runtime: Runtime;
  readonly request: CellRequest;
  readonly inputs: readonly ResolvedInput[];
  readonly limits: Limits;
}

/** What a run left in its workspace. */
interface Left {
  readonly result: CellResult;
  readonly touched: readonly FoundFile[];
  readonly gone: readonly string[];
  /** Frees what `touched` reads from. */
  release(): Promise<void> | void;
}

/** Runs one execution, in a session or alone, and keeps its files. */
export class Cells {
  readonly #parts: CellsParts;

  constructor(parts: CellsParts) {
    this.#parts = parts;
  }

  /** Runs it in a session whose turn it is. */
  async inSession(
    live: LiveSession,
    stored: () => OpenFileSet,
    order: CellOrder,
    driver: ExecutionDriver,
  ): Promise<CellExecution> {
    const { runtime, inputs } = order;
    const startedAt = this.#parts.now();
    await this.#bring(live, stored(), inputs, order.limits.workspaceBytes);
    let left: Left;
    let continuity: Continuity;
    if (hasCell(order)) {
      const sandbox = await live.sandbox(order.limits);
      continuity = live.continuityFor(runtime.kernel);
      left = await this.#cell(sandbox, order, driver, live);
      live.note(runtime.kernel!.name, left.result.interpreter === 'kept' ? 'kept' : 'lost');
    } else {
      continuity = live.continuityFor(undefined);
      const stop = new AbortController();
      // A program has nothing that an interrupt could leave: it ends.
      live.track({ interrupt: () => stop.abort() });
      left = await this.#program(
        order,
        { ...driver, signal: AbortSignal.any([driver.signal, stop.signal]) },
        live.files.all().map((file) => engineInput(this.#parts.fileService, file.name, file)),
        stored().principalId,
      ).finally(() => live.track(undefined));
    }
    try {
      const kept = await live.files.keep(stored(), left.touched, left.gone);
      if (!hasCell(order)) {
        // The program had a sandbox of its own: the session's is told what it did.
        await live.take(kept.deleted);
        await live.bring(kept.files.flatMap((each) => (each.change === 'inherited' ? [] : [each.file])));
      }
      return this.#execution(order, stored().id, startedAt, continuity, left.result, withUnchanged(kept, inputs));
    } finally {
      await left.release();
    }
  }

  /** Runs it in a sandbox of its own; its files become a stored session with the execution's id. */
  async alone(principal: Principal, order: CellOrder, driver: ExecutionDriver): Promise<CellExecution> {
    const { fileService, engine } = this.#parts;
    const { inputs, limits } = order;
    const startedAt = this.#parts.now();
    const engineInputs = inputs.map(({ input, file }) => engineInput(fileService, input.path, file));
    let left: Left;
    if (hasCell(order)) {
      const sandbox = await engine.openSession(limits);
      try {
        await sandbox.stage(engineInputs);
        left = await this.#cell(sandbox, order, driver);
      } catch (error) {
        await sandbox.close();
        throw error;
      }
      left = { ...left, release: () => sandbox.close() };
    } else left = await this.#program(order, driver, engineInputs, principal.id);
    try {
      const files = new SessionFiles(
        this.#parts,
        inputs.map(({ input, file }) => [input.path, file] as const),
        (session, { added }) => fileService.record(session, added),
      );
      const session = fileService.session(principal, order.id, { kind: 'user' });
      const kept = await files.keep(session, left.touched, left.gone);
      return this.#execution(order, order.id, startedAt, 'fresh', left.result, withUnchanged(kept, inputs));
    } finally {
      void left.release();
    }
  }

  /** Makes a request's files the session's own, and puts them into its sandbox. */
  async #bring(
    live: LiveSession,
    session: OpenFileSet,
    inputs: readonly ResolvedInput[],
    workspaceBytes: number,
  ): Promise<void> {
    const wanted = inputs.filter(({ input, file }) => {
      const there = live.files.at(input.path);
      // A client that still names what the session itself has written over since means what is there now.
      return there?.digest !== file.digest && !(there && file.sessionId === session.id && file.name === input.path);
    });
    if (wanted.length === 0) return;
    const copies = wanted.map(({ input, file }) => this.#parts.fileService.copy(session, input.path, file));
    try {
      checkRoom(live.files.all(), copies, workspaceBytes);
      await live.bring(copies);
      await live.files.record(session, copies);
    } finally {
      this.#parts.fileService.release(copies);
    }
  }

  async #cell(
    sandbox: EngineSession,
    { runtime, request, limits }: CellOrder,
    driver: ExecutionDriver,
    live?: LiveSession,
  ): Promise<Left> {
    const cell = sandbox.run(
      { language: runtime.name, code: request.code },
      {
        limits,
        signal: driver.signal,
        onEvent: driver.tell,
        tools: driver.tools?.broker,
      },
    );
    live?.track(cell);
    const end = await cell.done;
    live?.track(undefined);
    const { touched, gone, truncated } = await sandbox.changes();
    return { result: { ...end, artifactsTruncated: truncated }, touched, gone, release() {} };
  }

  async #program(
    { runtime, request, limits }: CellOrder,
    driver: ExecutionDriver,
    inputs: Parameters<Engine['execute']>[0]['inputs'],
    owner: string,
  ): Promise<Left> {
    const run = await this.#parts.engine.execute(
      {
        language: runtime.name,
        code: request.code,
        args: request.args ?? [],
        stdin: request.stdin,
        inputs,
        limits,
        owner,
      },
      { signal: driver.signal, onEvent: driver.tell, tools: driver.tools?.broker },
    );
    const rich = { outputs: [], outputsTruncated: false, error: null, interpreter: 'none' } as const;
    return {
      result: { ...run.result, ...rich },
      touched: run.artifacts,
      gone: run.deleted,
      release: () => run.release(),
    };
  }

  #execution(
    { id, runtime }: CellOrder,
    sessionId: string,
    startedAt: number,
    continuity: Continuity,
    result: CellResult,
    kept: KeptChanges,
  ): CellExecution {
    const totalMs = this.#parts.now() - startedAt;
    const { outcome, usage } = result;
    this.#parts.metrics.execution({ language: runtime.name, outcome, wallMs: usage.wallMs, totalMs });
    return { id, sessionId, language: runtime.name, continuity, startedAt, result, ...kept };
  }
}

/** Whether it is one of the cells of an interpreter that stays. */
function hasCell({ runtime, request }: CellOrder): boolean {
  const asProgram = request.asProgram || request.stdin !== undefined || (request.args ?? []).length > 0;
  return runtime.kernel !== undefined && !asProgram;
}

/** Adds the request's files that are what they were. */
function withUnchanged(kept: KeptChanges, inputs: readonly ResolvedInput[]): KeptChanges {
  const changed = new Set(kept.deleted);
  for (const each of kept.files) changed.add(each.change === 'inherited' ? each.path : each.file.name);
  const unchanged: ReportedFile[] = inputs
    .filter(({ input }) => !changed.has(input.path))
    .map(({ input }) => ({ change: 'inherited', path: input.path, ref: input }));
  return { ...kept, files: [...kept.files, ...unchanged] };
}
