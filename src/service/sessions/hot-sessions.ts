import { DragomanError, type Logger, type Principal, type StoredFile } from '../../core/index.ts';
import type { Records } from '../../stores/index.ts';
import { LiveSession, type LiveSessionParts } from './live-session.ts';
import { SessionFiles } from './session-files.ts';
import type { SessionRecord, SessionRecords } from './session-record.ts';

export interface HotSessionsOptions extends LiveSessionParts {
  readonly records: Records;
  /** Sandboxes of sessions at once. */
  readonly maxLive: number;
  /** Idle sandboxes are let go while less memory than this is available. */
  readonly reserveBytes: number;
  /** Memory the machine, or this service's control group, has left. */
  readonly availableMemory: () => number;
  readonly logger: Logger;
  readonly now: () => number;
}

const sweepIntervalMs = 5000;
/** Use of a session is written down at most this often: a killed server forgets no more of it. */
const saveIntervalMs = 30_000;

/** The sessions this process works with, and which of them may keep a sandbox. */
export class HotSessions {
  readonly #options: HotSessionsOptions;
  readonly #records: SessionRecords;
  readonly #hot = new Map<string, LiveSession>();
  /** Those being loaded: two requests must not make two of one. */
  readonly #loading = new Map<string, Promise<LiveSession>>();
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping = false;

  constructor(options: HotSessionsOptions, records: SessionRecords) {
    this.#options = options;
    this.#records = records;
  }

  /** Begins to sweep every few seconds. */
  start(): void {
    this.#sweeper = setInterval(() => void this.sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  /** Lets every sandbox go and writes down what was used. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    await Promise.allSettled([...this.#hot.values()].map((live) => this.#dismiss(live)));
  }

  /** Those with a sandbox. */
  live(): LiveSession[] {
    return [...this.#hot.values()].filter(({ live }) => live);
  }

  /** A session by id, whosever it is, if it is worked with. */
  get(id: string): LiveSession | undefined {
    return this.#hot.get(id);
  }

  /** The same, if it is this principal's. */
  of(principal: Principal, id: string): LiveSession | undefined {
    const live = this.#hot.get(id);
    const isOurs = live?.record.principalId === principal.id && live.record.tenant === principal.tenant;
    return isOurs ? live : undefined;
  }

  /** The session of an id for use, which counts as such. @throws DragomanError not_found, session_expired */
  async use(principal: Principal, id: string): Promise<LiveSession> {
    const live = this.of(principal, id) ?? (await this.#load(principal, id));
    if (this.#isExpired(live)) throw new DragomanError('session_expired');
    this.touch(live);
    return live;
  }

  touch(live: LiveSession): void {
    live.record.lastActiveAt = Math.max(live.record.lastActiveAt, this.#options.now());
    live.dirty = true;
  }

  /** Begins to work with a session that is recorded. */
  add(record: SessionRecord, files: readonly StoredFile[]): LiveSession {
    const { fileService } = this.#options;
    const byPath = files.map((file) => [file.name, file] as const);
    const sessionFiles = new SessionFiles(this.#options, byPath, (session, change) =>
      fileService.revise(session, change),
    );
    const live = new LiveSession(record, sessionFiles, this.#options);
    this.#hot.set(record.id, live);
    return live;
  }

  /** Ends what runs in a session and forgets it; its record and files are the caller's business. */
  async drop(id: string): Promise<void> {
    const live = this.#hot.get(id);
    this.#hot.delete(id);
    live?.cancelAll();
    await live?.letGo();
  }

  async save(live: LiveSession): Promise<void> {
    live.saved(this.#options.now());
    await this.#records.save(live.record);
    try {
      await this.#records.extend(live.record);
    } catch (error) {
      // Its files have expired meanwhile; its record tells so.
      if (!(error instanceof DragomanError && error.code === 'not_found')) throw error;
    }
  }

  /** Lets idle sandboxes go until another fits. @throws DragomanError overloaded when all are busy */
  async makeRoom(): Promise<void> {
    const { maxLive, reserveBytes, availableMemory } = this.#options;
    for (;;) {
      const live = this.live();
      if (live.length < maxLive && availableMemory() >= reserveBytes) return;
      const oldest = live.filter(({ queue }) => queue.idle).sort(byLastUse)[0];
      if (oldest) await oldest.letGo();
      else if (live.length < maxLive) return;
      else {
        const message = 'Every sandbox for sessions is busy.';
        throw new DragomanError('overloaded', { message, retryAfterSeconds: 5 });
      }
    }
  }

  /** Lets go of what is no longer to be kept, and writes down what was used. Never rejects. */
  async sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    try {
      for (const live of [...this.#hot.values()].sort(byLastUse)) await this.#look(live);
    } catch (error) {
      this.#options.logger.error({ error: String(error) }, 'sessions were not swept');
    } finally {
      this.#sweeping = false;
    }
  }

  async #look(live: LiveSession): Promise<void> {
    const { reserveBytes, availableMemory, now } = this.#options;
    if (live.dirty && now() - live.savedAt >= saveIntervalMs) await this.save(live);
    if (!live.queue.idle) return;
    const isUnused = now() - live.record.lastActiveAt >= live.record.idleMs;
    if (isUnused || this.#isExpired(live)) await this.#dismiss(live);
    else if (live.live && availableMemory() < reserveBytes) await live.letGo();
  }

  /** Lets its sandbox go and forgets it; its record and its files stay. */
  async #dismiss(live: LiveSession): Promise<void> {
    if (this.#hot.get(live.record.id) === live) this.#hot.delete(live.record.id);
    await live.letGo();
    if (live.dirty) await this.save(live);
  }

  #isExpired({ record }: LiveSession): boolean {
    return this.#records.expiresAt(record) <= this.#options.now();
  }

  #load(principal: Principal, id: string): Promise<LiveSession> {
    const key = JSON.stringify([principal.tenant, principal.id, id]);
    const loading =
      this.#loading.get(key) ??
      (async () => {
        const record = await this.#records.find(principal, id);
        const files = await this.#options.records.files.list(record.id);
        return this.#hot.get(record.id) ?? this.add(record, files);
      })().finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }
}

function byLastUse(a: LiveSession, b: LiveSession): number {
  return a.record.lastActiveAt - b.record.lastActiveAt;
}
