import type { ExecutionEvent, ExecutionResult, Limits, Logger } from '../core/index.ts';
import type { IsolationBackend, Sandbox } from '../isolation/index.ts';
import { type Artifact, diffWorkspace } from './artifacts.ts';
import { Pool } from './pool.ts';
import { entryName, programFrame } from './program.ts';
import { runIn } from './run.ts';
import type { Runtime, RuntimeCatalogue } from './runtimes.ts';
import { type EngineInput, stage } from './staging.ts';

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

/** A live interpreter: variables and files stay from cell to cell. Frozen between cells. */
export interface EngineSession {
  /** Runs one cell. @throws Error once the session has ended */
  execute(code: string, options?: EngineCallOptions): Promise<ExecutionResult>;
  readonly ended: boolean;
  close(): Promise<void>;
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

  /** Runs a program in a sandbox of its own. @throws DragomanError sandbox_unavailable, too_large, invalid_request */
  async execute(request: EngineRequest, options: EngineCallOptions = {}): Promise<EngineRun> {
    const { runtime, inputs, limits, code } = request;
    const paths = inputs.map((input) => input.path);
    const sandbox = await this.#pool.lease(runtime.kindFor(code, paths));
    try {
      const entry = { path: entryName(runtime, new Set(paths)), code };
      await stage(sandbox, inputs, limits);
      await this.#write(sandbox, entry);
      if (request.stdin !== undefined) {
        const bytes = Buffer.from(request.stdin);
        await sandbox.send({ op: 'stdin', size: bytes.length }, bytes);
      }
      const result = await runIn(sandbox, programFrame(runtime, entry.path, request.args), { limits, ...options });
      const { truncated, ...diff } = await diffWorkspace(sandbox.workspace, inputs, entry, limits);
      return {
        result: { ...result, artifactsTruncated: truncated },
        ...diff,
        release: () => {
          for (const artifact of diff.artifacts) artifact.content.close();
          this.#tearDown(sandbox);
        },
      };
    } catch (error) {
      this.#tearDown(sandbox);
      throw error;
    }
  }

  /** Opens a live session of a runtime that runs in the sandbox's own interpreter. */
  async openSession(runtime: Runtime, template: string, limits: Limits): Promise<EngineSession> {
    if (runtime.run.kind !== 'script') throw new Error(`${runtime.name} has no kernel`);
    const sandbox = await this.#pool.lease({ template, park: undefined });
    let ended = false;
    const close = async () => {
      ended = true;
      await sandbox.destroy();
    };
    return {
      get ended() {
        return ended;
      },
      execute: async (code, options = {}) => {
        if (ended) throw new Error('the session has ended');
        sandbox.thaw();
        await this.#write(sandbox, { path: runtime.entry, code });
        const frame = { op: 'run', kind: 'cell', entry: `/mnt/data/${runtime.entry}` };
        const result = await runIn(sandbox, frame, { limits, ...options });
        // After a limit nothing is known of the interpreter's state.
        if (result.outcome !== 'completed') await close();
        return { ...result, artifactsTruncated: false };
      },
      close,
    };
  }

  /** Waits for what is being torn down, then ends everything. */
  async close(): Promise<void> {
    await this.#pool.close();
    await Promise.allSettled([...this.#teardowns]);
    await this.#backend.close();
  }

  #write(sandbox: Sandbox, file: { path: string; code: string }): Promise<void> {
    const bytes = Buffer.from(file.code);
    return sandbox.send({ op: 'write', path: file.path, size: bytes.length, mode: 0o644 }, bytes);
  }

  #tearDown(sandbox: Sandbox): void {
    const teardown = sandbox
      .destroy()
      .catch((error) =>
        this.#logger.error({ sandbox: sandbox.id, error: String(error) }, 'a sandbox was not torn down'),
      )
      .finally(() => this.#teardowns.delete(teardown));
    this.#teardowns.add(teardown);
  }
}
