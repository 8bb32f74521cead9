import type { Readable } from 'node:stream';
import {
  DragomanError,
  defaultPlan,
  type ExecutionEvent,
  type FileRef,
  type FileScope,
  type Logger,
  type Metrics,
  newId,
  type Plans,
  type Principal,
  planOf,
  type StorageUse,
  type StoredFile,
} from '../../core/index.ts';
import { commandsOf, type Engine, type EngineRun, type Runtime } from '../../engine/index.ts';
import type { Admission } from '../admission/admission.ts';
import type { FileService } from '../files/file-service.ts';
import { engineInput, type ResolvedInput, resolveInputs } from '../files/inputs.ts';
import { lostFile } from '../files/lost-file.ts';
import type { UsageMeter } from '../usage/usage.ts';
import type {
  ExecuteRequest,
  Execution,
  Interpreter,
  LanguageInfo,
  LostFile,
  ReportedFile,
  UploadFile,
  UploadOutcome,
} from './interpreter.ts';
import { checkProgram, limitsWithin, runtimeOf } from './programs.ts';

export interface InterpreterOptions {
  readonly engine: Engine;
  readonly fileService: FileService;
  readonly admission: Admission;
  /** What principals may use. */
  readonly plans: Plans;
  readonly usage: UsageMeter;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The `Interpreter` over an engine in this process. */
export class InterpreterService implements Interpreter {
  readonly #options: InterpreterOptions;
  readonly #fileService: FileService;
  readonly #admission: Admission;
  #closing = false;

  constructor(options: InterpreterOptions) {
    this.#options = options;
    this.#fileService = options.fileService;
    this.#admission = options.admission;
  }

  /** Registers its gauges. */
  start(): void {
    const { metrics, engine } = this.#options;
    metrics.gauge('executions_running', 'Executions running now', () => this.#admission.running);
    metrics.gauge('executions_waiting', 'Executions waiting for a place', () => this.#admission.waiting);
    metrics.gauge('sandboxes_live', 'Sandboxes alive, parked ones included', () => engine.census().live);
  }

  /** Takes no more executions; those that run go on. */
  close(): void {
    this.#closing = true;
  }

  async languages(): Promise<readonly LanguageInfo[]> {
    const { engine, plans } = this.#options;
    const versions = await engine.versions(plans.get(defaultPlan)!.limits);
    return engine.catalogue.runtimes.map((runtime) => ({
      name: runtime.name,
      title: runtime.title,
      aliases: runtime.aliases,
      versions: versions.get(runtime.name) ?? {},
      ...commandsOf(runtime, engine.catalogue),
      keepsVariables: runtime.kernel !== undefined,
    }));
  }

  async execute(
    principal: Principal,
    request: ExecuteRequest,
    options: { signal?: AbortSignal; onEvent?: (event: ExecutionEvent) => void } = {},
  ): Promise<Execution> {
    const started = performance.now();
    const runtime = runtimeOf(this.#options.engine.catalogue, request.language);
    checkProgram(request);
    const inputs = await resolveInputs(this.#fileService, principal, request.files ?? []);
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const plan = planOf(this.#options.plans, principal);
    const leave = await this.#admission.enter(principal.id, plan, options.signal);
    let execution: Execution;
    try {
      const run = await this.#options.engine.execute(
        {
          language: runtime.name,
          code: request.code,
          args: request.args ?? [],
          stdin: request.stdin,
          inputs: inputs.map(({ input, file }) => engineInput(this.#fileService, input.path, file)),
          owner: principal.id,
          limits: limitsWithin(plan, request.limits?.wallMs),
        },
        options,
      );
      try {
        execution = await this.#keep(principal, runtime, run, inputs);
      } finally {
        run.release();
      }
    } finally {
      leave();
    }
    const { outcome, usage } = execution.result;
    this.#options.usage.record(principal, { executions: 1, cpuMs: usage.cpuMs, wallMs: usage.wallMs });
    this.#options.metrics.execution({
      language: runtime.name,
      outcome,
      wallMs: usage.wallMs,
      totalMs: performance.now() - started,
    });
    if (outcome === 'cancelled') throw new DragomanError('cancelled');
    return execution;
  }

  upload(
    principal: Principal,
    request: { scope: FileScope; readOnly: boolean; partial: boolean },
    files: AsyncIterable<UploadFile>,
  ): Promise<{ sessionId: string; files: readonly UploadOutcome[] }> {
    return this.#fileService.upload(principal, request, files);
  }

  file(principal: Principal, ref: FileRef): Promise<StoredFile> {
    return this.#fileService.find(principal, ref);
  }

  async openFile(principal: Principal, ref: FileRef): Promise<{ file: StoredFile; content: Readable }> {
    const file = await this.#fileService.find(principal, ref);
    const content = await this.#fileService.open(file);
    this.#options.usage.record(principal, { bytesServed: file.size });
    return { file, content };
  }

  listFiles(principal: Principal, sessionId: string, scope: FileScope): Promise<readonly StoredFile[]> {
    return this.#fileService.list(principal, sessionId, scope);
  }

  deleteFile(principal: Principal, ref: FileRef): Promise<void> {
    return this.#fileService.delete(principal, ref);
  }

  storage(principal: Principal): Promise<StorageUse> {
    return this.#fileService.storage(principal);
  }

  async health(): Promise<{ ready: boolean; reason?: string }> {
    if (this.#closing) return { ready: false, reason: 'shutting down' };
    const kind = this.#options.engine.lacking();
    return kind === undefined ? { ready: true } : { ready: false, reason: `sandboxes cannot be made (${kind})` };
  }

  /** Stores what a run made and changed, as a session of the principal's own. */
  async #keep(
    principal: Principal,
    runtime: Runtime,
    run: EngineRun,
    inputs: readonly ResolvedInput[],
  ): Promise<Execution> {
    const id = newId();
    const session = this.#fileService.session(principal, id, { kind: 'user' });
    const byPath = new Map(inputs.map(({ input }) => [input.path, input]));
    const files: ReportedFile[] = [];
    const stored: StoredFile[] = [];
    const lost: LostFile[] = [];
    const lose = (paths: readonly string[], error: unknown) => {
      this.#options.logger.error(
        { execution: id, count: paths.length, error: String((error as Error).cause ?? error) },
        'artifacts were not stored',
      );
      lost.push(...paths.map((path) => lostFile(path, error)));
    };
    for (const { path, change, content } of run.artifacts) {
      try {
        const artifact = {
          name: path,
          contentType: undefined,
          readOnly: false,
          source: 'program',
          content: content.read(),
        } as const;
        const file = await this.#fileService.put(session, artifact, content.size);
        stored.push(file);
        const from = byPath.get(path);
        files.push(change === 'modified' && from ? { change, file, from } : { change: 'created', file });
      } catch (error) {
        lose([path], error);
      }
    }
    try {
      await this.#fileService.record(session, stored);
    } catch (error) {
      // The program has run: its caller is to have the result, and to learn that the files are gone.
      lose(
        stored.map(({ name }) => name),
        error,
      );
      files.length = 0;
    }
    for (const path of run.inherited) files.push({ change: 'inherited', path, ref: byPath.get(path)! });
    return { id, language: runtime.name, result: run.result, files, deleted: run.deleted, lost };
  }
}
