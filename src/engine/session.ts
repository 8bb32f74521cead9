import { statfs } from 'node:fs/promises';
import { DragomanError, type Limits, modeOf, type StateLoss, type StateReport, type UsageNow } from '../core/index.ts';
import { type Order, orders } from '../guest-protocol/index.ts';
import type { Baseline, LinkListener, Sandbox } from '../sandbox/index.ts';
import { collectLimits } from './artifacts.ts';
import { type CommandRequest, type EngineCommand, SandboxCommand, SandboxFiles, SideChannel } from './beside/index.ts';
import { carriedOut } from './carried-out.ts';
import { Cell } from './cell.ts';
import type { Hints } from './hints.ts';
import { SessionKernels } from './kernels.ts';
import type {
  EngineCallOptions,
  EngineCell,
  EngineCellRequest,
  EngineInput,
  EngineKernel,
  EngineSession,
  KernelRequest,
  SessionNotes,
  WorkspaceChanges,
} from './port.ts';
import type { RuntimeCatalogue } from './runtimes.ts';
import { SandboxGone } from './sandbox-gone.ts';
import { sourceText } from './source.ts';
import { doesNotFit, stage } from './staging.ts';
import { type KernelState, KernelStates, type RestoreStateOptions, type SaveStateOptions } from './state/index.ts';
import { callBroker } from './tools/index.ts';
import { Wakefulness } from './wakefulness.ts';

/** What a session needs of its engine. */
export interface SessionParts {
  readonly catalogue: RuntimeCatalogue;
  readonly hints: Hints;
  /** Destroys the sandbox. */
  readonly release: (sandbox: Sandbox) => Promise<void>;
}

/** Of a disk, beside what a checkpoint may take. */
const spareBytes = 64 * 1024 * 1024;

/** Between cells, output is dropped. */
const silent: LinkListener = { stdout() {}, stderr() {}, claim() {} };

/** A command that runs for longer gives way to short programs, as a cell does. */
const backgroundAfterMs = 1000;

/** A live session over one sandbox, which is frozen whenever no cell, no command and no work with its files is under way. */
export class SandboxSession implements EngineSession {
  readonly #sandbox: Sandbox;
  readonly #limits: Limits;
  readonly #kernels: SessionKernels;
  readonly #hints: Hints;
  readonly #release: (sandbox: Sandbox) => Promise<void>;
  /** What the workspace held at the last look. */
  #known: Baseline = new Map();
  readonly #toldCaches = new Set<string>();
  /** The empty folders that were there at the last look, sorted. */
  #folders: readonly string[] = [];
  readonly files: SandboxFiles;
  readonly #wake: Wakefulness;
  readonly #channel: SideChannel;
  readonly #states: KernelStates;
  /** The freeze after the last cell. Never rejects. */
  #rest: Promise<void> = Promise.resolve();
  /** Commands that have run for a while. */
  #inBackground = 0;
  #isCellRunning = false;
  /** Cells and orders under way that listen to the guest. */
  #listening = 0;
  #ended = false;

  /**
   * Takes over a sandbox that is under its limits and serves kernels. `release` destroys it; `notes`: it goes on from a checkpoint.
   * @param language whose kernel has been started in it
   */
  constructor(
    sandbox: Sandbox,
    limits: Limits,
    { catalogue, hints, release }: SessionParts,
    { notes, language }: { readonly notes?: SessionNotes; readonly language?: string | undefined },
  ) {
    this.#sandbox = sandbox;
    this.#limits = limits;
    this.#kernels = new SessionKernels(catalogue);
    this.#hints = hints;
    this.#release = release;
    this.#wake = new Wakefulness(sandbox, () => this.files.look());
    this.#channel = new SideChannel(sandbox);
    this.files = new SandboxFiles(this.#channel, (work) => this.#awake(work));
    this.#states = new KernelStates(sandbox, this.#wake, () => this.#listening > 0);
    if (notes) this.#goOn(notes);
    if (language !== undefined) this.#kernels.addUsual(language);
  }

  get ended(): boolean {
    return this.#ended || this.#sandbox.ended || this.#sandbox.violation !== undefined;
  }

  async stage(inputs: readonly EngineInput[], folders: readonly string[] = []): Promise<void> {
    if (inputs.length === 0 && folders.length === 0) return;
    await this.#inTurn(async () => {
      await stage(this.#sandbox, inputs, folders, this.#limits);
      await this.#sync(orders.sync);
    });
    const found = await this.#stopped(() => this.#sandbox.workspace.snapshot(collectLimits(this.#limits)));
    const known = new Map(this.#known);
    for (const input of inputs) {
      const { path, size, digest } = input;
      const file = found.get(path);
      known.set(path, { size, digest, mode: modeOf(input), stamp: file?.size === size ? file.stamp : undefined });
    }
    this.#known = known;
    this.#folders = [...new Set([...this.#folders, ...folders])].sort();
  }

  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length === 0) return;
    await this.#inTurn(async () => {
      for (const path of paths) void this.#sandbox.link.send(orders.remove(path));
      await this.#sync(orders.sync);
    });
    const known = new Map(this.#known);
    for (const path of paths) known.delete(path);
    this.#known = known;
    this.#folders = this.#folders.filter((path) => !paths.includes(path));
  }

  run(
    { language, code, kernel, question, manner, env }: EngineCellRequest,
    options: EngineCallOptions & { readonly limits: Limits },
  ): EngineCell {
    if (this.ended) return { done: Promise.reject(new SandboxGone()), interrupt() {} };
    const { runtime, guest } = this.#kernels.forCell(language, kernel);
    const tools = callBroker(options.tools);
    this.#kernels.mark(guest.id, 'busy');
    const order = {
      kernel: guest,
      language: runtime.name,
      // A question is about the code as it is typed: places in it would move.
      code: Buffer.from(question ? code : sourceText(runtime, code)),
      tools: tools?.tools ?? [],
      question,
      manner,
      env,
    };
    const cell = new Cell(this.#sandbox, (token) => orders.cell(token, order), {
      ...options,
      tools,
      isFrozen: this.#wake.isAtRest,
      // A command goes on while a cell waits for its caller.
      mayFreeze: () => !this.#wake.isShared,
      epilogue: { what: 'interpreter', hints: this.#hints },
    });
    this.#wake.enter();
    void this.#wake.resume().catch(() => {});
    this.#isCellRunning = true;
    this.#listening++;
    const rest = () => {
      this.#listening--;
      if (cell.isUnresponsive) this.#ended = true;
      this.#isCellRunning = false;
      if (this.#inBackground > 0) this.#sandbox.background(true);
      this.#sandbox.link.listen(silent);
      this.#rest = this.#settle();
    };
    const done = cell.done.then(
      (end) => {
        this.#kernels.mark(guest.id, end.interpreter === 'kept' ? 'idle' : 'ended');
        rest();
        return end;
      },
      (error) => {
        this.#ended = true;
        this.#kernels.mark(guest.id, 'ended');
        rest();
        throw error;
      },
    );
    return { done, interrupt: () => cell.interrupt() };
  }

  kernels(): readonly EngineKernel[] {
    return this.#kernels.list();
  }

  async startKernel(request: KernelRequest): Promise<EngineKernel> {
    const { entry, guest } = this.#kernels.plan(request);
    await this.#inTurn(() => this.#sync((token) => orders.kernel(token, guest), refused));
    return this.#kernels.add(entry);
  }

  async restartKernel(id: string): Promise<EngineKernel> {
    const guest = this.#kernels.get(id);
    await this.#inTurn(async () => {
      await this.#sync((token) => orders.stop(token, id));
      this.#kernels.mark(id, 'ended');
      await this.#sync((token) => orders.kernel(token, guest), refused);
      this.#kernels.mark(id, 'idle');
    });
    return this.#kernels.list().find((kernel) => kernel.id === id)!;
  }

  async stopKernel(id: string): Promise<void> {
    this.#kernels.get(id);
    await this.#inTurn(() => this.#sync((token) => orders.stop(token, id)));
    this.#kernels.remove(id);
  }

  async restart(): Promise<void> {
    await this.#inTurn(() => this.#sync(orders.restart));
    this.#kernels.endAll();
  }

  async changes(): Promise<WorkspaceChanges> {
    const { workspace } = this.#sandbox;
    const limits = collectLimits(this.#limits);
    // Most cells touch no file, and that can be seen while the sandbox is still being stopped.
    const isSame = !(await workspace.differs(this.#known, limits, this.#folders));
    if (isSame) return { touched: [], gone: [], folders: this.#folders, caches: [], truncated: false };
    await this.#rest;
    await this.#wake.stop();
    const { files, gone, folders, caches, truncated, next } = await workspace.changes(this.#known, limits);
    this.#known = next;
    this.#folders = folders;
    const untold = caches.filter((path) => !this.#toldCaches.has(path));
    for (const path of untold) this.#toldCaches.add(path);
    return { touched: files, gone, folders, caches: untold, truncated };
  }

  resume(): Promise<void> {
    return this.#wake.resume();
  }

  async saveState(kernel: string, options: SaveStateOptions): Promise<KernelState | StateLoss> {
    if (this.ended) throw new SandboxGone();
    if (!this.#kernels.list().some(({ id, state }) => id === kernel && state !== 'ended'))
      return { reason: 'unavailable', message: 'The kernel does not run.' };
    return this.#states.save(kernel, options);
  }

  async restoreState(
    cell: Pick<EngineCellRequest, 'language' | 'kernel'>,
    state: KernelState,
    options: RestoreStateOptions,
  ): Promise<StateReport | StateLoss> {
    if (this.ended) throw new SandboxGone();
    const { guest } = this.#kernels.forCell(cell.language, cell.kernel);
    const end = await this.#states.restore(guest, state, options);
    if (!('reason' in end)) {
      this.#kernels.mark(guest.id, 'idle');
      return end;
    }
    // Why it ended says more than that it is gone.
    if (this.ended) return end;
    // Whatever the loader has left must not be found by the code.
    await this.#inTurn(() => this.#sync((token) => orders.stop(token, guest.id)));
    this.#kernels.mark(guest.id, 'ended');
    return end;
  }

  async startCommand(request: CommandRequest): Promise<EngineCommand> {
    if (this.ended) throw new SandboxGone();
    const oomKills = async () => (await this.#sandbox.usage()).oomKills;
    const command = new SandboxCommand(this.#channel, request, oomKills);
    const over = async () => {
      try {
        await this.#wake.leave();
      } catch {
        this.#ended = true;
      }
    };
    try {
      await this.#wake.hold();
      await command.start();
    } catch (error) {
      await over();
      throw error;
    }
    const timer = setTimeout(() => this.#background(1), backgroundAfterMs);
    const begun = performance.now();
    void command.done.then(() => {
      clearTimeout(timer);
      if (performance.now() - begun > backgroundAfterMs && this.#inBackground > 0) this.#background(-1);
      return over();
    });
    return command;
  }

  usageNow(): UsageNow | undefined {
    return this.ended ? undefined : this.#sandbox.usageNow();
  }

  async checkpoint(folder: string, signal: AbortSignal): Promise<SessionNotes> {
    if (this.ended) throw new SandboxGone();
    await this.#requireRoom(folder);
    await this.#rest;
    await this.#wake.stop();
    try {
      // What has been sent and not been done would be done again by whoever goes on from the checkpoint.
      if (this.#listening > 0) throw new Error('code runs');
      if (!this.#sandbox.checkpoint) throw new Error('sandboxes of this kind cannot be written to files');
      await this.#sandbox.checkpoint(folder, signal);
    } finally {
      await this.#wake.resume();
    }
    const { memoryBytes, processes, openFiles } = this.#limits;
    return {
      known: [...this.#known].map(([path, { size, digest, mode, readOnly }]) => [
        path,
        { size, digest, mode, readOnly },
      ]),
      folders: this.#folders,
      toldCaches: [...this.#toldCaches],
      kernels: this.#kernels.list(),
      limits: { memoryBytes, processes, openFiles },
    };
  }

  async close(): Promise<void> {
    this.#ended = true;
    await this.#release(this.#sandbox);
  }

  /** A sandbox that is written in part has to be ended: where there is no room nothing is begun. @throws Error */
  async #requireRoom(folder: string): Promise<void> {
    const { memoryBytes = 0, workspaceBytes } = this.#sandbox.usageNow() ?? {};
    const needed = memoryBytes + (workspaceBytes ?? 0) + spareBytes;
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize < needed) throw new Error(`the disk has no room for ${needed} bytes`);
  }

  #goOn({ known, folders, toldCaches, kernels }: SessionNotes): void {
    this.#known = new Map(known);
    this.#folders = folders;
    for (const path of toldCaches) this.#toldCaches.add(path);
    for (const kernel of kernels) this.#kernels.add(kernel);
    // It runs; whatever holds it next finds it so.
    this.#wake.enter();
    this.#rest = this.#settle();
  }

  async #settle(): Promise<void> {
    try {
      await this.#wake.leave();
    } catch {
      this.#ended = true;
    }
  }

  /** Lets the sandbox run for a moment, for the supervisor to work. */
  async #awake<T>(work: () => Promise<T>): Promise<T> {
    if (this.ended) throw new SandboxGone();
    try {
      await this.#wake.hold();
      return await work();
    } finally {
      await this.#wake.leave();
    }
  }

  /** The same for calls that are made one after another: what `changes` found has been read by now. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    await this.#wake.resume();
    await this.#awake(work);
  }

  /** Does something while nothing in the sandbox runs. */
  async #stopped<T>(work: () => Promise<T>): Promise<T> {
    await this.#wake.stop();
    try {
      return await work();
    } finally {
      await this.#wake.resume();
    }
  }

  /** So many more commands, or fewer, have run for a while. */
  #background(change: number): void {
    this.#inBackground += change;
    // A cell has its own time.
    if (!this.#isCellRunning && !this.ended) this.#sandbox.background(this.#inBackground > 0);
  }

  /** Waits until the supervisor has done everything it was sent before. */
  async #sync(order: (token: string) => Order, fault: (message: string) => Error = doesNotFit): Promise<void> {
    this.#listening++;
    try {
      await carriedOut(this.#sandbox, order, fault);
    } catch (error) {
      if (error instanceof SandboxGone) this.#ended = true;
      throw error;
    } finally {
      this.#listening--;
    }
  }
}

/** A kernel could not be started; the guest says why. */
function refused(message: string): DragomanError {
  return new DragomanError('invalid_request', { message });
}
