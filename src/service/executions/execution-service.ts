import {
  DragomanError,
  HeldBytes,
  type Logger,
  type Metrics,
  type Plans,
  type Principal,
  planOf,
  weightOf,
} from '../../core/index.ts';
import { errorOf, type Job, type JobEnding, type Language, type Runner } from '../../runner/index.ts';
import { fileSetOf } from '../../stores/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { FileService } from '../files/file-service.ts';
import { resolveInputs } from '../files/inputs.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import { checkRoom, jobInputs } from '../sessions/session-files.ts';
import { kernelFor } from '../sessions/session-kernels.ts';
import type { UsageMeter } from '../usage/usage.ts';
import type { ExecutionLog } from './execution-log.ts';
import type { Execution, ExecutionRequest, Executions, RunningExecution } from './executions.ts';
import type { StoredJobFiles } from './job-files.ts';
import { checkKernel, isCell, type Order } from './order.ts';
import { ownerOf } from './owner.ts';
import { ParkedShare, parkedBytes } from './parked-bytes.ts';
import { checkProgram, languageOf, limitsWithin } from './programs.ts';
import { type RecordedFiles, recordFiles } from './recording.ts';
import { ToolAllowance, type ToolAllowanceOptions } from './tool-allowance.ts';
import { TrackedExecution } from './tracked-execution.ts';

export interface ExecutionServiceOptions extends ToolAllowanceOptions {
  readonly runner: Runner;
  readonly jobFiles: StoredJobFiles;
  readonly fileService: FileService;
  readonly admission: Admission;
  readonly plans: Plans;
  readonly usage: UsageMeter;
  readonly maxLifeMs: number;
  /** How long an execution may wait for the answers to its tool calls. */
  readonly toolWaitMs: number;
  /** How long an execution may wait for a place to run. */
  readonly queueWaitMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

/** What requests of executions take in memory until these are over, in bytes; a client may leave many of them waiting. */
const underWayLimits = { perPrincipal: 128 * 1024 * 1024, total: 512 * 1024 * 1024 };
/** What an execution takes besides its request. */
const executionBytes = 16 * 1024;

interface Parts {
  readonly directory: SessionDirectory;
  readonly log: ExecutionLog;
}

/**
 * The one way of every execution: who may, within which limits, when there is a place; then the runner's job; then its files are
 * recorded, and what it used is counted.
 */
export class ExecutionService implements Executions {
  readonly #options: ExecutionServiceOptions;
  readonly #parts: Parts;
  readonly #tools: ToolAllowance;
  readonly #underWay = new HeldBytes(underWayLimits, 'Too many executions are under way, or too large ones.');
  readonly #parked = parkedBytes();
  #closing = false;

  constructor(options: ExecutionServiceOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    this.#tools = new ToolAllowance(options);
  }

  /** Ends what runs, and begins nothing more. */
  close(): void {
    this.#closing = true;
    this.#parts.log.cancelAll();
  }

  async start(principal: Principal, request: ExecutionRequest): Promise<RunningExecution> {
    const { runner, fileService, plans } = this.#options;
    const { sessionId, code, tools } = request;
    const language = languageOf(await runner.languages(), request.language);
    checkProgram(request);
    checkKernel(request, language);
    const inputs = await resolveInputs(fileService, principal, request.files ?? []);
    const limits = limitsWithin(planOf(plans, principal), request.wallMs);
    const session = sessionId === undefined ? undefined : await this.#parts.directory.open(principal, sessionId);
    try {
      if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
      const kernel = session ? kernelFor(session.record, language, request.kernelId) : null;
      const order = { principal, language, request, inputs, limits, kernel };
      const owner = ownerOf(principal);
      let begun: TrackedExecution | undefined;
      const giveBack = this.#admit(owner, language, request, () => begun?.cancel());
      const facts = {
        runner,
        principal,
        owner,
        sessionId,
        language: language.name,
        code,
        hasTools: !!tools?.length,
        kernel: isCell(order) ? (kernel?.id ?? language.kernel) : null,
      };
      const execution = new TrackedExecution(facts, (own) => this.#measured(own, order, session));
      begun = execution;
      session?.follow(execution);
      this.#parts.log.add(execution, session && session.record.createdAt + this.#options.maxLifeMs);
      const over = () => {
        giveBack();
        if (session) this.#parts.directory.release(session);
      };
      execution.done.then(over, over);
      return execution;
    } catch (error) {
      if (session) this.#parts.directory.release(session);
      throw error;
    }
  }

  find(principal: Principal, id: string): Promise<RunningExecution> {
    return this.#parts.log.find(principal, id);
  }

  /** Counts an execution until it is over; call what this returns then. @throws DragomanError rate_limited, overloaded, invalid_request */
  #admit(
    owner: string,
    language: Language,
    { code, args, stdin, tools }: ExecutionRequest,
    cancel: () => void,
  ): () => void {
    const bytes = executionBytes + weightOf([code, args, stdin, tools]);
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

  /** Runs it and counts what it used. */
  async #measured(execution: TrackedExecution, order: Order, session: OpenSession | undefined): Promise<Execution> {
    const begun = performance.now();
    const ended = session
      ? await session.queue.run(
          () => session.run(execution, () => this.#inSession(execution, order, session)),
          execution.signal,
        )
      : await this.#placed(execution, order, () => this.#alone(execution, order));
    const { outcome, usage } = ended.result;
    this.#options.usage.record(order.principal, { executions: 1, cpuMs: usage.cpuMs, wallMs: usage.wallMs });
    const totalMs = performance.now() - begun;
    this.#options.metrics.execution({ language: ended.language, outcome, wallMs: usage.wallMs, totalMs });
    return ended;
  }

  /** Waits for a place to run. */
  async #placed<T>(execution: TrackedExecution, { principal }: Order, work: () => Promise<T>): Promise<T> {
    const { admission, plans } = this.#options;
    const place = await admission.take(execution.owner, planOf(plans, principal), execution.signal);
    try {
      execution.begin(place);
      return await work();
    } finally {
      place.leave();
    }
  }

  /** In a sandbox of its own; its files become a file set with the execution's id. */
  async #alone(execution: TrackedExecution, order: Order): Promise<Execution> {
    const { fileService, jobFiles, logger } = this.#options;
    const startedAt = this.#options.now();
    const set = fileService.newSet(order.principal, execution.id, { kind: 'user' });
    const inputs = order.inputs.map(({ input, file }) => ({ ...file, name: input.path }));
    const refs = new Map(order.inputs.map(({ input }) => [input.path, input]));
    jobFiles.begin(execution.id, set);
    try {
      const ending = await this.#run(execution, order, { inputs: jobInputs(inputs), folders: null, session: null });
      const recorded = await recordFiles({
        ending,
        stored: jobFiles.stored(execution.id),
        before: (path) => refs.get(path),
        record: (added) => fileService.record(set, added),
        logger,
      });
      return finished(execution, order, startedAt, ending, recorded);
    } finally {
      jobFiles.end(execution.id);
    }
  }

  async #inSession(execution: TrackedExecution, order: Order, session: OpenSession): Promise<Execution> {
    if (session.isDeleted) throw new DragomanError('not_found', { message: 'Session not found' });
    try {
      return await this.#placed(execution, order, () => this.#placedInSession(execution, order, session));
    } catch (cause) {
      // The session was deleted meanwhile, and its sandbox with it.
      if (session.isDeleted) throw new DragomanError('cancelled', { message: 'The session was deleted.', cause });
      throw cause;
    }
  }

  async #placedInSession(execution: TrackedExecution, order: Order, session: OpenSession): Promise<Execution> {
    const { fileService, jobFiles, logger, now } = this.#options;
    const { directory } = this.#parts;
    const { principal, limits } = order;
    const startedAt = now();
    const set = () => fileService.opened(principal, fileSetOf(session.record));
    const ref = await directory.place(session);
    await this.#bring(order, session);
    jobFiles.begin(execution.id, set());
    try {
      const ending = await this.#run(
        execution,
        { ...order, limits: { ...limits, memoryBytes: Math.min(limits.memoryBytes, session.record.memoryBytes) } },
        {
          inputs: jobInputs(session.files.all()),
          folders: session.record.folders,
          session: session.forJob(ref, order.kernel, session.record.expiresAt - now()),
        },
      );
      if (execution.kernel !== null) session.noteKernel(execution.kernel);
      if (ending.folders !== null) session.noteFolders(ending.folders);
      const recorded = await recordFiles({
        ending,
        stored: jobFiles.stored(execution.id),
        before: (path) => session.files.refAt(path),
        record: (added, deleted) => session.files.record(set(), added, deleted),
        logger,
      });
      return finished(execution, order, startedAt, ending, recorded);
    } finally {
      jobFiles.end(execution.id);
    }
  }

  /** Makes a request's files the session's own. */
  async #bring({ principal, inputs, limits }: Order, session: OpenSession): Promise<void> {
    const { fileService, runner } = this.#options;
    const set = fileService.opened(principal, fileSetOf(session.record));
    const wanted = inputs.filter(({ input, file }) => {
      const there = session.files.at(input.path);
      // A client that names a file the session itself has changed since then means the file as it is now.
      return there?.digest !== file.digest && !(there && file.sessionId === set.id && file.name === input.path);
    });
    if (wanted.length === 0) return;
    const copies = wanted.map(({ input, file }) => fileService.copy(set, input.path, file));
    try {
      const there = session.files.all();
      checkRoom(there, copies, limits.workspaceBytes);
      const { ref } = session;
      if (ref) await runner.syncSession(ref, jobInputs([...replaced(there, copies), ...copies]));
      await session.files.record(set, copies);
    } finally {
      fileService.release(copies);
    }
  }

  /** Hands the runner a job and follows it to its end. @throws DragomanError what the job failed with */
  async #run(
    execution: TrackedExecution,
    order: Order,
    { inputs, folders, session }: Pick<Job, 'inputs' | 'folders' | 'session'>,
  ): Promise<JobEnding> {
    const { runner, toolWaitMs, queueWaitMs, now } = this.#options;
    const { language, request, limits } = order;
    await runner.submit({
      id: execution.id,
      owner: execution.owner,
      language: language.name,
      code: request.code,
      args: request.args ?? [],
      stdin: request.stdin ?? null,
      mode: isCell(order) ? 'cell' : 'program',
      inputs,
      folders,
      limits,
      tools: request.tools?.length ? { definitions: request.tools, waitMs: toolWaitMs } : null,
      session,
      deadline: now() + queueWaitMs,
    });
    execution.submitted();
    const parked = new ParkedShare(this.#parked, execution.owner);
    let fault: unknown;
    try {
      for await (const { number, event } of runner.events(execution, 0)) {
        execution.observe(number, event);
        if (event.type === 'failed') throw fault ?? errorOf(event.error);
        if (event.type === 'ended' && fault) throw fault;
        if (event.type === 'ended') return event;
        try {
          if (!fault) parked.note(event);
        } catch (error) {
          fault = error;
          execution.cancel();
        }
      }
    } finally {
      parked.free();
    }
    throw new DragomanError('internal', { message: 'The execution ended without a result.' });
  }
}

/** Files without those that others take the place of. */
function replaced<T extends { readonly name: string }>(there: readonly T[], added: readonly T[]): T[] {
  const names = new Set(added.map(({ name }) => name));
  return there.filter(({ name }) => !names.has(name));
}

function finished(
  { id, sessionId }: TrackedExecution,
  { language, inputs }: Order,
  startedAt: number,
  { continuity, result }: JobEnding,
  { files, deleted, lost }: RecordedFiles,
): Execution {
  const changed = new Set(deleted);
  for (const each of files) if (each.change !== 'inherited') changed.add(each.file.name);
  const inherited = inputs
    .filter(({ input }) => !changed.has(input.path))
    .map(({ input }) => ({ change: 'inherited', path: input.path, ref: input }) as const);
  const all = { files: [...files, ...inherited], deleted, lost };
  return { id, sessionId, language: language.name, continuity, startedAt, result, ...all };
}
