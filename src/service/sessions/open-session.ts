import { DragomanError, maxEmptyFolders, pathFault } from '../../core/index.ts';
import type { JobSession, SessionRef } from '../../runner/index.ts';
import type { KernelRecord, KernelStateRecord, SessionPlace, SessionRecord } from '../../stores/index.ts';
import type { TrackedExecution } from '../executions/tracked-execution.ts';
import type { SessionFiles } from './session-files.ts';

/** Executions of one session that may wait or run. */
const maxQueue = 64;

/** A session that this process works with: its record, its files, and what runs and waits in it. Its sandbox is the runner's. */
export class OpenSession {
  readonly record: SessionRecord;
  readonly files: SessionFiles;
  /** Its record as it was last read or written, where several gateways share it. */
  since: SessionRecord | undefined;
  /** It is this gateway's turn: what is in memory is what is recorded. Always, where there is one gateway. */
  isHeld = true;
  /** Its turn is being given to another gateway. */
  leaving: Promise<unknown> | undefined;
  /** Its record has changed since it was saved, at `savedAt`. */
  isDirty = false;
  savedAt: number;
  isDeleted = false;
  /** Its moment has come while it was used, and what uses it is being ended. */
  isEnding = false;
  /** What is saved of its variables; undefined: it was not read. */
  states: readonly KernelStateRecord[] | undefined;
  /** Requests and executions that use it now. */
  users = 0;
  readonly #executions = new Set<TrackedExecution>();
  #running: TrackedExecution | undefined;
  readonly #queueWaitMs: number;
  /** Gets its turn among several gateways. Undefined: there is one. */
  readonly #take: ((session: OpenSession, signal: AbortSignal | undefined) => Promise<void>) | undefined;
  /** Resolves when what is done in its turn is over. Undefined: nothing is. */
  #work: Promise<void> | undefined;
  /** Resolves when all that runs and waits is over. */
  #last: Promise<unknown> = Promise.resolve();
  /** How many run and wait. */
  #length = 0;

  constructor(
    record: SessionRecord,
    files: SessionFiles,
    queueWaitMs: number,
    take?: (session: OpenSession, signal: AbortSignal | undefined) => Promise<void>,
  ) {
    this.record = record;
    this.#take = take;
    this.files = files;
    this.savedAt = record.lastActiveAt;
    this.#queueWaitMs = queueWaitMs;
  }

  /** Where its sandbox is or will be. Undefined: it was never placed. */
  get ref(): SessionRef | undefined {
    return placeOf(this.record);
  }

  /** Nothing runs and nothing waits. */
  get isIdle(): boolean {
    return this.#length === 0;
  }

  /** The execution that runs now, for `interrupt`. */
  get running(): TrackedExecution | undefined {
    return this.#running;
  }

  /** Takes note of where its record says that its sandbox is. */
  notePlace({ worker, epoch }: SessionPlace): void {
    this.record.worker = worker;
    this.record.epoch = epoch;
  }

  /** Remembers an execution until it is done. */
  follow(execution: TrackedExecution): void {
    this.#executions.add(execution);
    const forget = () => this.#executions.delete(execution);
    execution.done.then(forget, forget);
  }

  /**
   * Does one thing after another, in the order they were asked for.
   * @throws DragomanError session_busy when too many wait or it waited too long; cancelled when `signal` aborts before its turn
   */
  async inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#length >= maxQueue) throw new DragomanError('session_busy', { retryAfterSeconds: 1 });
    this.#length++;
    const turn = this.#last;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#last = turn.then(() => over);
    try {
      await this.#wait(turn, signal);
      // From here on the turn is not given away.
      this.#work = over;
      if (this.#take && (!this.isHeld || this.leaving)) await this.#take(this, signal);
      return await work();
    } finally {
      this.#work = undefined;
      this.#length--;
      end();
    }
  }

  /**
   * Does the work of an execution in its turn.
   * @throws DragomanError as `inTurn`; not_found, cancelled when the session is deleted
   */
  execute<T>(execution: TrackedExecution, work: () => Promise<T>): Promise<T> {
    return this.inTurn(async () => {
      if (this.isDeleted) throw new DragomanError('not_found', { message: 'Session not found' });
      this.#running = execution;
      let cause: unknown;
      try {
        const done = await work();
        if (!this.isDeleted) return done;
      } catch (error) {
        if (!this.isDeleted) throw error;
        cause = error;
      } finally {
        this.#running = undefined;
      }
      // Its sandbox and its files have gone with it, however far the work had come.
      throw new DragomanError('cancelled', { message: 'The session was deleted.', cause });
    }, execution.signal);
  }

  /** Resolves when what is done in its turn now is over. */
  async atRest(): Promise<void> {
    await this.#work;
  }

  /** Takes over what is recorded by now, except where it was changed here since it was last read. */
  refresh(recorded: SessionRecord): void {
    const since = this.since ?? recorded;
    const isOurs = (key: keyof SessionRecord) => JSON.stringify(this.record[key]) !== JSON.stringify(since[key]);
    const taken = Object.entries(recorded).filter(([key]) => !isOurs(key as keyof SessionRecord));
    Object.assign(this.record, Object.fromEntries(taken));
    const { worker, epoch, holder, turn } = recorded;
    Object.assign(this.record, { worker, epoch, holder, turn });
    this.since = { ...recorded };
  }

  /** Cancels what runs and what waits, in one kernel or in all. */
  cancelAll(kernel?: string): void {
    for (const execution of this.#executions)
      if (kernel === undefined || execution.kernel === kernel) execution.cancel();
  }

  /** Remembers that a kernel has held variables, which a new sandbox cannot give back. */
  noteKernel(kernel: string): void {
    if (this.record.ran.includes(kernel)) return;
    this.record.ran = [...this.record.ran, kernel];
    this.isDirty = true;
  }

  /** Remembers the empty folders that code has left. What the worker says is checked here as well. */
  noteFolders(folders: readonly string[]): void {
    const kept = folders.slice(0, maxEmptyFolders).filter((path) => pathFault(path) === undefined);
    if (kept.join('\0') === this.record.folders.join('\0')) return;
    this.record.folders = kept;
    this.isDirty = true;
  }

  /** It as a job's session. */
  forJob(
    ref: SessionRef,
    kernel: KernelRecord | null,
    expiresInMs: number,
    saved: Pick<JobSession, 'state' | 'checkpoint'>,
  ): JobSession {
    const { ran, idleMs } = this.record;
    return {
      ...ref,
      kernel: kernel && { id: kernel.id, directory: kernel.directory },
      ran,
      ...(saved.state ? { state: saved.state } : {}),
      ...(saved.checkpoint ? { checkpoint: saved.checkpoint } : {}),
      idleMs: Math.min(idleMs, Math.max(0, expiresInMs)),
    };
  }

  async #wait(turn: Promise<unknown>, signal: AbortSignal | undefined): Promise<void> {
    const { promise, reject } = Promise.withResolvers<never>();
    const cancel = () => reject(new DragomanError('cancelled'));
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    const message = 'Another execution of this session has not ended in time.';
    const timer = setTimeout(
      () => reject(new DragomanError('session_busy', { message, retryAfterSeconds: 5 })),
      this.#queueWaitMs,
    );
    try {
      await Promise.race([turn, promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    }
  }
}

/** Where a session's sandbox is or will be. Undefined: it was never placed. */
export function placeOf({ id, epoch, worker, holder, turn }: SessionRecord): SessionRef | undefined {
  if (worker === null) return undefined;
  return holder === null ? { id, epoch, worker } : { id, epoch, worker, turn };
}
