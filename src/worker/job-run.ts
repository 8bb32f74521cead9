import {
  type CellResult,
  DragomanError,
  type ExecutionEvent,
  type Logger,
  maxEmptyFolders,
  modeOf,
  noSpan,
  noTraces,
  type Span,
  type StateLoss,
  type ToolResult,
  type Traces,
} from '../core/index.ts';
import {
  type Engine,
  type EngineInput,
  type EngineSession,
  notKept,
  type Runtime,
  SandboxGone,
  type ToolBroker,
  withNote,
} from '../engine/index.ts';
import type { EventWriter } from '../event-log/index.ts';
import {
  type AnswerCheck,
  type Continuity,
  type FileUse,
  type Job,
  type JobEnding,
  type JobEvent,
  type JobFiles,
  type JobSession,
  jobFault,
  jobOutput,
  type Restored,
} from '../runner/index.ts';
import { type HeldFile, storeArtifacts } from './artifacts.ts';
import type { Engines } from './engines.ts';
import type { LiveSession } from './live-session.ts';
import type { LiveSessions } from './live-sessions.ts';

/** How often a cell is tried while its sandbox dies before any of the code runs. */
const maxAttempts = 3;
/** An execution whose files take longer to store gives its place to another. */
const storingAfterMs = 1000;

const endedWhileRestoring: StateLoss = {
  reason: 'failed',
  message: 'The sandbox ended while it restored the variables.',
};

export interface JobRunParts {
  readonly engines: Engines;
  readonly files: JobFiles;
  readonly sessions: LiveSessions;
  readonly worker: string;
  readonly traces?: Traces;
  readonly logger: Logger;
  readonly now: () => number;
}

/** One job on this worker: stages its inputs, runs its code, stores what the code made, and tells of it. */
export class JobRun {
  readonly #parts: JobRunParts;
  readonly #job: Job;
  readonly #engine: Engine;
  readonly #log: EventWriter<JobEvent>;
  readonly #runtime: Runtime;
  readonly #tools: ToolBroker | undefined;
  readonly #cancel = new AbortController();
  #cell: { interrupt(): void } | undefined;
  #permit: Promise<void> | undefined;
  #span: Span = noSpan;

  /** @throws DragomanError sandbox_unavailable for a tier that is not here, unsupported_language, invalid_request for tools */
  constructor(parts: JobRunParts, job: Job, createLog: () => EventWriter<JobEvent>) {
    this.#parts = parts;
    this.#job = job;
    this.#engine = parts.engines.of(job.tier);
    this.#runtime = runtimeOf(this.#engine, job.language);
    this.#tools = job.tools
      ? this.#engine.tools(job.language, job.tools.definitions, job.tools.waitMs, job.owner)
      : undefined;
    this.#log = createLog();
  }

  /**
   * Runs it to its end, which is the last event of its log. Never rejects.
   * @param permit none of its code is run before it resolves, and nothing at all where it rejects. Absent: it may begin
   */
  async run(permit?: Promise<void>): Promise<void> {
    this.#permit = permit;
    try {
      if (this.#parts.now() > this.#job.deadline) throw new DragomanError('overloaded', { retryAfterSeconds: 5 });
      const { worker, traces = noTraces } = this.#parts;
      const { trace, mode } = this.#job;
      this.#span = traces.below(trace, 'job', { 'dragoman.worker': worker, 'dragoman.mode': mode });
      this.#log.append({ type: 'started', worker });
      const ending = mode === 'cell' ? await this.#runCell() : await this.#runProgram();
      this.#span.set({ 'dragoman.continuity': ending.continuity, 'dragoman.outcome': ending.result.outcome });
      this.#log.append(ending);
    } catch (error) {
      this.#span.end(error instanceof DragomanError ? error.code : 'internal');
      if (!(error instanceof DragomanError))
        this.#parts.logger.error(
          { execution: this.#job.id, error: String((error as Error).stack ?? error) },
          'an execution failed',
        );
      this.#log.append({ type: 'failed', error: jobFault(error) });
    } finally {
      this.#span.end();
      this.#log.end();
    }
  }

  cancel(): void {
    this.#cancel.abort();
  }

  interrupt(): void {
    // A program has no variables that an interrupt could leave.
    if (this.#job.mode === 'program') this.cancel();
    else this.#cell?.interrupt();
  }

  checkAnswer(results: readonly ToolResult[]): AnswerCheck {
    const tools = this.#answerable();
    return { changes: tools.check(results), waits: tools.isParked };
  }

  answer(results: readonly ToolResult[]): void {
    this.#answerable().answer(results);
  }

  #answerable(): ToolBroker {
    if (!this.#tools) throw new DragomanError('invalid_request', { message: 'The execution has no tools.' });
    return this.#tools;
  }

  async #runProgram(): Promise<JobEnding> {
    const { code, args, stdin, env, limits, owner, session, folders } = this.#job;
    const request = {
      language: this.#runtime.name,
      code,
      args,
      stdin: stdin ?? undefined,
      env,
      inputs: this.#inputs(),
      folders: folders ?? undefined,
      limits,
      owner,
    };
    const options = { signal: this.#cancel.signal, onEvent: this.#tell, tools: this.#tools, permit: this.#permit };
    const run = await this.#span.step('program', () => this.#engine.execute(request, options));
    try {
      const stored = await this.#store(run.artifacts, this.#staged());
      const rich = { outputs: [], outputsTruncated: false, error: null, interpreter: 'none' } as const;
      const continuity = session && session.ran.length > 0 ? 'continued' : 'fresh';
      const left = this.#keptFolders(run.folders);
      const result = { ...run.result, ...rich };
      if (left.truncated) result.artifactsTruncated = true;
      return { type: 'ended', continuity, result, deleted: run.deleted, folders: left.folders, ...stored };
    } finally {
      run.release();
    }
  }

  async #runCell(): Promise<JobEnding> {
    const { session, owner } = this.#job;
    if (session) await this.#permit;
    return session
      ? this.#parts.sessions.use(session, owner, session.idleMs, (live) => this.#cellInSession(live, session))
      : this.#cellAlone();
  }

  async #cellInSession(live: LiveSession, { ran, kernel, state, checkpoint }: JobSession): Promise<JobEnding> {
    const { inputs, folders } = this.#job;
    const name = kernel?.id ?? this.#runtime.kernel!.name;
    const { limits, tier } = this.#job;
    const wanted = { limits, tier, language: kernel ? undefined : this.#runtime.name };
    let restored: Restored | undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        if (restored?.isWhole && !restored.loss) restored = { loss: endedWhileRestoring, isWhole: true };
        const sandbox = await this.#span.step('prepare the sandbox', () =>
          // What failed once is not tried again for this cell.
          live.sandboxWith(inputs, folders ?? [], wanted, this.#use(), restored ? undefined : checkpoint),
        );
        restored = live.tellWentOn() ?? restored;
        const isBehind = restored?.isWhole === true && !restored.loss && checkpoint?.isBehind === true;
        const continuity = isBehind ? 'restored' : live.continuityFor(name, ran);
        if (kernel) await live.startKernel(this.#runtime.name, kernel);
        // What failed once with a sandbox is not tried again for this cell.
        const isWanted = !restored || (restored.isWhole && restored.loss);
        if (state && continuity === 'restored' && !this.#job.question && isWanted) {
          restored = { loss: endedWhileRestoring };
          restored = await live.restore(
            { id: name, language: this.#runtime.name },
            state,
            this.#use(),
            this.#cancel.signal,
          );
        }
        const ending = {
          ...(await this.#cellIn(sandbox, continuity, (path) => live.fileAt(path), kernel?.id)),
          ...(restored ? { restored } : {}),
        };
        const isKept = ending.result.interpreter === 'kept';
        // A kernel that was only asked holds no variables yet.
        if (!this.#job.question || !isKept) live.noteKernel(name, isKept);
        live.noteFiles(ending);
        return ending;
      } catch (error) {
        // The sandbox died between cells: none of the code has run, so a new sandbox runs it.
        if (!(error instanceof SandboxGone) || attempt === maxAttempts) throw error;
        await live.close();
      }
    }
  }

  async #cellAlone(): Promise<JobEnding> {
    const sandbox = await this.#engine.openSession(this.#job.limits, this.#job.owner, this.#runtime.name);
    try {
      await sandbox.stage(this.#inputs(), this.#job.folders ?? []);
      await this.#permit;
      return await this.#cellIn(sandbox, 'fresh', this.#staged());
    } finally {
      void sandbox.close();
    }
  }

  async #cellIn(
    sandbox: EngineSession,
    continuity: Continuity,
    fileAt: (path: string) => HeldFile | undefined,
    kernel?: string,
  ): Promise<JobEnding> {
    const { code, limits, question, manner, env } = this.#job;
    const { signal } = this.#cancel;
    const options = { limits, signal, onEvent: this.#tell, tools: this.#tools };
    const cell = sandbox.run({ language: this.#runtime.name, code, kernel, question, manner, env }, options);
    this.#cell = cell;
    const end = await this.#span
      .step('cell', () => cell.done)
      .finally(() => {
        this.#cell = undefined;
      });
    const { touched, gone, folders, caches, truncated } = await sandbox.changes();
    // Commands of the session stand still until its files are read.
    const stored = await this.#store(touched, fileAt).finally(() => sandbox.resume().catch(() => {}));
    const left = this.#keptFolders(folders);
    const stderr = withNote(end.stderr, notKept(caches), this.#tell);
    const result: CellResult = { ...end, stderr, artifactsTruncated: truncated || left.truncated };
    const readOnly = this.#readOnly();
    // Files that were never stored are not known outside, so they are not reported as deleted.
    const deleted = gone.filter((path) => fileAt(path) !== undefined && !readOnly.has(path));
    return { type: 'ended', continuity, result, deleted, folders: left.folders, ...stored };
  }

  /** What is kept of the empty folders that are left. */
  #keptFolders(folders: readonly string[]): { folders: readonly string[] | null; truncated: boolean } {
    if (this.#job.folders === null) return { folders: null, truncated: false };
    return { folders: folders.slice(0, maxEmptyFolders), truncated: folders.length > maxEmptyFolders };
  }

  /** Finds the files that the code began with, by path. */
  #staged(): (path: string) => HeldFile | undefined {
    const files = new Map(this.#job.inputs.map((input) => [input.path, { digest: input.digest, mode: modeOf(input) }]));
    return (path) => files.get(path);
  }

  #store(
    found: Parameters<typeof storeArtifacts>[2],
    fileAt: (path: string) => HeldFile | undefined,
  ): Promise<Pick<JobEnding, 'files' | 'lost'>> {
    if (found.length === 0) return Promise.resolve({ files: [], lost: [] });
    const { files, logger } = this.#parts;
    const readOnly = this.#readOnly();
    const before = { fileAt, isReadOnly: (path: string) => readOnly.has(path) };
    const timer = setTimeout(() => this.#log.append({ type: 'storing' }), storingAfterMs);
    return this.#span
      .step('store files', () => storeArtifacts(files, this.#use(), found, before, logger))
      .finally(() => clearTimeout(timer));
  }

  #readOnly(): ReadonlySet<string> {
    return new Set(this.#job.inputs.filter(({ readOnly }) => readOnly).map(({ path }) => path));
  }

  #inputs(): EngineInput[] {
    const { files } = this.#parts;
    const use = this.#use();
    files.expect?.(use, this.#job.inputs);
    return this.#job.inputs.map((input) => ({ ...input, open: () => files.open(use, input.digest) }));
  }

  #use(): FileUse {
    const { id: jobId, owner, pass } = this.#job;
    return { jobId, owner, pass };
  }

  readonly #tell = (event: ExecutionEvent): void => {
    this.#log.append('data' in event ? jobOutput(event.type, event.data) : event);
  };
}

/** @throws DragomanError unsupported_language */
function runtimeOf({ catalogue }: Engine, language: string): Runtime {
  const runtime = catalogue.find(language);
  if (!runtime) throw new DragomanError('unsupported_language');
  return runtime;
}
