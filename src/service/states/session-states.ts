import { DragomanError, type Logger, type Metrics, type Principal, planOf, wholeSession } from '../../core/index.ts';
import type { JobEnding, JobSession, SessionRef } from '../../runner/index.ts';
import type { KernelStateRecord } from '../../stores/index.ts';
import type { UnsavedVariables } from '../peers/questions.ts';
import type { OpenSession } from '../sessions/open-session.ts';
import type { SessionDirectory } from '../sessions/session-directory.ts';
import type { UnsavedLeft } from '../sessions/session-turns.ts';
import { StateStore, type StateStoreOptions } from './state-store.ts';
import type { Carried, KernelVariables, RestoredVariables, States } from './states.ts';

export interface SessionStatesOptions extends StateStoreOptions {
  /** How long giving the variables of one kernel back may take. */
  readonly stateRestoreMs: number;
  /** How long a session is idle before its variables are saved. */
  readonly stateAfterMs: number;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A session whose code has run since its variables were saved. */
interface Changed {
  readonly principal: Principal;
  readonly session: OpenSession;
  readonly ref: SessionRef;
  /** The last execution of each kernel. */
  readonly executions: Map<string, string>;
  dueAt: number;
  /** Another gateway may have had it saved, and not recorded it. */
  readonly isSupposed?: boolean;
}

const sweepIntervalMs = 1000;
/** Saves at once; each reads as fast as a sandbox writes. */
const atOnce = 2;
const atOnceAtEnd = 8;
/** All of the saves when the service ends. */
const endDeadlineMs = 20_000;
/** Of those on a worker that ends. */
const leaveDeadlineMs = 10_000;
/** Workers that have said that they end, and are remembered. */
const maxLeaving = 1000;
/** Memory of a worker is taken for short for so long after that was heard. */
const shortMs = 10_000;
/** A state that could not be given back is tried once more. */
const maxFailures = 2;

/** When variables are saved and given back: behind the user's back once a session is idle, before its sandbox can go. */
export class SessionStates implements States {
  readonly #options: SessionStatesOptions;
  readonly #directory: SessionDirectory;
  readonly #store: StateStore;
  /** At most one for each live sandbox: the next save of one that has gone forgets it. */
  readonly #changed = new Map<string, Changed>();
  /** Saves under way, by session. */
  readonly #saves = new Map<string, Promise<unknown>>();
  /** Workers that end. */
  readonly #leaving = new Set<string>();
  /** Workers whose memory is short, until then unless it is heard again. */
  readonly #short = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SessionStatesOptions, directory: SessionDirectory) {
    this.#options = options;
    this.#directory = directory;
    this.#store = new StateStore(options);
  }

  /** Begins to save what is idle. */
  start(): void {
    this.#timer = setInterval(() => this.sweep(), sweepIntervalMs).unref();
  }

  /** Saves everything that has changed, as far as that works within a deadline. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#saveAll([...this.#changed.values()], endDeadlineMs);
  }

  /**
   * Saves what has changed of the idle sessions on a worker that ends, or whose memory is short. Others are saved when they move, or once they
   * are idle.
   */
  async saveOn(worker: string, why: 'ends' | 'memory'): Promise<void> {
    if (why === 'memory') {
      const isUnderWay = this.#isPressed(worker);
      this.#noteShort(worker);
      // What becomes idle meanwhile is saved by the sweep.
      if (isUnderWay) return;
    } else {
      for (const earliest of this.#leaving) if (this.#leaving.size >= maxLeaving) this.#leaving.delete(earliest);
      this.#leaving.add(worker);
    }
    await this.#saveAll(
      [...this.#changed.values()].filter(({ ref, session }) => ref.worker === worker && session.isIdle),
      leaveDeadlineMs,
    );
  }

  #noteShort(worker: string): void {
    const now = this.#options.now();
    for (const [each, until] of this.#short) if (until <= now) this.#short.delete(each);
    this.#short.set(worker, now + shortMs);
    for (const changed of this.#changed.values())
      if (changed.ref.worker === worker) changed.dueAt = Math.min(changed.dueAt, now);
  }

  /** Whether idle sandboxes of this worker may go soon. */
  #isPressed(worker: string): boolean {
    return this.#leaving.has(worker) || (this.#short.get(worker) ?? 0) > this.#options.now();
  }

  async #saveAll(waiting: Changed[], deadlineMs: number): Promise<void> {
    const deadline = performance.now() + deadlineMs;
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const left = Math.floor(deadline - performance.now());
        // Another save of it may have begun, or code have run elsewhere, while it waited here.
        if (left > 0 && this.#changed.get(next.session.record.id) === next) await this.#save(next, left);
      }
    };
    await Promise.all(Array.from({ length: atOnceAtEnd }, work));
  }

  /** Whether variables of this principal are saved. */
  isOnFor(principal: Principal): boolean {
    return planOf(this.#options.plans, principal).state !== false;
  }

  /** What is saved, for a job in a kernel. */
  async forJob(
    principal: Principal,
    session: OpenSession,
    kernel: string,
  ): Promise<Pick<JobSession, 'state' | 'checkpoint'>> {
    if (!this.isOnFor(principal)) return {};
    const found = (await this.#of(session)).find((state) => state.kernel === kernel);
    const checkpoint = await this.checkpointOf(principal, session);
    if (!found) return { checkpoint };
    // A killed server may have forgotten that it ran.
    session.noteKernel(kernel);
    const { digest, size } = found;
    return { state: { ref: { digest, size }, deadlineMs: this.#options.stateRestoreMs }, checkpoint };
  }

  /** The checkpoint that a new sandbox of a session goes on from. Undefined: there is none. */
  async checkpointOf(principal: Principal, session: OpenSession): Promise<JobSession['checkpoint']> {
    if (!this.isOnFor(principal)) return undefined;
    const found = (await this.#of(session)).find((state) => state.kernel === wholeSession);
    if (!found) return undefined;
    const { digest, size, isBehind } = found;
    return { ref: { digest, size }, deadlineMs: this.#options.stateRestoreMs, isBehind };
  }

  /** A cell has ended. What it found is returned, as callers see it. */
  async noteCell(
    principal: Principal,
    session: OpenSession,
    { kernel, execution, ref }: { readonly kernel: string; readonly execution: string; readonly ref: SessionRef },
    { restored, result }: Pick<JobEnding, 'restored' | 'result'>,
  ): Promise<RestoredVariables | undefined> {
    if (!this.isOnFor(principal)) return undefined;
    const states = await this.#of(session);
    const told = states.find((each) => each.kernel === (restored?.isWhole ? wholeSession : kernel));
    const seen = restored && told ? await this.#noteRestored(session, told, restored) : undefined;
    if (result.interpreter !== 'kept') return seen;
    for (const state of await this.#of(session)) {
      const isOfIt = state.kernel === kernel || state.kernel === wholeSession;
      if (isOfIt && !state.isBehind) await this.#note(session, state.kernel, { isBehind: true });
    }
    const { id, idleMs } = session.record;
    const now = this.#options.now();
    const known = this.#changed.get(id);
    const executions = known?.ref.epoch === ref.epoch ? known.executions : new Map<string, string>();
    executions.set(kernel, execution).set(wholeSession, execution);
    // Before its sandbox may go.
    const dueAt = this.#isPressed(ref.worker) ? now : now + Math.min(this.#options.stateAfterMs, idleMs / 2);
    this.#changed.set(id, { principal, session, ref, executions, dueAt });
    return seen;
  }

  async list(principal: Principal, id: string): Promise<readonly KernelVariables[]> {
    return this.#directory.use(principal, id, (session) => this.#variables(session));
  }

  async save(principal: Principal, id: string): Promise<readonly KernelVariables[]> {
    if (!this.isOnFor(principal))
      throw new DragomanError('conflict', { message: 'Variables of sessions are not saved by this service or plan.' });
    return this.#directory.use(principal, id, async (session) => {
      await session.inTurn(() => this.saveNow(session));
      return this.#variables(session);
    });
  }

  discard(principal: Principal, id: string): Promise<void> {
    return this.#directory.use(principal, id, (session) => this.forget(session));
  }

  /** Removes what is saved of a session, or of some of its kernels. */
  async forget(session: OpenSession, kernels?: readonly string[]): Promise<void> {
    const { id } = session.record;
    const changed = this.#changed.get(id);
    if (kernels) for (const kernel of kernels) changed?.executions.delete(kernel);
    else this.#changed.delete(id);
    // A save under way would put back what is removed here.
    await this.#saves.get(id);
    session.states = undefined;
    // They are in a checkpoint as well; what else is in it is saved again.
    const whole = kernels && (await this.#store.list(id)).find(({ kernel }) => kernel === wholeSession);
    await this.#store.discard(id, kernels && [...kernels, wholeSession]);
    if (!whole || !session.ref || this.#changed.has(id)) return;
    const executions = new Map(whole.execution === null ? [] : [[wholeSession, whole.execution]]);
    const principal = principalOf(session.record);
    this.#changed.set(id, { principal, session, ref: session.ref, executions, dueAt: this.#options.now() });
  }

  /** Saves what has changed of a session, now. */
  async saveNow(session: OpenSession): Promise<void> {
    await this.saved(session.record.id);
    const changed = this.#changed.get(session.record.id);
    if (changed) await this.#save(changed);
  }

  /** As `saveNow`, and also what another gateway may have left unrecorded: its worker is asked for the last time. */
  async saveBeforeMove(session: OpenSession): Promise<void> {
    await this.saved(session.record.id);
    if (this.#changed.has(session.record.id)) return this.saveNow(session);
    const states = await this.#of(session);
    const isRecorded = (kernel: string) =>
      states.some((state) => (state.kernel === kernel || state.kernel === wholeSession) && !state.isBehind);
    const supposed = session.record.ran.every(isRecorded) ? undefined : this.#supposed(session);
    if (supposed) await this.#save(supposed);
  }

  /** Resolves when nothing of it is being saved, or no longer. */
  async saved(id: string): Promise<void> {
    await this.#saves.get(id);
  }

  /**
   * Gives a fork the variables of the session it is made of, which are saved first.
   * @param execution the fork is to know of nothing later than this execution; absent: of everything
   */
  async carry(principal: Principal, from: OpenSession, to: OpenSession, execution?: string): Promise<Carried> {
    if (!this.isOnFor(principal)) return 'off';
    await this.saveNow(from);
    // A fork has the usual kernels alone.
    const isUsual = ({ kernel }: KernelStateRecord) => from.record.kernels.every(({ id }) => id !== kernel);
    const states = (await this.#of(from)).filter((state) => isUsual(state) && !state.isBehind);
    const fitting = states.filter((state) => execution === undefined || state.execution === execution);
    if (fitting.length === 0) {
      if (from.record.ran.length === 0) return 'none';
      return states.length > 0 ? 'not_at_execution' : 'not_saved';
    }
    try {
      await this.#store.copy(principal, fitting, to.record);
    } catch (error) {
      this.#options.logger.warn({ session: to.record.id, error: String(error) }, 'a fork has no variables');
      return 'not_saved';
    }
    to.states = undefined;
    const isWhole = fitting.some(({ kernel }) => kernel === wholeSession);
    const usual = from.record.ran.filter((kernel) => from.record.kernels.every(({ id }) => id !== kernel));
    for (const kernel of isWhole ? usual : fitting.map(({ kernel }) => kernel)) to.noteKernel(kernel);
    return 'variables';
  }

  /** Another gateway saves them from now on. */
  release(id: string): UnsavedLeft | undefined {
    const changed = this.#changed.get(id);
    if (!changed) return undefined;
    this.#changed.delete(id);
    const { executions, dueAt, isSupposed = false } = changed;
    const keep = () => {
      if (!this.#changed.has(id)) this.#changed.set(id, changed);
    };
    return { unsaved: { executions: [...executions], dueAt, isSupposed }, keep };
  }

  /** Another gateway has left them to this one. */
  adopt(session: OpenSession, unsaved: UnsavedVariables | 'unknown'): void {
    const changed = this.#supposed(session, unsaved === 'unknown' ? undefined : unsaved);
    if (changed) this.#changed.set(session.record.id, changed);
  }

  /** As if code had run in a session since it was saved. Undefined: it holds no variables that could be saved. */
  #supposed(session: OpenSession, unsaved?: UnsavedVariables): Changed | undefined {
    const { ref, record } = session;
    const principal = principalOf(record);
    if (!ref || record.ran.length === 0 || !this.isOnFor(principal)) return undefined;
    const dueAt = unsaved?.dueAt ?? this.#options.now() + this.#options.stateAfterMs;
    return {
      principal,
      session,
      ref,
      executions: new Map(unsaved?.executions),
      dueAt,
      isSupposed: unsaved?.isSupposed ?? !unsaved,
    };
  }

  /** Begins to save what is idle for long enough. */
  sweep(): void {
    const now = this.#options.now();
    for (const [id, changed] of this.#changed) {
      if (this.#saves.size >= (this.#isPressed(changed.ref.worker) ? atOnceAtEnd : atOnce)) continue;
      if (changed.dueAt > now || this.#saves.has(id) || !changed.session.isIdle) continue;
      void this.#save(changed);
    }
  }

  /** Never rejects. */
  #save(changed: Changed, deadlineMs?: number): Promise<unknown> {
    const { id } = changed.session.record;
    this.#changed.delete(id);
    const saving: Promise<unknown> = this.#saved(changed, deadlineMs).finally(() => {
      if (this.#saves.get(id) === saving) this.#saves.delete(id);
    });
    this.#saves.set(id, saving);
    return saving;
  }

  async #saved({ principal, session, ref, executions, isSupposed }: Changed, deadlineMs?: number): Promise<void> {
    const { logger, metrics } = this.#options;
    if (session.isDeleted) return;
    const { id } = session.record;
    try {
      const how = { mostMs: deadlineMs, again: isSupposed };
      const { saved, lost } = await this.#store.save(principal, session.record, ref, executions, how);
      const bytes = saved.reduce((sum, state) => sum + state.bytes, 0);
      metrics.count('states_saved', 'Kernels whose variables were saved', saved.length);
      metrics.count('state_bytes_saved', 'Bytes of saved variables', bytes);
      metrics.count('states_not_saved', 'Kernels whose variables could not be saved', lost.length);
      for (const { kernel, loss } of lost)
        logger.info({ session: id, kernel, reason: loss!.reason, message: loss!.message }, 'variables were not saved');
    } catch (error) {
      logger.warn({ session: id, error: String((error as Error).cause ?? error) }, 'variables were not saved');
    }
    // It may have been closed and opened again meanwhile.
    session.states = undefined;
    const open = this.#directory.peek(principal, id);
    if (open) open.states = undefined;
  }

  async #noteRestored(
    session: OpenSession,
    state: KernelStateRecord,
    { report, loss }: NonNullable<JobEnding['restored']>,
  ): Promise<RestoredVariables> {
    const { kernel, savedAt, isBehind } = state;
    const { metrics } = this.#options;
    if (loss) metrics.count('states_not_restored', 'Kernels that should have got their variables back, and did not');
    else metrics.count('states_restored', 'Kernels that got their variables back');
    if (loss && state.failures + 1 >= maxFailures) await this.forget(session, [kernel]);
    else if (loss) await this.#note(session, kernel, { failures: state.failures + 1 });
    else if (state.failures > 0) await this.#note(session, kernel, { failures: 0 });
    return { kernel, savedAt, isBehind, report: report ?? null, loss: loss ?? null };
  }

  async #note(session: OpenSession, kernel: string, change: Parameters<StateStore['note']>[2]): Promise<void> {
    await this.#store.note(session.record.id, kernel, change);
    session.states = session.states?.map((state) => (state.kernel === kernel ? { ...state, ...change } : state));
  }

  /** What is saved of a session, read once while it is open. */
  async #of(session: OpenSession): Promise<readonly KernelStateRecord[]> {
    session.states ??= await this.#store.list(session.record.id);
    return session.states;
  }

  async #variables(session: OpenSession): Promise<KernelVariables[]> {
    const [live] = session.ref ? await this.#options.runner.sessions([session.ref]) : [];
    const running = (live?.kernels ?? []).map((kernel) => ({
      ...{ kernel, state: 'live' as const, savedAt: null, execution: null },
      ...{ isBehind: false, bytes: 0, versions: {}, report: null },
    }));
    const saved = (await this.#of(session)).map(async (state): Promise<KernelVariables> => {
      const { kernel, savedAt, execution, isBehind, bytes } = state;
      const shown = await this.#store.shown(state).catch(() => ({ report: null, versions: {} }));
      return { kernel, state: 'saved', savedAt, execution, isBehind, bytes, ...shown };
    });
    return [...running, ...(await Promise.all(saved))];
  }
}

/** The owner of a session, with the plan that it was made with. */
function principalOf({ tenant, principalId, plan }: OpenSession['record']): Principal {
  return { id: principalId, tenant, name: principalId, ...(plan === null ? {} : { plan }) };
}
