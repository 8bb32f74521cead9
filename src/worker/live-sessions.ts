import { DragomanError, type Logger } from '../core/index.ts';
import type { HeldSession, LiveState, SessionRef } from '../runner/index.ts';
import { LiveSession, type LiveSessionParts } from './live-session.ts';

export interface LiveSessionsOptions extends LiveSessionParts {
  /** Sandboxes of sessions at once. */
  readonly maxLive: number;
  /** Idle sandboxes are closed while less memory than this is available. */
  readonly reserveBytes: number;
  /** Memory that the machine, or this process's control group, has left. */
  readonly availableMemory: () => number;
  readonly logger: Logger;
  readonly now: () => number;
}

const sweepIntervalMs = 5000;

/**
 * The sessions that have a sandbox on this worker. They are bounded by share: where there is no room for another, the owner of the
 * most sandboxes loses the one it has not used for longest, and never an owner of fewer than the one that asks. No owner uses more
 * than three in four of them at once.
 */
export class LiveSessions {
  readonly #options: LiveSessionsOptions;
  readonly #byId = new Map<string, LiveSession>();
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping = false;
  readonly #shortOf = new Set<() => void>();
  /** Memory was short when it was last looked after. */
  #wasShort = false;
  /** When idle sandboxes were first let go. */
  #lettingGoSince: number | undefined;

  constructor(options: LiveSessionsOptions) {
    this.#options = options;
  }

  /** Begins to close idle sandboxes every few seconds. */
  start(): void {
    this.#sweeper = setInterval(() => void this.sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  /** Calls back while memory is short: idle sandboxes may go soon. Returns what ends that. */
  onShort(listener: () => void): () => void {
    this.#shortOf.add(listener);
    return () => this.#shortOf.delete(listener);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.allSettled([...this.#byId.values()].map((session) => this.#drop(session)));
  }

  get count(): number {
    return this.#byId
      .values()
      .filter(({ isLive }) => isLive)
      .reduce((sum) => sum + 1, 0);
  }

  /** The session of exactly this epoch, if it is here. */
  find({ id, epoch }: SessionRef): LiveSession | undefined {
    const session = this.#byId.get(id);
    return session?.ref.epoch === epoch ? session : undefined;
  }

  states(refs: readonly SessionRef[]): LiveState[] {
    return refs.flatMap((ref) => {
      const session = this.find(ref);
      return session?.isLive ? [{ id: ref.id, kernels: session.kernels, isBusy: session.users > 0 }] : [];
    });
  }

  /** Every session that has a sandbox. */
  held(): HeldSession[] {
    return [...this.#byId.values()]
      .filter(({ isLive }) => isLive)
      .map(({ ref: { id, epoch }, kernels, users, lastUsedAt }) => {
        return { id, epoch, kernels, isBusy: users > 0, lastUsedAt: users > 0 ? this.#options.now() : lastUsedAt };
      });
  }

  refs(): SessionRef[] {
    return [...this.#byId.values()].filter(holds).map(({ ref }) => ref);
  }

  /** Whether a session has a sandbox, or could have one now. */
  hasRoom(ref: SessionRef, owner: string): boolean {
    const known = this.#byId.get(ref.id);
    if (known && holds(known)) return true;
    const { maxLive } = this.#options;
    const others = [...this.#byId.values()].filter((session) => session !== known && holds(session));
    const busy = others.filter((session) => session.owner === owner && !isIdle(session)).length;
    return busy < mostBusy(maxLive) && (others.length < maxLive || victimOf(others, owner, false) !== undefined);
  }

  /** See `LocalRunner.letGo`. */
  async letGo(spareMs: number): Promise<number> {
    const now = this.#options.now();
    const since = this.#lettingGoSince ?? now;
    this.#lettingGoSince = since;
    const isSpared = ({ hasUnsaved, lastUsedAt }: LiveSession) =>
      hasUnsaved && now - Math.max(lastUsedAt, since) < spareMs;
    const idle = [...this.#byId.values()].filter(
      (session) => isIdle(session) && !session.isSaving && !isSpared(session),
    );
    await Promise.allSettled(idle.map((session) => this.#drop(session)));
    return this.#byId
      .values()
      .filter(holds)
      .reduce((sum) => sum + 1, 0);
  }

  /**
   * Uses a session for a job: its sandbox stays until `work` is over.
   * @throws DragomanError conflict for an epoch or a turn that is over; overloaded when there is no room for another sandbox
   */
  async use<T>(ref: SessionRef, owner: string, idleMs: number, work: (session: LiveSession) => Promise<T>): Promise<T> {
    const { session, replaced } = this.#enter(ref, owner);
    // Nothing is waited for before this and the look for room: a session in use is not closed, and counts for those that come next.
    session.users++;
    session.idleMs = idleMs;
    try {
      if (replaced) await replaced.end();
      if (!session.isLive) await this.#makeRoom(session);
      return await work(session);
    } finally {
      session.users--;
      session.lastUsedAt = this.#options.now();
      if (!session.isLive && session.users === 0) await this.#drop(session);
    }
  }

  /** Keeps the sandbox of a session that has one until `work` is over. */
  async hold<T>(session: LiveSession, work: () => Promise<T>): Promise<T> {
    session.users++;
    try {
      return await work();
    } finally {
      session.users--;
      session.lastUsedAt = this.#options.now();
    }
  }

  keep(ref: SessionRef, idleMs: number): void {
    const session = this.find(ref);
    if (!session) return;
    session.lastUsedAt = Math.max(session.lastUsedAt, this.#options.now());
    session.idleMs = idleMs;
  }

  async drop(ref: SessionRef): Promise<void> {
    const session = this.find(ref);
    if (session) await this.#drop(session);
  }

  /**
   * Closes sandboxes that were idle for too long, and idle ones while memory is short: those with variables that are not saved only when it
   * still is at the next sweep. Never rejects.
   */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    const { now, logger } = this.#options;
    const wasShort = this.#wasShort;
    try {
      const isUnused = (session: LiveSession) => now() - session.lastUsedAt >= session.idleMs || !session.isLive;
      // What is being saved is kept for that moment; where memory is short it is not.
      for (const session of [...this.#byId.values()].filter(isIdle).sort(byLastUse))
        if (isIdle(session) && isUnused(session) && !session.isSaving) await this.#drop(session);
      this.#wasShort = this.#isShort();
      if (this.#wasShort) this.#tellShort();
      while (this.#isShort()) {
        const victim = heaviest([...this.#byId.values()].filter(holds));
        if (!victim || !this.#mayGo(victim, wasShort)) break;
        await this.#drop(victim);
      }
    } catch (error) {
      logger.error({ error: String(error) }, 'idle sessions were not closed');
    } finally {
      this.#sweeping = false;
    }
  }

  #enter(ref: SessionRef, owner: string): { session: LiveSession; replaced?: LiveSession | undefined } {
    const known = this.#byId.get(ref.id);
    if (known && known.ref.epoch > ref.epoch)
      throw new DragomanError('conflict', { message: 'The session has moved to another worker.' });
    if (known?.ref.epoch === ref.epoch) {
      if ((ref.turn ?? 0) < known.turn)
        throw new DragomanError('conflict', { message: 'Another gateway works with the session by now.' });
      known.turn = ref.turn ?? 0;
      return { session: known };
    }
    const session = new LiveSession(ref, owner, this.#options);
    this.#byId.set(ref.id, session);
    return { session, replaced: known };
  }

  async #makeRoom(wanted: LiveSession): Promise<void> {
    const { maxLive } = this.#options;
    for (;;) {
      const others = [...this.#byId.values()].filter((session) => session !== wanted && holds(session));
      const busy = others.filter((session) => session.owner === wanted.owner && !isIdle(session)).length;
      if (busy >= mostBusy(maxLive)) throw noRoom();
      const isFull = others.length >= maxLive;
      const isShort = this.#isShort();
      if (!isFull && !isShort) return;
      if (isShort) this.#tellShort();
      const victim = victimOf(others, wanted.owner, isShort);
      if (victim && (isFull || this.#mayGo(victim, this.#wasShort))) await this.#drop(victim);
      else if (!isFull) return;
      else throw noRoom();
    }
  }

  #isShort(): boolean {
    return this.#options.availableMemory() < this.#options.reserveBytes;
  }

  /** Whether memory is short enough for this one to go. What is not saved gets the time to be. */
  #mayGo({ isSaved }: LiveSession, wasShort: boolean): boolean {
    return isSaved || wasShort || this.#options.availableMemory() < this.#options.reserveBytes / 2;
  }

  #tellShort(): void {
    for (const listener of this.#shortOf) listener();
  }

  async #drop(session: LiveSession): Promise<void> {
    if (this.#byId.get(session.ref.id) === session) this.#byId.delete(session.ref.id);
    await session.end();
  }
}

/** It has a sandbox or is about to make one. */
function holds(session: LiveSession): boolean {
  return session.isLive || session.users > 0;
}

function isIdle({ users }: LiveSession): boolean {
  return users === 0;
}

function byLastUse(a: LiveSession, b: LiveSession): number {
  return a.lastUsedAt - b.lastUsedAt;
}

/** How many sandboxes one owner may use at once: one in four is always left for another. */
function mostBusy(maxLive: number): number {
  return Math.max(1, maxLive - Math.max(1, Math.floor(maxLive / 4)));
}

function noRoom(): DragomanError {
  return new DragomanError('overloaded', { message: 'Every sandbox for sessions is busy.', retryAfterSeconds: 5 });
}

/** The idle session to close for another one of `owner`. Where memory is short, any owner may lose one. */
function victimOf(sessions: readonly LiveSession[], owner: string, isShort: boolean): LiveSession | undefined {
  const counts = countsOf(sessions);
  const mine = (counts.get(owner) ?? 0) + 1;
  counts.set(owner, mine);
  const mayGo = (each: LiveSession) => isShort || each.owner === owner || counts.get(each.owner)! >= mine;
  return heaviest(sessions.filter(mayGo), counts);
}

/**
 * The idle session to close: of the owner with the most sandboxes, one whose variables are saved before others, and of these the one it has
 * not used for longest.
 */
function heaviest(sessions: readonly LiveSession[], counts = countsOf(sessions)): LiveSession | undefined {
  const idle = sessions.filter(isIdle);
  const [first] = idle.toSorted((a, b) => counts.get(b.owner)! - counts.get(a.owner)! || byLastUse(a, b));
  const own = idle.filter(({ owner }) => owner === first?.owner);
  return own.sort((a, b) => Number(b.isSaved) - Number(a.isSaved) || byLastUse(a, b))[0];
}

function countsOf(sessions: readonly LiveSession[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { owner } of sessions) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}
