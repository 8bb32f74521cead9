import {
  callableTools,
  DragomanError,
  type Limits,
  type Logger,
  type Outcome,
  type Tier,
  type ToolDefinition,
} from '../core/index.ts';
import { type Order, orders } from '../guest-protocol/index.ts';
import type { Backend, Sandbox } from '../sandbox/index.ts';
import { isUnheard, together } from './again.ts';
import { collectLimits, diffWorkspace, stagedFiles, type WorkspaceDiff } from './artifacts.ts';
import { type Compilation, Compiler } from './compile.ts';
import type { CompileCache } from './compile-cache.ts';
import { notKept, withNote } from './epilogue.ts';
import { type Hints, noHints } from './hints.ts';
import { LanguageVersions, type Versions } from './language-versions.ts';
import { Pool } from './pool.ts';
import type {
  Engine,
  EngineCallOptions,
  EngineCheckpoints,
  EngineRequest,
  EngineRun,
  EngineSession,
  SessionNotes,
  ToolBroker,
} from './port.ts';
import {
  compiledPath,
  entryName,
  needsSource,
  preparationOf,
  programOf,
  toolProgramOf,
  writeSource,
} from './program.ts';
import { type Run, runIn } from './run.ts';
import type { Runtime, RuntimeCatalogue } from './runtimes.ts';
import { SandboxSession } from './session.ts';
import { sourceText } from './source.ts';
import { stage } from './staging.ts';
import { CallBroker, callBroker, SchemaChecker } from './tools/index.ts';

export interface EngineOptions {
  readonly backend: Backend;
  readonly catalogue: RuntimeCatalogue;
  /** The limits that parked sandboxes are made with. A request with other limits may have to wait for a sandbox of its own. */
  readonly limits: Limits;
  /** Parked sandboxes of each kind. */
  readonly poolSize: number;
  readonly logger: Logger;
  /** Changes with the image: compiled programs belong to one image. */
  readonly imageId: string;
  /** What replaces things that the image lacks; absent: nothing is said of it. */
  readonly hints?: Hints | undefined;
  /** Absent: compiled programs are not cached. */
  readonly compileCache?: CompileCache | undefined;
  /** Path of a file that keeps versions of languages where programs are slow; absent: they are asked at each start. */
  readonly versionsFile?: string | undefined;
}

/** The engine over a backend; it owns both the backend's start and its end. */
export function createEngine(options: EngineOptions): Engine {
  return new SandboxEngine(options);
}

/** After so many in a row it is not the programs' fault. */
const mostNotPlaced = 3;

class SandboxEngine implements Engine {
  readonly catalogue: RuntimeCatalogue;
  readonly #backend: Backend;
  readonly #limits: Limits;
  readonly #pool: Pool;
  readonly #compiler: Compiler;
  readonly #cache: CompileCache | undefined;
  readonly #hints: Hints;
  readonly #logger: Logger;
  readonly #checker = new SchemaChecker();
  readonly #versions: LanguageVersions;
  /** Programs in a row that could not be copied where they lie, but be written. */
  #notPlaced = 0;
  readonly #teardowns = new Set<Promise<void>>();

  constructor(options: EngineOptions) {
    this.catalogue = options.catalogue;
    this.#backend = options.backend;
    this.#limits = options.limits;
    this.#logger = options.logger;
    this.#pool = new Pool({ ...options, size: options.poolSize });
    this.#cache = options.compileCache;
    this.#hints = options.hints ?? noHints;
    this.#versions = new LanguageVersions({
      ...options,
      lease: (kind, limits) => this.#pool.lease({ kind, limits, owner: undefined }),
      release: (sandbox) => void this.#tearDown(sandbox),
    });
    this.#compiler = new Compiler({
      lease: ({ runtime, limits, owner }) => this.#pool.lease({ kind: runtime.compileKind, limits, owner }),
      release: (sandbox) => void this.#tearDown(sandbox),
      cache: this.#cache,
      // What is compiled behind one boundary may be for its processor.
      imageId: `${options.imageId} ${this.tier}`,
      hints: this.#hints,
    });
  }

  get tier(): Tier {
    return this.#backend.tier;
  }

  get pace(): number {
    return this.#backend.pace ?? 1;
  }

  async start(): Promise<void> {
    this.#cache?.start();
    try {
      await this.#backend.start();
      // A real sandbox proves that every wall stands: a step that fails inside ends it.
      const { name: template } = this.catalogue.templates[0]!;
      await (await this.#backend.create({ template, limits: this.#limits })).destroy();
    } catch (error) {
      await this.#backend.close();
      const reason = error instanceof DragomanError ? (error.cause ?? error) : error;
      const message = `the ${this.tier} isolation cannot be set up: ${(reason as Error).message}`;
      throw new DragomanError('sandbox_unavailable', { message, cause: error });
    }
    this.#pool.start();
  }

  census(): { parked: Record<string, number>; live: number } {
    return { parked: this.#pool.parked(), live: this.#backend.live };
  }

  lacking(): string | undefined {
    return this.#pool.lacking();
  }

  tools(language: string, definitions: readonly ToolDefinition[], waitMs: number, owner: string): ToolBroker {
    const runtime = this.#runtime(language);
    if (!runtime.tools)
      throw new DragomanError('invalid_request', { message: `programs in ${runtime.title} cannot call tools` });
    return new CallBroker({
      tools: callableTools(definitions, runtime.tools.names),
      checker: this.#checker,
      waitMs,
      owner,
    });
  }

  async execute(request: EngineRequest, options: EngineCallOptions = {}): Promise<EngineRun> {
    const { code, inputs, limits, owner } = request;
    const runtime = this.#runtime(request.language);
    const { argv, args } = preparationOf(runtime, request.args);
    const paths = inputs.map((input) => input.path);
    const path = entryName(runtime, new Set(paths));
    const entry = { path, code: sourceText(runtime, code) };
    const prepared = { ...request, runtime, args };
    if (!argv) return this.#twice(prepared, entry, undefined, options);
    // A compiler runs what the code says.
    await options.permit;
    const { template } = runtime.kindFor(code, paths, options.tools !== undefined);
    const isBare = this.catalogue.templates.some(({ name, isBare }) => isBare && name === template);
    const compile = { runtime, argv, entry, inputs, limits, owner };
    const isPlaced = isBare && this.#backend.traits.placesPrograms === true && this.#notPlaced < mostNotPlaced;
    const byName = isPlaced && runtime.compile !== undefined;
    const compiled = await this.#compiler.compile({ ...compile, byName }, options);
    if ('failed' in compiled) return notCompiled(compiled.failed, request, options);
    if (!('name' in compiled.program)) return this.#twice(prepared, entry, compiled, options);
    try {
      const run = await this.#twice(prepared, entry, compiled, options);
      this.#notPlaced = 0;
      return run;
    } catch (error) {
      // Nothing of it has run. A program that cannot be copied where it lies is made again, and written.
      if (!(error instanceof DragomanError && error.code === 'invalid_request')) throw error;
      compiled.program.discard();
      const made = await this.#compiler.compile({ ...compile, byName: false }, options);
      if ('failed' in made) return notCompiled(made.failed, request, options);
      const run = await this.#twice(prepared, entry, made, options);
      if (++this.#notPlaced === mostNotPlaced)
        this.#logger.warn({ error: error.message }, 'sandboxes cannot copy compiled programs: they are written now');
      return run;
    } finally {
      compiled.program.release();
    }
  }

  async #twice(
    request: EngineRequest & { readonly runtime: Runtime },
    entry: { path: string; code: string },
    compiled: Compiled | undefined,
    options: EngineCallOptions,
  ): Promise<EngineRun> {
    const run = await this.#attempt(request, entry, compiled, options);
    const { usage } = run.result;
    const wallMs = request.limits.wallMs - usage.wallMs;
    if (!isUnheard(run.result) || callBroker(options.tools)?.isUsed || wallMs <= 0) return run;
    // One that has itself killed gains nothing: both have the time of one, and count.
    run.release();
    const again = await this.#attempt({ ...request, limits: { ...request.limits, wallMs } }, entry, compiled, options);
    return { ...again, result: { ...again.result, usage: together(usage, again.result.usage) } };
  }

  async #attempt(
    request: EngineRequest & { readonly runtime: Runtime },
    entry: { path: string; code: string },
    compiled: Compiled | undefined,
    options: EngineCallOptions,
  ): Promise<EngineRun> {
    const { runtime, inputs, limits, code, args, owner } = request;
    const paths = inputs.map((input) => input.path);
    const tools = callBroker(options.tools);
    const kind = runtime.kindFor(code, paths, tools !== undefined);
    const sandbox = await this.#pool.lease({ kind, limits, owner });
    try {
      const folders = request.folders ?? [];
      if (inputs.length + folders.length > 0) await stage(sandbox, inputs, folders, limits);
      const started = { entry: entry.path, code: entry.code, args, limits, env: request.env };
      // A program that was compiled does not need its source.
      const source = runtime.compile ? [] : [writeSource(entry)];
      const before = [...source, ...program(runtime, compiled), ...input(request.stdin)];
      const order: Run = tools
        ? {
            before: [...before, orders.serve()],
            start: (token) => orders.toolProgram(token, toolProgramOf(runtime, started, tools.tools), tools.tools),
          }
        : { before, start: (token) => orders.run(token, programOf(runtime, started)) };
      if (options.permit) await options.permit;
      const result = await runIn(sandbox, order, {
        limits,
        ...options,
        tools,
        epilogue: { what: 'program', hints: this.#hints },
      });
      const { truncated, caches, ...diff } = await this.#diff(sandbox, result, { ...request, entry });
      const stderr = withNote(result.stderr, notKept(caches), options.onEvent);
      return {
        result: {
          ...result,
          stderr,
          stage: 'run',
          compileUsage: compiled?.usage ?? null,
          artifactsTruncated: truncated,
        },
        ...diff,
        release: () => {
          for (const artifact of diff.artifacts) artifact.content.close();
          // The result leaves first. What is not begun by the end of the service, the backend destroys.
          setImmediate(() => void this.#tearDown(sandbox));
        },
      };
    } catch (error) {
      void this.#tearDown(sandbox);
      throw error;
    }
  }

  /** What a run did to its workspace. Only a run that changed something waits until what it left running is stopped. */
  async #diff(
    sandbox: Sandbox,
    { outcome }: { readonly outcome: Outcome },
    {
      runtime,
      inputs,
      folders,
      entry,
      limits,
    }: Pick<EngineRequest, 'inputs' | 'folders' | 'limits'> & {
      runtime: Runtime;
      entry: { path: string; code: string };
    },
  ): Promise<WorkspaceDiff> {
    if (outcome === 'completed') {
      const left = needsSource(runtime, entry.code) ? stagedFiles(inputs, entry) : stagedFiles(inputs);
      if (!(await sandbox.workspace.differs(left, collectLimits(limits), folders))) {
        const inherited = inputs.map(({ path }) => path);
        return { artifacts: [], inherited, deleted: [], folders: folders ?? [], caches: [], truncated: false };
      }
      await sandbox.freeze();
    }
    return diffWorkspace(sandbox.workspace, stagedFiles(inputs, entry), entry.path, limits);
  }

  versions(limits: Limits): Promise<Versions> {
    return this.#versions.ask(limits);
  }

  async openSession(limits: Limits, owner?: string, language?: string): Promise<EngineSession> {
    const sandbox = await this.#pool.lease({ kind: this.catalogue.sessionKind(language), limits, owner });
    return this.#session(sandbox, limits, { language });
  }

  get checkpoints(): EngineCheckpoints | undefined {
    const { checkpoints } = this.#backend;
    if (!checkpoints) return undefined;
    const { template } = this.catalogue.sessionKind();
    return {
      version: () => checkpoints.versionOf(template),
      areOfHost: checkpoints.areOfHost,
      makeFolder: () => checkpoints.makeFolder(),
      restore: async ({ limits, owner, notes }, folder, options) => {
        const sandbox = await checkpoints.restore({ template, limits, owner }, folder, options);
        await sandbox.adopt({ limits, owner });
        return this.#session(sandbox, limits, { notes });
      },
    };
  }

  #session(
    sandbox: Sandbox,
    limits: Limits,
    begun: { readonly notes?: SessionNotes; readonly language?: string | undefined },
  ): EngineSession {
    const parts = {
      catalogue: this.catalogue,
      hints: this.#hints,
      release: (sandbox: Sandbox) => this.#tearDown(sandbox),
    };
    return new SandboxSession(sandbox, limits, parts, begun);
  }

  async close(): Promise<void> {
    await this.#checker.close();
    await this.#pool.close();
    await Promise.allSettled([...this.#teardowns]);
    await this.#cache?.close();
    await this.#backend.close();
  }

  #runtime(language: string): Runtime {
    const runtime = this.catalogue.find(language);
    if (!runtime) throw new DragomanError('unsupported_language');
    return runtime;
  }

  #tearDown(sandbox: Sandbox): Promise<void> {
    const teardown = sandbox
      .destroy()
      .catch((error) =>
        this.#logger.error({ sandbox: sandbox.id, error: String(error) }, 'a sandbox was not torn down'),
      )
      .finally(() => this.#teardowns.delete(teardown));
    this.#teardowns.add(teardown);
    return teardown;
  }
}

type Compiled = Extract<Compilation, { program: unknown }>;

/** The order that puts the compiled program where it is run. */
function program({ compile }: Runtime, compiled: Compiled | undefined): Order[] {
  if (!compile || !compiled) return [];
  const path = compiledPath(compile.output);
  if ('name' in compiled.program) return [orders.place(path, compiled.program)];
  return [orders.write({ path, mode: 0o755, content: compiled.program })];
}

/** The result when the compiler failed: its output, and every input unchanged. */
function notCompiled(
  failed: Extract<Compilation, { failed: object }>['failed'],
  { inputs, folders = [] }: EngineRequest,
  { onEvent }: EngineCallOptions,
): EngineRun {
  for (const type of ['stdout', 'stderr'] as const) {
    if (failed[type].text) onEvent?.({ type, data: Buffer.from(failed[type].text) });
  }
  return {
    result: { ...failed, stage: 'compile', compileUsage: failed.usage, usage: none, artifactsTruncated: false },
    artifacts: [],
    inherited: inputs.map((input) => input.path),
    deleted: [],
    folders,
    release() {},
  };
}

const none = { wallMs: 0, cpuMs: 0, peakMemoryBytes: 0 };

function input(stdin: string | undefined): Order[] {
  return stdin === undefined ? [] : [orders.stdin(Buffer.from(stdin))];
}
