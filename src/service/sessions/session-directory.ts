import { setImmediate } from 'node:timers/promises';
import {
  DragomanError,
  FairStore,
  type Logger,
  type Principal,
  type StoredFile,
  type Tier,
  within,
} from '../../core/index.ts';
import { type Runner, type SessionRef, WorkerGone } from '../../runner/index.ts';
import type { Records, SessionRecord } from '../../stores/index.ts';
import type { FileService } from '../files/file-service.ts';
import { PeerSilent, type Peers } from '../peers/peers.ts';
import type { PeerQuestion } from '../peers/questions.ts';
import { OpenSession, placeOf } from './open-session.ts';
import { SessionFiles } from './session-files.ts';
import { endOf, findSession } from './session-record.ts';
import { SessionTurns, type SessionTurnsOptions, type UnsavedKeeper } from './session-turns.ts';

export interface SessionDirectoryOptions {
  readonly runner: Runner;
  readonly records: Records;
  readonly fileService: FileService;
  /** Other gateways over the same records. */
  readonly peers: Peers;
  /** A session never lives longer than this from its creation. */
  readonly maxLifeMs: number;
  /** How long an execution may wait for the one before it. */
  readonly queueWaitMs: number;
  readonly logger: Logger;
  readonly now: () => number;
}

type Owner = Pick<Principal, 'tenant' | 'id'>;

const sweepIntervalMs = 5000;
/** Use of a session is written at most this often: a killed server forgets no more of it. */
const saveIntervalMs = 30_000;
/** Sessions that nothing uses stay at hand for this long, so that the next request need not read them again. */
const atHandMs = 60_000;
const maxAtHand = 2000;
/** How long another gateway may take to do what it is told about a session. */
const tellMs = 2000;
/** How long a session that is asked for may be on its way into memory. */
const loadMs = 500;
/** How often a session is placed while other processes place it as well. */
const maxPlaceAttempts = 5;
const maxAtHandBytes = 64 * 1024 * 1024;
/** What a session and each of its files take in memory, about. */
const sessionBytes = 2000;
const fileBytes = 500;

/**
 * Who works with which session. Each session is open at most once in this process: as long as something uses it, and a minute more.
 * Where a session's sandbox lives is in its record: a worker, and an epoch that grows with each change of worker. A change is one
 * conditional update of the record, which is made before the session is used in its new epoch.
 *
 * Where several gateways share the records, the record also says whose turn it is (`SessionTurns`). A gateway keeps a session at hand only in
 * its turn; without it, it reads the session anew for each use.
 */
export class SessionDirectory {
  readonly #options: SessionDirectoryOptions;
  /** In use: bounded by the requests and executions under way. */
  readonly #used = new Map<string, OpenSession>();
  readonly #atHand: FairStore<OpenSession>;
  /** Being loaded: two requests must not make two of one. */
  readonly #loading = new Map<string, Promise<OpenSession>>();
  /** Being written, by id. */
  readonly #saving = new Map<string, Promise<void>>();
  readonly #turns: SessionTurns | undefined;
  #unsaved: UnsavedKeeper | undefined;
  #settle: SessionTurnsOptions['settle'] = async () => true;
  #sweeper: NodeJS.Timeout | undefined;

  constructor(options: SessionDirectoryOptions) {
    this.#options = options;
    this.#atHand = new FairStore({
      maxEntries: maxAtHand,
      maxBytes: maxAtHandBytes,
      ttlMs: atHandMs,
      now: options.now,
      onDrop: (session) => this.#saveSoon(session),
    });
    if (options.peers.id === null) return;
    this.#turns = new SessionTurns({
      ...options,
      settle: (session, found) => this.#settle(session, found),
      got: (session, unsaved) => unsaved && this.#unsaved?.adopt(session, unsaved),
      open: async (id) => {
        // Not for ever: loading one waits for turns that are given away.
        await within(Promise.allSettled(this.#loading.values()), loadMs);
        // Who waited for one that was loaded has it by then.
        await setImmediate();
        const session = this.#open(id);
        if (session) this.#hold(session);
        return session;
      },
      close: (session) => this.#letGo(session),
      leave: async (id) => {
        // What was written last may still be on its way into the record.
        await this.#saving.get(id);
        const session = this.#open(id);
        if (session?.isDirty && !session.isDeleted) await this.save(session).catch(() => {});
      },
      saved: async (id) => this.#unsaved?.saved(id),
      left: (id) => this.#unsaved?.release(id),
    });
  }

  /** Id of this gateway; null where it is the only one. */
  get gateway(): string | null {
    return this.#options.peers.id;
  }

  /** Names who keeps variables that are not saved, and who records what gateways that have died have left. */
  connect(unsaved: UnsavedKeeper, settle?: SessionTurnsOptions['settle']): void {
    this.#unsaved = unsaved;
    if (settle) this.#settle = settle;
  }

  /** Begins to write, every few seconds, what was used. */
  start(): void {
    this.#sweeper = setInterval(() => this.sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  /** Writes what was used. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    for (const session of [...this.#used.values(), ...this.#atHand.values()]) this.#saveSoon(session);
    await Promise.allSettled(this.#saving.values());
  }

  /** A session of this principal that is open now, without counting as use. */
  peek(principal: Owner, id: string): OpenSession | undefined {
    const session = this.#used.get(id) ?? this.#atHand.get(keyOf(principal, id));
    const isOurs = session?.record.principalId === principal.id && session.record.tenant === principal.tenant;
    return isOurs ? session : undefined;
  }

  /** As `peek`, where what is in memory is all there is: it is this gateway's turn. */
  held(principal: Owner, id: string): OpenSession | undefined {
    const session = this.peek(principal, id);
    return session?.isHeld ? session : undefined;
  }

  /** Works with a session, which counts as its use. @throws DragomanError not_found, session_expired */
  async use<T>(principal: Principal, id: string, work: (session: OpenSession) => Promise<T>): Promise<T> {
    const session = await this.open(principal, id);
    try {
      return await work(session);
    } catch (cause) {
      // Whatever it failed with then comes of the deletion.
      if (session.isDeleted) throw new DragomanError('not_found', { message: 'Session not found', cause });
      throw cause;
    } finally {
      this.release(session);
    }
  }

  /** Opens a session for use; `release` has to follow. @throws DragomanError not_found, session_expired */
  async open(principal: Principal, id: string): Promise<OpenSession> {
    const session = this.peek(principal, id) ?? (await this.#load(principal, id));
    if (session.isDeleted) throw new DragomanError('not_found', { message: 'Session not found' });
    if (session.record.expiresAt <= this.#options.now()) throw new DragomanError('session_expired');
    this.#hold(session);
    this.touch(session);
    return session;
  }

  release(session: OpenSession): void {
    this.touch(session);
    this.#letGo(session);
  }

  /** Counts as use. */
  touch(session: OpenSession): void {
    const { record } = session;
    record.lastActiveAt = Math.max(record.lastActiveAt, this.#options.now());
    record.expiresAt = endOf(record, this.#options.maxLifeMs);
    session.isDirty = true;
  }

  /**
   * Where the session's sandbox is or will be. A change of worker is in its record when this resolves.
   * @throws DragomanError not_found when it was deleted meanwhile; overloaded when other processes keep moving it, sandbox_unavailable
   */
  async place(session: OpenSession, tier: Tier): Promise<SessionRef> {
    const { runner, records } = this.#options;
    const { record } = session;
    for (let attempt = 0; attempt < maxPlaceAttempts; attempt++) {
      const worker = await runner.placeSession(record.worker, tier);
      if (worker === record.worker) return placeOf(record)!;
      // Its worker may live still, and only take nothing new.
      if (record.worker !== null) await this.#unsaved?.saveBeforeMove(session);
      const place = await records.sessions.place(record.id, record.epoch, worker);
      if (!place) throw this.#gone(session);
      session.notePlace(place);
    }
    throw new DragomanError('overloaded', { message: 'The session moves between workers.', retryAfterSeconds: 1 });
  }

  /**
   * Works with the session where it is placed, and again where its worker turns out to be gone before anything has begun.
   * @throws DragomanError as `place`, and what `work` throws
   */
  async placed<T>(session: OpenSession, tier: Tier, work: (ref: SessionRef) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const ref = await this.place(session, tier);
      try {
        return await work(ref);
      } catch (error) {
        if (!(error instanceof WorkerGone) || error.mayHaveBegun || attempt === maxPlaceAttempts) throw error;
      }
    }
  }

  /** The worker of this session is lost: whatever it still does there is believed no more. */
  async abandon(session: OpenSession, { id, epoch, worker }: SessionRef): Promise<void> {
    const place = await this.#options.records.sessions.place(id, epoch, worker);
    if (place) session.notePlace(place);
  }

  /** Ends what runs in a session and forgets it, sandbox and all; its record and files are the caller's to remove. */
  async drop(principal: Principal, record: SessionRecord): Promise<void> {
    const session = this.peek(principal, record.id);
    this.#atHand.delete(keyOf(principal, record.id));
    if (session) {
      session.isDeleted = true;
      session.cancelAll();
    }
    if (!session?.isHeld) await this.cancelElsewhere(record, { isDeleted: true });
    const { id, epoch, worker } = session?.record ?? record;
    if (worker !== null) await this.#options.runner.dropSession({ id, epoch, worker });
  }

  /** @throws DragomanError not_found when it was deleted meanwhile */
  async save(session: OpenSession): Promise<void> {
    if (session.isDeleted) throw new DragomanError('not_found', { message: 'Session not found' });
    session.isDirty = false;
    session.savedAt = this.#options.now();
    const { since, record } = session;
    if (since) session.since = { ...record };
    if (!(await this.#options.records.sessions.save(record, since))) throw this.#gone(session);
    if (!session.isHeld) await this.#tell(record.holder, { type: 'reload', session: record.id });
  }

  /** Cancels what runs and waits in a session, in one kernel or in all, on whichever gateway. */
  async cancelAll(session: OpenSession, kernel?: string): Promise<void> {
    session.cancelAll(kernel);
    if (!session.isHeld) await this.cancelElsewhere(session.record, { kernel });
  }

  /** Cancels what another gateway runs in a session, or has left running. */
  async cancelElsewhere(
    record: SessionRecord,
    { kernel, isDeleted = false }: { readonly kernel?: string | undefined; readonly isDeleted?: boolean } = {},
  ): Promise<void> {
    const { id, holder } = record;
    const isTold = await this.#tell(holder, {
      ...{ type: 'cancel_session', session: id, isDeleted },
      ...(kernel ? { kernel } : {}),
    });
    if (isTold === undefined && kernel === undefined) await this.#endLeft(record, 'cancel');
  }

  /** Interrupts what another gateway runs in a session, or has left running. Returns whether something ran. */
  async interruptElsewhere({ isHeld, record }: OpenSession): Promise<boolean> {
    if (isHeld) return false;
    const isTold = await this.#tell<boolean>(record.holder, { type: 'interrupt_session', session: record.id });
    return isTold ?? this.#endLeft(record, 'interrupt');
  }

  /** Ends what runs in a session whose gateway is dead or stands still. Returns whether something ran. */
  async #endLeft(record: SessionRecord, how: 'cancel' | 'interrupt'): Promise<boolean> {
    const { peers, runner } = this.#options;
    const ref = placeOf(record);
    if (peers.id === null || record.holder === peers.id || !ref) return false;
    const [live] = await runner.sessions([ref]);
    const latest = live?.isBusy ? await peers.latestOf(record.id) : undefined;
    if (latest) await runner[how](latest.id);
    return latest !== undefined;
  }

  /** Does what another gateway asks about a session. Undefined: it is no such question. */
  async answer(question: PeerQuestion): Promise<unknown> {
    if (!('session' in question)) return undefined;
    const session = this.#open(question.session);
    switch (question.type) {
      case 'leave':
        return this.#turns?.give(question.session, question.to);
      case 'reload': {
        const recorded = session && (await this.#options.records.sessions.find(question.session));
        if (recorded) session.refresh(recorded);
        return null;
      }
      case 'cancel_session':
        if (session && question.isDeleted) {
          session.isDeleted = true;
          this.#atHand.delete(keyOfRecord(session.record));
        }
        session?.cancelAll(question.kernel);
        return null;
      case 'interrupt_session':
        if (session?.running) await this.#options.runner.interrupt(session.running.id);
        return session?.running !== undefined;
    }
  }

  /** The gateways took this one for dead for some time: whose turn it is has to be read again. */
  doubt(): void {
    for (const session of [...this.#used.values(), ...this.#atHand.values()]) session.isHeld = false;
    for (const session of [...this.#atHand.values()]) this.#atHand.delete(keyOfRecord(session.record));
  }

  /** Writes what was used some time ago, closes what was not used for some time, and ends what is over though it is used. */
  sweep(): void {
    for (const session of this.#used.values()) if (session.record.endsAt !== null) this.#endIfOver(session);
    this.#atHand.dropExpired();
    const isDue = ({ savedAt }: OpenSession) => this.#options.now() - savedAt >= saveIntervalMs;
    for (const session of [...this.#used.values(), ...this.#atHand.values()])
      if (isDue(session)) this.#saveSoon(session);
  }

  /** Keeps a session in use until `#letGo`. */
  #hold(session: OpenSession): void {
    this.#atHand.delete(keyOfRecord(session.record));
    this.#used.set(session.record.id, session);
    session.users++;
  }

  #letGo(session: OpenSession): void {
    session.users--;
    if (session.users > 0) return;
    this.#used.delete(session.record.id);
    if (session.isDeleted) return;
    if (!session.isHeld) {
      if (this.#options.now() - session.savedAt >= saveIntervalMs) this.#saveSoon(session);
      return;
    }
    const bytes = sessionBytes + session.files.count * fileBytes;
    this.#atHand.set(keyOfRecord(session.record), session, bytes);
  }

  /** Ends what runs in a session whose moment has come; its record stays, to tell that it has expired. */
  #endIfOver(session: OpenSession): void {
    const { ref, record } = session;
    if (record.expiresAt > this.#options.now() || session.isEnding) return;
    session.isEnding = true;
    session.cancelAll();
    if (!ref) return;
    // Behind what was cancelled, which would otherwise fail for want of its sandbox. Nothing more begins.
    session
      .inTurn(async () => {})
      .catch(() => {})
      .then(() => this.#options.runner.dropSession(ref))
      .catch((error) => this.#options.logger.error({ error: String(error) }, 'a session was not ended'));
  }

  #saveSoon(session: OpenSession): void {
    if (!session.isDirty || session.isDeleted) return;
    const { id } = session.record;
    const saving: Promise<void> = this.save(session)
      .catch((error) => this.#options.logger.error({ error: String(error) }, 'the use of a session was not saved'))
      .finally(() => {
        if (this.#saving.get(id) === saving) this.#saving.delete(id);
      });
    this.#saving.set(id, saving);
  }

  #load(principal: Principal, id: string): Promise<OpenSession> {
    const key = JSON.stringify([principal.tenant, principal.id, id]);
    const loading =
      this.#loading.get(key) ??
      (async () => {
        // What was dropped from memory may still be on its way into the record.
        await this.#saving.get(id);
        await this.#turns?.given(id);
        const record = await findSession(this.#options.records.sessions, principal, id);
        const files = await this.#options.records.files.list(record.id);
        return this.peek(principal, id) ?? this.#made(record, files);
      })().finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  /** Another process has deleted it. */
  #gone(session: OpenSession): DragomanError {
    session.isDeleted = true;
    session.cancelAll();
    return new DragomanError('not_found', { message: 'Session not found' });
  }

  #made(record: SessionRecord, files: readonly StoredFile[]): OpenSession {
    const sessionFiles = new SessionFiles(files, (set, change) => this.#options.fileService.revise(set, change));
    const { queueWaitMs, peers } = this.#options;
    const turns = this.#turns;
    if (!turns) return new OpenSession(record, sessionFiles, queueWaitMs);
    const session = new OpenSession(record, sessionFiles, queueWaitMs, (each, signal) => turns.take(each, signal));
    session.isHeld = record.holder === peers.id;
    session.since = { ...record };
    sessionFiles.turn = record.turn;
    return session;
  }

  #open(id: string): OpenSession | undefined {
    return this.#used.get(id) ?? this.#atHand.values().find(({ record }) => record.id === id);
  }

  /** Tells the gateway whose turn it is. Undefined: it does not answer, or there is none. */
  async #tell<T>(holder: string | null, question: PeerQuestion): Promise<T | undefined> {
    const { peers, logger } = this.#options;
    if (holder === null || peers.id === null || holder === peers.id || !peers.isAlive(holder)) return undefined;
    try {
      return await peers.ask<T>(holder, question, tellMs);
    } catch (error) {
      if (!(error instanceof PeerSilent)) throw error;
      logger.warn({ question: question.type, gateway: holder }, 'another gateway does not answer');
      return undefined;
    }
  }
}

function keyOfRecord({ tenant, principalId, id }: SessionRecord) {
  return { tenant, principalId, id };
}

function keyOf({ tenant, id: principalId }: Owner, id: string) {
  return { tenant, principalId, id };
}
