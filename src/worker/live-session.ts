import { DragomanError, type Limits, modeOf, type UsageNow } from '../core/index.ts';
import type { Engine, EngineInput, EngineSession } from '../engine/index.ts';
import type {
  Continuity,
  FileUse,
  Job,
  JobEnding,
  JobFiles,
  JobInput,
  JobKernel,
  JobSession,
  Restored,
  SavedState,
  SessionRef,
  StateSave,
} from '../runner/index.ts';
import type { HeldFile } from './artifacts.ts';
import { goOnFrom, saveCheckpoint } from './checkpoints.ts';
import type { Engines } from './engines.ts';
import { restoreKernel, saveKernel } from './kernel-states.ts';

export interface LiveSessionParts {
  readonly engines: Engines;
  readonly files: JobFiles;
}

/** A session on this worker: its sandbox, what its workspace holds and which kernels hold variables. */
export class LiveSession {
  readonly ref: SessionRef;
  readonly owner: string;
  /** Jobs that use it now. While there are any, its sandbox stays. */
  users = 0;
  /** The latest turn of a gateway that it was used in. */
  turn: number;
  lastUsedAt = 0;
  idleMs = 0;
  readonly #parts: LiveSessionParts;
  #sandbox: EngineSession | undefined;
  /** Of its sandbox. */
  #engine: Engine | undefined;
  /** It was deleted or has moved. What still uses it gets no sandbox, because nothing would close that. */
  #hasEnded = false;
  /** The session's files in the workspace, by path. */
  readonly #held = new Map<string, HeldFile>();
  /** The session's empty folders in the workspace. */
  #folders: readonly string[] = [];
  /** Kernels that hold variables, with the number of cells they ran. */
  readonly #kernels = new Map<string, number>();
  /** How many cells those had run that were saved last. */
  readonly #saved = new Map<string, number>();
  #saves = 0;
  #lastSave: Promise<unknown> = Promise.resolve();
  /** Counts what changes what runs: cells, kernels that end, commands. */
  #changes = 0;
  /** What a checkpoint knows of. */
  #checkpointed = 0;
  /** What became of the checkpoint that its sandbox was to go on from, for the next cell to tell. */
  #wentOn: Restored | undefined;

  constructor(ref: SessionRef, owner: string, parts: LiveSessionParts) {
    this.ref = ref;
    this.turn = ref.turn ?? 0;
    this.owner = owner;
    this.#parts = parts;
  }

  /** It has a sandbox that lives. */
  get isLive(): boolean {
    return this.#sandbox !== undefined && !this.#sandbox.ended;
  }

  /** Its sandbox, if that lives. */
  get sandbox(): EngineSession | undefined {
    return this.isLive ? this.#sandbox : undefined;
  }

  /** Kernels that hold variables. */
  get kernels(): readonly string[] {
    return this.isLive ? [...this.#kernels.keys()] : [];
  }

  /** What a cell of this kernel finds. */
  continuityFor(kernel: string, ran: readonly string[]): Continuity {
    if (this.isLive && this.#kernels.has(kernel)) return 'continued';
    return ran.includes(kernel) ? 'restored' : 'fresh';
  }

  fileAt(path: string): HeldFile | undefined {
    return this.#held.get(path);
  }

  /**
   * Its sandbox with exactly these files and empty folders of the session's in the workspace. Only the difference is staged; a
   * new sandbox is made where there is none, or where files do not fit between what code has left in the old one.
   * @param wanted with the language of the cell that is to run in it next, where that runs in the usual kernel
   * @param checkpoint what a new sandbox goes on from
   * @throws DragomanError sandbox_unavailable, invalid_request when the files do not fit, storage_unavailable; conflict when it has
   *   ended
   */
  async sandboxWith(
    files: readonly JobInput[],
    folders: readonly string[],
    { limits, tier, language }: Pick<Job, 'limits' | 'tier'> & { readonly language?: string | undefined },
    use: FileUse,
    checkpoint?: JobSession['checkpoint'],
  ): Promise<EngineSession> {
    if (this.isLive && this.#engine?.tier === tier) {
      try {
        await this.sync(files, use);
        await this.#syncFolders(folders);
        return this.#sandbox!;
      } catch (error) {
        if (this.isLive && !(error instanceof DragomanError && error.code === 'invalid_request')) throw error;
      }
    }
    await this.close();
    this.#requireOpen();
    const engine = this.#parts.engines.of(tier);
    this.#engine = engine;
    if (checkpoint && (await this.#goOn(files, folders, limits, use, checkpoint))) return this.#sandbox!;
    const sandbox = await engine.openSession(limits, this.owner, language);
    try {
      await sandbox.stage(this.#inputs(files, use), folders);
      this.#requireOpen();
    } catch (error) {
      await sandbox.close();
      throw error;
    }
    this.#sandbox = sandbox;
    this.#hold(files);
    this.#folders = folders;
    return sandbox;
  }

  /** See `Runner.syncSession`. */
  async sync(files: readonly JobInput[], use: FileUse): Promise<void> {
    const sandbox = this.#sandbox;
    if (!sandbox || sandbox.ended) return;
    const wanted = new Set(files.map(({ path }) => path));
    const gone = [...this.#held.keys()].filter((path) => !wanted.has(path));
    await sandbox.remove(gone);
    for (const path of gone) this.#held.delete(path);
    const changed = files.filter((file) => {
      const held = this.#held.get(file.path);
      return held?.digest !== file.digest || held.mode !== modeOf(file);
    });
    await sandbox.stage(this.#inputs(changed, use));
    this.#hold(changed);
  }

  /** Remembers what a cell made of the workspace. */
  noteFiles({ files, deleted, folders }: Pick<JobEnding, 'files' | 'deleted' | 'folders'>): void {
    for (const path of deleted) this.#held.delete(path);
    for (const { path, digest, mode } of files) this.#held.set(path, { digest, mode });
    this.#folders = folders ?? [];
  }

  /** Remembers whether a kernel still holds variables. */
  noteKernel(kernel: string, isKept: boolean): void {
    this.#changes++;
    if (isKept) this.#kernels.set(kernel, (this.#kernels.get(kernel) ?? 0) + 1);
    else {
      this.#kernels.delete(kernel);
      this.#saved.delete(kernel);
    }
  }

  /** A kernel has run cells since its variables were saved. */
  get hasUnsaved(): boolean {
    if (this.#checkpointed === this.#changes) return false;
    return this.isLive && this.#kernels.entries().some(([kernel, cells]) => this.#saved.get(kernel) !== cells);
  }

  /** Its end costs no variables: they are saved, as far as they can be. */
  get isSaved(): boolean {
    return !this.hasUnsaved && !this.isSaving;
  }

  /** Its variables are being saved. */
  get isSaving(): boolean {
    return this.#saves > 0;
  }

  get usageNow(): UsageNow | undefined {
    return this.#sandbox?.usageNow();
  }

  /** See `Runner.saveStates`. */
  async saveStates(save: StateSave): Promise<SavedState[]> {
    this.#saves++;
    // A gateway that stood still may have begun one.
    const before = this.#lastSave;
    const saving = before.then(() => this.#saveStates(save));
    this.#lastSave = saving.catch(() => {});
    try {
      return await saving;
    } finally {
      this.#saves--;
    }
  }

  async #saveStates(save: StateSave): Promise<SavedState[]> {
    const sandbox = this.#sandbox;
    if (!sandbox || sandbox.ended || (this.#checkpointed === this.#changes && !save.again)) return [];
    const results: SavedState[] = [];
    const use = { jobId: save.id, owner: this.owner, pass: save.pass };
    const { checkpoints } = this.#engine!;
    if (checkpoints && this.#kernels.size > 0) {
      const changes = this.#changes;
      const whole = await this.#checkpoint(sandbox, use, save);
      results.push(whole);
      if (whole.ref) this.#checkpointed = changes;
      // What cannot be saved as one is saved kernel by kernel, and so is what another host is to have.
      if (whole.ref && !checkpoints.areOfHost) return results;
    }
    for (const [kernel, cells] of [...this.#kernels]) {
      if ((this.#saved.get(kernel) === cells && !save.again) || sandbox.ended) continue;
      // Where it fails it would fail again, until the next cell has changed something.
      this.#saved.set(kernel, cells);
      results.push(await saveKernel(sandbox, this.#parts.files, { kernel, use }, save));
    }
    return results;
  }

  /** Gives a kernel its saved variables back, before its first cell. */
  async restore(
    kernel: { readonly id: string; readonly language: string },
    state: NonNullable<JobSession['state']>,
    use: FileUse,
    signal: AbortSignal,
  ): Promise<Restored> {
    const restored = await restoreKernel(this.#sandbox!, this.#parts.files, { ...kernel, use }, state, signal);
    if (!restored.loss) {
      this.#kernels.set(kernel.id, 0);
      this.#saved.set(kernel.id, 0);
    }
    return restored;
  }

  #checkpoint(sandbox: EngineSession, use: FileUse, { checkpoint }: StateSave): Promise<SavedState> {
    const { files } = this.#parts;
    const notes = () => ({ held: [...this.#held], folders: this.#folders, kernels: [...this.#kernels] });
    return saveCheckpoint(this.#engine!, sandbox, files, { session: this.ref.id, use }, notes, checkpoint);
  }

  /** Makes its sandbox from a checkpoint, with these files and folders. False: it has none, and why is told with the next cell. */
  async #goOn(
    files: readonly JobInput[],
    folders: readonly string[],
    limits: Limits,
    use: FileUse,
    checkpoint: NonNullable<JobSession['checkpoint']>,
  ): Promise<boolean> {
    const { files: stored } = this.#parts;
    const engine = this.#engine!;
    const end = await goOnFrom(engine, stored, { session: this.ref.id, use }, limits, checkpoint);
    if ('reason' in end) {
      this.#wentOn = { loss: end, isWhole: true };
      return false;
    }
    const { sandbox, live, isCopy } = end;
    try {
      this.#requireOpen();
      this.#sandbox = sandbox;
      for (const [path, held] of live.held) this.#held.set(path, held);
      this.#folders = live.folders;
      await this.sync(files, use);
      await this.#syncFolders(folders);
      // A fork has the usual kernels alone.
      const usual = new Set(engine.catalogue.runtimes.flatMap(({ kernel }) => kernel?.name ?? []));
      for (const { id } of sandbox.kernels()) if (isCopy && !usual.has(id)) await sandbox.stopKernel(id);
    } catch (error) {
      if (this.#hasEnded) await sandbox.close();
      await this.close();
      this.#requireOpen();
      const message = `The files of the session could not be put where programs go on: ${(error as Error).message}`;
      this.#wentOn = { loss: { reason: 'failed', message }, isWhole: true };
      return false;
    }
    const there = new Set(sandbox.kernels().map(({ id }) => id));
    for (const [kernel, cells] of live.kernels) if (there.has(kernel)) this.#kernels.set(kernel, cells);
    this.#checkpointed = this.#changes;
    this.#wentOn = { isWhole: true };
    return true;
  }

  /** What became of the checkpoint that its sandbox was to go on from; undefined: it was told, or there was none. */
  tellWentOn(): Restored | undefined {
    const told = this.#wentOn;
    this.#wentOn = undefined;
    return told;
  }

  /** Starts a kernel, if it is not there. @throws DragomanError invalid_request when its directory cannot be used */
  async startKernel(language: string, { id, directory }: JobKernel): Promise<void> {
    const sandbox = this.#sandbox!;
    if (sandbox.kernels().some((kernel) => kernel.id === id)) return;
    this.#changes++;
    await sandbox.startKernel({ language, id, folder: directory || undefined });
  }

  /** Ends kernels and forgets them; files stay. */
  async stopKernels(ids: readonly string[]): Promise<void> {
    this.#changes++;
    for (const id of ids) {
      this.#kernels.delete(id);
      this.#saved.delete(id);
      if (this.isLive && this.#sandbox!.kernels().some((kernel) => kernel.id === id))
        await this.#sandbox!.stopKernel(id);
    }
  }

  /** Ends every kernel and every process beside them; files stay. */
  async restart(): Promise<void> {
    this.#changes++;
    if (this.isLive) await this.#sandbox!.restart();
    this.#kernels.clear();
    this.#saved.clear();
  }

  /** Ends its sandbox for good. */
  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.close();
  }

  /** Ends its sandbox; the next use makes another. */
  async close(): Promise<void> {
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    this.#kernels.clear();
    this.#saved.clear();
    this.#held.clear();
    this.#folders = [];
    this.#checkpointed = this.#changes;
    await sandbox?.close();
  }

  #requireOpen(): void {
    if (this.#hasEnded) throw new DragomanError('conflict', { message: 'The session has ended.' });
  }

  /** Makes the empty folders that are missing, and removes those that are the session's no longer. */
  async #syncFolders(folders: readonly string[]): Promise<void> {
    const wanted = new Set(folders);
    const there = new Set(this.#folders);
    // With the folders they were in, the deepest first: only a folder that nothing is in can be removed.
    const gone = this.#folders.filter((path) => !wanted.has(path)).flatMap(withParents);
    await this.#sandbox!.remove([...new Set(gone)].sort().reverse());
    const missing = folders.filter((path) => !there.has(path));
    await this.#sandbox!.stage([], missing);
    this.#folders = folders;
  }

  #hold(files: readonly JobInput[]): void {
    for (const file of files) this.#held.set(file.path, { digest: file.digest, mode: modeOf(file) });
  }

  #inputs(inputs: readonly JobInput[], use: FileUse): EngineInput[] {
    const { files } = this.#parts;
    files.expect?.(use, inputs);
    return inputs.map((file) => ({ ...file, open: () => files.open(use, file.digest) }));
  }
}

/** A path and the folders it is in. */
function withParents(path: string): string[] {
  return path.split('/').map((_, index, segments) => segments.slice(0, index + 1).join('/'));
}
