import type { Limits, Logger, StoredFile } from '../../core/index.ts';
import type { Engine, EngineSession, Runtime } from '../../engine/index.ts';
import type { FileService } from '../files/file-service.ts';
import { engineInput } from '../files/inputs.ts';
import { SerialQueue } from './serial-queue.ts';
import type { SessionFiles } from './session-files.ts';
import type { SessionRecord } from './session-record.ts';
import type { Continuity, RunningExecution } from './sessions.ts';

/** Executions of one session that may wait or run. */
const maxQueue = 64;

export interface LiveSessionParts {
  readonly engine: Engine;
  readonly fileService: FileService;
  readonly logger: Logger;
  /** How long an execution may wait for the one before it. */
  readonly queueWaitMs: number;
}

/** A session that this process works with: its record, its files, its queue and, while it has one, its sandbox. */
export class LiveSession {
  readonly record: SessionRecord;
  readonly files: SessionFiles;
  readonly queue: SerialQueue;
  /** Its record has changed since it was saved, at `savedAt`. */
  dirty = false;
  savedAt: number;
  readonly #parts: LiveSessionParts;
  #sandbox: EngineSession | undefined;
  /** Kernels that hold variables now. */
  readonly #kernels = new Set<string>();
  #running: { interrupt(): void } | undefined;
  readonly #executions = new Set<RunningExecution>();

  constructor(record: SessionRecord, files: SessionFiles, parts: LiveSessionParts) {
    this.record = record;
    this.files = files;
    this.#parts = parts;
    this.savedAt = record.lastActiveAt;
    this.queue = new SerialQueue(maxQueue, parts.queueWaitMs);
  }

  /** It has a sandbox. */
  get live(): boolean {
    return this.#sandbox !== undefined && !this.#sandbox.ended;
  }

  /** What a cell of this kernel will find; a program finds files only. */
  continuityFor(kernel: Runtime['kernel']): Continuity {
    const { ran } = this.record;
    if (!kernel) return ran.length > 0 ? 'continued' : 'fresh';
    if (this.live && this.#kernels.has(kernel.name)) return 'continued';
    return ran.includes(kernel.name) ? 'restored' : 'fresh';
  }

  /** Its sandbox, made and filled with its files if there is none. @throws DragomanError sandbox_unavailable … */
  async sandbox(limits: Limits): Promise<EngineSession> {
    if (this.#sandbox && !this.#sandbox.ended) return this.#sandbox;
    await this.letGo();
    const { engine, fileService } = this.#parts;
    const sandbox = await engine.openSession(limits);
    try {
      await sandbox.stage(this.files.all().map((file) => engineInput(fileService, file.name, file)));
    } catch (error) {
      await sandbox.close();
      throw error;
    }
    this.#sandbox = sandbox;
    return sandbox;
  }

  /** What runs now, for `interrupt`. */
  track(running: { interrupt(): void } | undefined): void {
    this.#running = running;
  }

  saved(now: number): void {
    this.dirty = false;
    this.savedAt = now;
  }

  /** Remembers an execution until it is done. */
  follow(execution: RunningExecution): void {
    this.#executions.add(execution);
    const forget = () => this.#executions.delete(execution);
    execution.done.then(forget, forget);
  }

  /** Cancels what runs and what waits. */
  cancelAll(): void {
    for (const execution of this.#executions) execution.cancel();
  }

  /** Remembers what a language's code has left, or lost. */
  note(kernel: string, state: 'kept' | 'lost'): void {
    const { ran } = this.record;
    if (state === 'kept') this.#kernels.add(kernel);
    else this.#kernels.delete(kernel);
    if (ran.includes(kernel)) return;
    this.record.ran = [...ran, kernel];
    this.dirty = true;
  }

  /** False when nothing runs. */
  interrupt(): boolean {
    this.#running?.interrupt();
    return this.#running !== undefined;
  }

  /** Puts stored files into the sandbox, if there is one. */
  async bring(files: readonly StoredFile[]): Promise<void> {
    if (!this.live) return;
    await this.#sandbox!.stage(files.map((file) => engineInput(this.#parts.fileService, file.name, file)));
  }

  /** Takes files from the sandbox, if there is one. */
  async take(paths: readonly string[]): Promise<void> {
    if (this.live) await this.#sandbox!.remove(paths);
  }

  /** Forgets every variable. */
  async restart(): Promise<void> {
    if (this.live) await this.#sandbox!.restart();
    this.#kernels.clear();
  }

  /** Ends its sandbox; its files stay where they are stored. */
  async letGo(): Promise<void> {
    const sandbox = this.#sandbox;
    this.#sandbox = undefined;
    this.#kernels.clear();
    await sandbox?.close();
  }
}
