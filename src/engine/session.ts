import { DragomanError, type Limits, maxPathDepth, newId } from '../core/index.ts';
import { type Order, orders } from '../guest-protocol/index.ts';
import type { Sandbox, SandboxListener, WorkspaceListing } from '../sandbox/index.ts';
import { Cell } from './cell.ts';
import { SessionKernels } from './kernels.ts';
import type {
  EngineCallOptions,
  EngineCell,
  EngineCellRequest,
  EngineInput,
  EngineKernel,
  EngineSession,
  KernelRequest,
  TouchedFile,
  WorkspaceChanges,
} from './port.ts';
import type { RuntimeCatalogue } from './runtimes.ts';
import { SandboxGone } from './sandbox-gone.ts';
import { doesNotFit, stage } from './staging.ts';
import { callBroker } from './tools/index.ts';
import { whenExited } from './when-exited.ts';

/** The guest acknowledges what it was sent within this, or its sandbox is given up. */
const syncDeadlineMs = 15_000;

/** Between cells nobody listens. */
const silent: SandboxListener = { stdout() {}, stderr() {}, claim() {} };

/**
 * A live session's sandbox: kernels whose variables stay from cell to cell, and a workspace. Frozen whenever nothing of its
 * owner's runs. Its calls are made one after another.
 */
export class SandboxSession implements EngineSession {
  readonly #sandbox: Sandbox;
  readonly #limits: Limits;
  readonly #kernels: SessionKernels;
  readonly #release: (sandbox: Sandbox) => Promise<void>;
  /** What the workspace held when it was last looked at: stamps by path. */
  readonly #known = new Map<string, string>();
  /** The freeze after the last cell, and whether it is over. Never rejects. */
  #rest: Promise<void> = Promise.resolve();
  #isAtRest = true;
  #ended = false;

  /** Takes over a sandbox that is under its limits. `release` destroys it. */
  constructor(
    sandbox: Sandbox,
    limits: Limits,
    { catalogue, release }: { catalogue: RuntimeCatalogue; release: (sandbox: Sandbox) => Promise<void> },
  ) {
    this.#sandbox = sandbox;
    this.#limits = limits;
    this.#kernels = new SessionKernels(catalogue);
    this.#release = release;
    void sandbox.send(orders.serve());
  }

  /** Its sandbox is gone; only `close` still makes sense. */
  get ended(): boolean {
    return this.#ended || this.#sandbox.ended;
  }

  /**
   * Writes files into the workspace; they do not count as changes.
   * @throws DragomanError invalid_request when they do not fit; sandbox_unavailable when the sandbox is gone
   */
  async stage(inputs: readonly EngineInput[]): Promise<void> {
    if (inputs.length === 0) return;
    await this.#awake(async () => {
      await stage(this.#sandbox, inputs, this.#limits);
      await this.#sync(orders.sync);
    });
    const { files } = await this.#list();
    const byPath = new Map(files.map((file) => [file.path, file]));
    for (const { path, size } of inputs) {
      const file = byPath.get(path);
      if (file?.size === size) this.#known.set(path, file.stamp);
    }
  }

  /** Removes files from the workspace; that does not count as a change. */
  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await this.#awake(async () => {
      for (const path of paths) void this.#sandbox.send(orders.remove(path));
      await this.#sync(orders.sync);
    });
    for (const path of paths) this.#known.delete(path);
  }

  /** Runs a cell of a language that has a kernel. */
  run(
    { language, code, kernel }: EngineCellRequest,
    options: EngineCallOptions & { readonly limits: Limits },
  ): EngineCell {
    if (this.ended) throw new SandboxGone();
    const { runtime, guest } = this.#kernels.forCell(language, kernel);
    // Drop output that leftover threads wrote after the last cell ended and before the freeze.
    if (!this.#isAtRest) this.#sandbox.drain();
    this.#isAtRest = false;
    const tools = callBroker(options.tools);
    this.#kernels.mark(guest.id, 'busy');
    const order = {
      kernel: guest,
      language: runtime.name,
      code: Buffer.from(code),
      tools: tools?.tools ?? [],
    };
    const cell = new Cell(this.#sandbox, (token) => orders.cell(token, order), { ...options, tools });
    // It wakes up to orders that are there already.
    this.#sandbox.thaw();
    const done = cell.done.then((end) => {
      if (cell.deaf) this.#ended = true;
      this.#kernels.mark(guest.id, end.interpreter === 'kept' ? 'idle' : 'ended');
      this.#sandbox.listen(silent);
      this.#rest = this.#settle();
      return end;
    });
    return { done, interrupt: () => cell.interrupt() };
  }

  async #settle(): Promise<void> {
    try {
      await this.#sandbox.freeze();
      this.#isAtRest = true;
    } catch {
      this.#ended = true;
    }
  }

  kernels(): readonly EngineKernel[] {
    return this.#kernels.list();
  }

  async startKernel(request: KernelRequest): Promise<EngineKernel> {
    const { entry, guest } = this.#kernels.plan(request);
    await this.#awake(() => this.#sync((token) => orders.kernel(token, guest), refused));
    return this.#kernels.add(entry);
  }

  async restartKernel(id: string): Promise<EngineKernel> {
    const guest = this.#kernels.get(id);
    await this.#awake(async () => {
      await this.#sync((token) => orders.stop(token, id));
      this.#kernels.mark(id, 'ended');
      await this.#sync((token) => orders.kernel(token, guest), refused);
      this.#kernels.mark(id, 'idle');
    });
    return this.#kernels.list().find((kernel) => kernel.id === id)!;
  }

  async stopKernel(id: string): Promise<void> {
    this.#kernels.get(id);
    await this.#awake(() => this.#sync((token) => orders.stop(token, id)));
    this.#kernels.remove(id);
  }

  /** Ends every interpreter and every process of the owner; the files stay. @throws SandboxGone */
  async restart(): Promise<void> {
    await this.#awake(() => this.#sync(orders.restart));
    this.#kernels.endAll();
  }

  /** What has changed in the workspace since the last call or `stage`. */
  async changes(): Promise<WorkspaceChanges> {
    // Most cells touch no file, and that can be seen while the sandbox is still being stopped.
    const early = await this.#list();
    if (!this.#shows(early)) return { touched: [], gone: [], truncated: early.truncated };
    await this.#rest;
    const listing = await this.#list();
    const touched: TouchedFile[] = [];
    let { truncated } = listing;
    const there = new Set<string>();
    for (const { path, size, stamp } of listing.files) {
      there.add(path);
      if (this.#known.get(path) === stamp) continue;
      if (size > this.#limits.artifactBytes || touched.length >= this.#limits.artifacts) {
        truncated = true;
        continue;
      }
      const content = await this.#sandbox.workspace.open(path);
      if (!content) continue;
      if (content.size > this.#limits.artifactBytes) {
        content.close();
        truncated = true;
        continue;
      }
      this.#known.set(path, stamp);
      touched.push({ path, content });
    }
    // A listing that is not whole proves nothing about what it lacks.
    const gone = listing.truncated ? [] : [...this.#known.keys()].filter((path) => !there.has(path));
    for (const path of gone) this.#known.delete(path);
    return { touched, gone, truncated };
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#release(this.#sandbox);
  }

  /** Whether a listing tells of a change. */
  #shows({ files, truncated }: WorkspaceListing): boolean {
    const isAsKnown = files.every(({ path, stamp }) => this.#known.get(path) === stamp);
    return !isAsKnown || (!truncated && files.length !== this.#known.size);
  }

  #list(): Promise<WorkspaceListing> {
    return this.#sandbox.workspace.list({ entries: this.#limits.workspaceFiles, depth: maxPathDepth });
  }

  /** Lets the sandbox run for a moment, for the supervisor to work. */
  async #awake(work: () => Promise<void>): Promise<void> {
    if (this.ended) throw new SandboxGone();
    this.#sandbox.thaw();
    try {
      await work();
    } finally {
      await this.#sandbox.freeze();
    }
  }

  /** Waits until the supervisor has done everything it was sent before. */
  async #sync(order: (token: string) => Order, fault: (message: string) => Error = doesNotFit): Promise<void> {
    const token = newId();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const gone = () => {
      this.#ended = true;
      reject(new SandboxGone());
    };
    const timer = setTimeout(gone, syncDeadlineMs);
    this.#sandbox.listen({
      stdout() {},
      stderr() {},
      claim(claim) {
        if (claim.claim === 'done' && claim.token === token) resolve();
        if (claim.claim === 'fault') reject(fault(claim.message));
      },
    });
    const forget = whenExited(this.#sandbox, gone);
    void this.#sandbox.send(order(token));
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      forget();
    }
  }
}

/** A kernel could not be started; the guest says why. */
function refused(message: string): DragomanError {
  return new DragomanError('invalid_request', { message });
}
