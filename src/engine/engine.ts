import {
  DragomanError,
  type ExecutionEvent,
  type ExecutionResult,
  type Limits,
  type Logger,
  type ToolDefinition,
} from '../core/index.ts';
import type { IsolationBackend, Sandbox, Workspace } from '../isolation/index.ts';
import { type Artifact, diffWorkspace } from './artifacts.ts';
import { Pool } from './pool.ts';
import { entryName, programFrame, toolProgramFrame } from './program.ts';
import { type Orders, runIn } from './run.ts';
import type { Runtime, RuntimeCatalogue } from './runtimes.ts';
import { EngineSession } from './session.ts';
import { type EngineInput, stage } from './staging.ts';
import { callableTools, SchemaChecker, ToolBroker } from './tools/index.ts';

export interface EngineRequest {
  readonly runtime: Runtime;
  readonly code: string;
  readonly args: readonly string[];
  readonly stdin: string | undefined;
  readonly inputs: readonly EngineInput[];
  readonly limits: Limits;
}

export interface EngineCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ExecutionEvent) => void) | undefined;
  /** From `tools` of the engine; for this execution only. */
  readonly tools?: ToolBroker | undefined;
}

/** A finished run whose workspace can still be read. Release it: until then its sandbox holds memory. */
export interface EngineRun {
  readonly result: ExecutionResult;
  readonly artifacts: readonly Artifact[];
  readonly inherited: readonly string[];
  readonly deleted: readonly string[];
  /** Destroys the sandbox in the background. */
  release(): void;
}

export interface EngineOptions {
  readonly backend: IsolationBackend;
  readonly catalogue: RuntimeCatalogue;
  /** Parked sandboxes of each kind. */
  readonly poolSize: number;
  readonly logger: Logger;
}

/** Runs programs in sandboxes. Knows no users, stores or wires. */
export class Engine {
  readonly catalogue: RuntimeCatalogue;
  readonly #backend: IsolationBackend;
  readonly #pool: Pool;
  readonly #logger: Logger;
  readonly #checker = new SchemaChecker();
  readonly #teardowns = new Set<Promise<void>>();

  constructor(options: EngineOptions) {
    this.catalogue = options.catalogue;
    this.#backend = options.backend;
    this.#logger = options.logger;
    this.#pool = new Pool({ ...options, size: options.poolSize });
  }

  /** @throws Error naming what the host lacks */
  async start(): Promise<void> {
    await this.#backend.start();
    this.#pool.start();
  }

  /** Parked sandboxes by kind, and all that are alive. */
  census(): { parked: Record<string, number>; live: number } {
    return { parked: this.#pool.parked(), live: this.#backend.live };
  }

  /** A kind of sandbox that cannot be made at present: programs that need one are refused. */
  lacking(): string | undefined {
    return this.#pool.lacking();
  }

  /**
   * Tools for one execution of a program or cell of this language.
   * @param waitMs how long it may wait for its caller to answer; after that it is cancelled
   * @throws DragomanError invalid_request
   */
  tools(runtime: Runtime, definitions: readonly ToolDefinition[], waitMs: number): ToolBroker {
    if (!runtime.tools)
      throw new DragomanError('invalid_request', { message: `programs in ${runtime.title} cannot call tools` });
    return new ToolBroker({ tools: callableTools(definitions, runtime.tools.names), checker: this.#checker, waitMs });
  }

  /** Runs a program in a sandbox of its own. @throws DragomanError sandbox_unavailable, too_large, invalid_request */
  async execute(request: EngineRequest, options: EngineCallOptions = {}): Promise<EngineRun> {
    const run = await this.#attempt(request, options);
    const { outcome, stdout, stderr } = run.result;
    if (outcome !== 'killed' || stdout.bytes + stderr.bytes > 0 || options.tools?.isUsed) return run;
    // Its zygote may have died while it was parked. A program that nobody has heard of can be run again: what it does stays
    // in its sandbox.
    run.release();
    return this.#attempt(request, options);
  }

  async #attempt(request: EngineRequest, options: EngineCallOptions): Promise<EngineRun> {
    const { runtime, inputs, limits, code } = request;
    const paths = inputs.map((input) => input.path);
    const { tools } = options;
    const sandbox = await this.#pool.lease(runtime.kindFor(code, paths, tools && runtime.tools?.template));
    try {
      sandbox.limit(limits);
      const entry = { path: entryName(runtime, new Set(paths)), code };
      await stage(sandbox, inputs, limits);
      const orders = [
        source(entry),
        ...input(request.stdin),
        ...(tools
          ? [{ frame: { op: 'serve' } }, { frame: toolProgramFrame(runtime, entry.path, tools.tools) }]
          : [{ frame: programFrame(runtime, entry.path, request.args) }]),
      ];
      const result = await runIn(sandbox, orders, { limits, ...options });
      // Stopping what the program left running takes a moment, which most programs need not wait for: they made no files.
      if (result.outcome === 'completed' && (await hasFiles(sandbox.workspace, entry.path))) await sandbox.freeze();
      const { truncated, ...diff } = await diffWorkspace(sandbox.workspace, inputs, entry, limits);
      return {
        result: { ...result, artifactsTruncated: truncated },
        ...diff,
        release: () => {
          for (const artifact of diff.artifacts) artifact.content.close();
          void this.#tearDown(sandbox);
        },
      };
    } catch (error) {
      void this.#tearDown(sandbox);
      throw error;
    }
  }

  /** Opens a live session. @throws DragomanError sandbox_unavailable */
  async openSession(limits: Limits): Promise<EngineSession> {
    const sandbox = await this.#pool.lease(this.catalogue.sessionKind);
    try {
      sandbox.limit(limits);
    } catch (error) {
      void this.#tearDown(sandbox);
      throw error;
    }
    return new EngineSession(sandbox, limits, (sandbox) => this.#tearDown(sandbox));
  }

  /** Waits for what is being torn down, then ends everything. */
  async close(): Promise<void> {
    await this.#checker.close();
    await this.#pool.close();
    await Promise.allSettled([...this.#teardowns]);
    await this.#backend.close();
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

/** The order that puts the source into the workspace. */
function source({ path, code }: { path: string; code: string }): Orders[number] {
  const body = Buffer.from(code);
  return { frame: { op: 'write', path, size: body.length, mode: 0o644 }, body };
}

function input(stdin: string | undefined): Orders {
  if (stdin === undefined) return [];
  const body = Buffer.from(stdin);
  return [{ frame: { op: 'stdin', size: body.length }, body }];
}

/** Whether there is anything but the source. */
async function hasFiles(workspace: Workspace, source: string): Promise<boolean> {
  const { files, truncated } = await workspace.list({ entries: 2, depth: 2 });
  return truncated || files.some(({ path }) => path !== source);
}
