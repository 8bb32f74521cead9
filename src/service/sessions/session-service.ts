import {
  DragomanError,
  type FileRef,
  type Logger,
  type Metrics,
  newId,
  type Plans,
  type Principal,
  planOf,
  type StoredFile,
  type ToolDefinition,
  workspacePath,
} from '../../core/index.ts';
import type { Engine, Runtime } from '../../engine/index.ts';
import type { Catalogue } from '../../stores/index.ts';
import type { Admission } from '../admission.ts';
import { resolveInputs } from '../inputs.ts';
import type { UploadFile } from '../interpreter.ts';
import { checkProgram, limitsWithin, runtimeOf } from '../programs.ts';
import type {
  CellExecution,
  CellRequest,
  NewSession,
  Page,
  RunningExecution,
  SessionInfo,
  Sessions,
} from '../sessions.ts';
import type { Shelf } from '../shelf.ts';
import { type CellOrder, Cells } from './cells.ts';
import { ExecutionLog } from './execution-log.ts';
import { LiveSession, refuseExpired } from './live-session.ts';
import { Place } from './place.ts';
import { type ExecutionDriver, TrackedExecution } from './running-execution.ts';
import { SessionFiles } from './session-files.ts';
import { type SessionRecord, SessionRecords } from './session-record.ts';
import { ToolDesk } from './tool-desk.ts';

export interface SessionServiceOptions {
  readonly engine: Engine;
  readonly catalogue: Catalogue;
  readonly shelf: Shelf;
  readonly admission: Admission;
  readonly plans: Plans;
  readonly queueWaitMs: number;
  readonly retentionMs: number;
  readonly maxFileBytes: number;
  /** How long an execution may wait for the answers to its tool calls. */
  readonly toolWaitMs: number;
  /** Executions of one principal that may call tools, at once. */
  readonly maxToolExecutions: number;
  /** How long a sandbox is kept without use where a session asks for nothing else, and the most it may ask for. */
  readonly idleMs: number;
  readonly maxIdleMs: number;
  readonly maxLifeMs: number;
  /** Sandboxes of sessions at once. */
  readonly maxLive: number;
  /** Idle sandboxes are let go while less memory than this is available. */
  readonly reserveBytes: number;
  /** Memory the machine, or this service's control group, has left. */
  readonly availableMemory: () => number;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly now: () => number;
}

const sweepIntervalMs = 5000;
/** Use of a session is written down at most this often: a killed server forgets no more of it. */
const saveIntervalMs = 30_000;
const maxNameLength = 256;
const maxMetadata = 16;
const maxMetadataLength = 512;

/** The `Sessions` of an engine in this process. */
export class SessionService implements Sessions {
  readonly #options: SessionServiceOptions;
  readonly #records: SessionRecords;
  readonly #log: ExecutionLog;
  readonly #cells: Cells;
  /** Sessions that are or were just worked with. */
  readonly #hot = new Map<string, LiveSession>();
  /** Those being loaded, and being made by name: two requests must not make two of one. */
  readonly #loading = new Map<string, Promise<LiveSession>>();
  readonly #ensuring = new Map<string, Promise<SessionInfo>>();
  /** Executions that may call tools, by principal. */
  readonly #withTools = new Map<string, number>();
  #sweeper: NodeJS.Timeout | undefined;
  #sweeping = false;
  #closing = false;

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.#records = new SessionRecords(options);
    this.#log = new ExecutionLog({ documents: options.catalogue.documents, logger: options.logger });
    this.#cells = new Cells(options);
  }

  /** Begins to let idle sandboxes go. */
  startSweeping(): void {
    const { metrics } = this.#options;
    metrics.gauge('sessions_live', 'Sessions with a sandbox', () => this.#live().length);
    this.#sweeper = setInterval(() => void this.sweep(), sweepIntervalMs);
    this.#sweeper.unref();
  }

  /** Ends what runs and writes down what is to be kept. */
  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#sweeper);
    this.#log.cancelAll();
    await Promise.allSettled([...this.#hot.values()].map((live) => this.#dismiss(live)));
    await this.#log.flush();
  }

  async create(principal: Principal, request: NewSession): Promise<SessionInfo> {
    const inputs = await resolveInputs(this.#options.shelf, principal, request.files ?? []);
    checkNotes(request);
    const { now, idleMs, maxIdleMs, retentionMs, plans } = this.#options;
    const createdAt = now();
    const limit = planOf(plans, principal).limits.memoryBytes;
    const record: SessionRecord = {
      id: newId(),
      tenant: principal.tenant,
      principalId: principal.id,
      createdAt,
      name: request.name ?? null,
      lastActiveAt: createdAt,
      idleMs: Math.min(request.idleMs ?? idleMs, maxIdleMs),
      lifeMs: request.lifeMs ?? retentionMs,
      memoryBytes: Math.min(request.memoryBytes ?? limit, limit),
      metadata: request.metadata ?? {},
      ran: [],
    };
    await this.#records.create(record);
    const live = this.#hotten(record, []);
    const session = this.#records.stored(record);
    const copies = inputs.map(({ input, file }) => this.#options.shelf.copy(session, input.path, file));
    await live.files.record(session, copies);
    return this.#info(live.record);
  }

  ensure(principal: Principal, name: string, request: Omit<NewSession, 'name'>): Promise<SessionInfo> {
    const key = JSON.stringify([principal.tenant, principal.id, name]);
    const ensuring =
      this.#ensuring.get(key) ??
      (async () => {
        const { sessions } = await this.list(principal, { limit: 1, order: 'desc', name });
        const [latest] = sessions;
        return latest && latest.state !== 'expired' ? latest : this.create(principal, { ...request, name });
      })().finally(() => this.#ensuring.delete(key));
    this.#ensuring.set(key, ensuring);
    return ensuring;
  }

  async get(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#info(this.#hotOf(principal, id)?.record ?? (await this.#records.find(principal, id)));
  }

  async list(
    principal: Principal,
    page: Page & { name?: string | undefined },
  ): Promise<{ sessions: readonly SessionInfo[]; more: boolean }> {
    const { records, more } = await this.#records.list(principal, page);
    return { sessions: records.map((record) => this.#info(this.#hot.get(record.id)?.record ?? record)), more };
  }

  async update(
    principal: Principal,
    id: string,
    change: Pick<NewSession, 'name' | 'metadata' | 'idleMs'>,
  ): Promise<SessionInfo> {
    checkNotes(change);
    const live = await this.#use(principal, id);
    if (change.name !== undefined) live.record.name = change.name;
    if (change.metadata !== undefined) live.record.metadata = change.metadata;
    if (change.idleMs !== undefined) live.record.idleMs = Math.min(change.idleMs, this.#options.maxIdleMs);
    await this.#save(live);
    return this.#info(live.record);
  }

  async touch(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#info((await this.#use(principal, id)).record);
  }

  async delete(principal: Principal, id: string): Promise<void> {
    const record = this.#hotOf(principal, id)?.record ?? (await this.#records.find(principal, id));
    const live = this.#hot.get(record.id);
    this.#hot.delete(record.id);
    live?.cancelAll();
    await live?.letGo();
    await this.#records.delete(record.id);
    await this.#log.deleteHistory(principal, record.id);
  }

  async restart(principal: Principal, id: string): Promise<SessionInfo> {
    const live = await this.#use(principal, id);
    live.cancelAll();
    await live.queue.run(() => live.restart());
    await this.#save(live);
    return this.#info(live.record);
  }

  async interrupt(principal: Principal, id: string): Promise<boolean> {
    return (await this.#use(principal, id)).interrupt();
  }

  async fork(principal: Principal, id: string, request: NewSession): Promise<SessionInfo> {
    const live = await this.#use(principal, id);
    const { idleMs, lifeMs, memoryBytes, metadata } = live.record;
    const settings = { idleMs, lifeMs, memoryBytes, metadata };
    return live.queue.run(() =>
      this.create(principal, {
        ...settings,
        ...defined(request),
        files: live.files.all().map((file) => ({ ...ref(file), path: file.name })),
      }),
    );
  }

  async start(principal: Principal, request: CellRequest): Promise<RunningExecution> {
    const { engine, shelf, plans } = this.#options;
    const runtime = runtimeOf(engine.catalogue, request.language);
    checkProgram(request);
    const inputs = await resolveInputs(shelf, principal, request.files ?? []);
    const live = request.sessionId === undefined ? undefined : await this.#use(principal, request.sessionId);
    if (this.#closing) throw new DragomanError('shutting_down', { retryAfterSeconds: 5 });
    const limits = limitsWithin(planOf(plans, principal), request.wallMs);
    const order = { runtime, request, inputs, limits };
    const { code, sessionId } = request;
    const tools = request.tools?.length ? this.#toolDesk(principal, runtime, request.tools) : undefined;
    const facts = { principal, sessionId, language: runtime.name, code, tools };
    const execution = new TrackedExecution(facts, (driver, id) =>
      live
        ? live.queue.run(() => this.#inSession(principal, live, { ...order, id }, driver), driver.signal)
        : this.#placed(principal, driver, () => this.#cells.alone(principal, { ...order, id }, driver)),
    );
    if (tools) this.#countTools(principal, execution);
    live?.follow(execution);
    this.#log.add(execution, live && live.record.createdAt + this.#options.maxLifeMs);
    return execution;
  }

  execution(principal: Principal, id: string): Promise<RunningExecution> {
    return this.#log.find(principal, id);
  }

  async history(
    principal: Principal,
    id: string,
  ): Promise<readonly { readonly code: string; readonly execution: CellExecution }[]> {
    await this.get(principal, id);
    return this.#log.history(principal, id);
  }

  async files(principal: Principal, id: string): Promise<readonly StoredFile[]> {
    const live = this.#hotOf(principal, id);
    const record = live?.record ?? (await this.#records.find(principal, id));
    if (this.#records.expiresAt(record) <= this.#options.now()) return [];
    if (live) return live.files.all();
    const files = await this.#options.catalogue.files(record.id);
    return files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async putFile(principal: Principal, id: string, upload: UploadFile): Promise<StoredFile> {
    const live = await this.#use(principal, id);
    const { shelf, maxFileBytes } = this.#options;
    const session = this.#records.stored(live.record);
    // The bytes arrive at their sender's pace, which executions do not wait for.
    const file = await shelf.put(session, { source: 'user', ...upload, readOnly: false }, maxFileBytes);
    return this.#bring(live, file);
  }

  async copyFile(principal: Principal, id: string, { path, ...from }: FileRef & { path: string }): Promise<StoredFile> {
    const live = await this.#use(principal, id);
    const [found] = await resolveInputs(this.#options.shelf, principal, [{ ...from, path }]);
    return this.#bring(live, this.#options.shelf.copy(this.#records.stored(live.record), path, found!.file));
  }

  async removeFile(principal: Principal, id: string, path: string): Promise<void> {
    workspacePath(path);
    const live = await this.#use(principal, id);
    await live.queue.run(async () => {
      if (!live.files.at(path)) throw new DragomanError('not_found', { message: 'File not found' });
      await live.take([path]);
      await live.files.record(this.#records.stored(live.record), [], [path]);
    });
  }

  /** Makes a stored file the session's, in its turn. */
  #bring(live: LiveSession, file: StoredFile): Promise<StoredFile> {
    return live.queue.run(async () => {
      await live.bring([file]);
      await live.files.record(this.#records.stored(live.record), [file]);
      return file;
    });
  }

  async #inSession(
    principal: Principal,
    live: LiveSession,
    order: CellOrder,
    driver: ExecutionDriver,
  ): Promise<CellExecution> {
    if (this.#hot.get(live.record.id) !== live) throw new DragomanError('not_found', { message: 'Session not found' });
    const limits = { ...order.limits, memoryBytes: Math.min(order.limits.memoryBytes, live.record.memoryBytes) };
    try {
      return await this.#placed(principal, driver, async () => {
        if (!live.live) await this.#makeRoom();
        return this.#cells.inSession(live, () => this.#records.stored(live.record), { ...order, limits }, driver);
      });
    } finally {
      this.#touch(live);
    }
  }

  /** @throws DragomanError invalid_request, rate_limited, overloaded */
  #toolDesk(principal: Principal, runtime: Runtime, definitions: readonly ToolDefinition[]): ToolDesk {
    const { engine, toolWaitMs, maxToolExecutions, availableMemory, reserveBytes } = this.#options;
    const desk = new ToolDesk(engine.tools(runtime, definitions, toolWaitMs));
    const retryAfterSeconds = 5;
    if ((this.#withTools.get(principal.id) ?? 0) >= maxToolExecutions) {
      const message = `${maxToolExecutions} executions that may call tools are under way already`;
      throw new DragomanError('rate_limited', { message, retryAfterSeconds });
    }
    // One that waits keeps its memory for as long as its caller takes.
    if (availableMemory() < reserveBytes) throw new DragomanError('overloaded', { retryAfterSeconds });
    return desk;
  }

  #countTools(principal: Principal, { done }: TrackedExecution): void {
    const add = (change: number) => {
      const count = (this.#withTools.get(principal.id) ?? 0) + change;
      if (count > 0) this.#withTools.set(principal.id, count);
      else this.#withTools.delete(principal.id);
    };
    add(1);
    const subtract = () => add(-1);
    done.then(subtract, subtract);
  }

  /** Waits for a place to run. */
  async #placed<T>(principal: Principal, driver: ExecutionDriver, work: () => Promise<T>): Promise<T> {
    const { admission, plans } = this.#options;
    const place = await Place.take(admission, principal.id, planOf(plans, principal), driver.signal);
    try {
      driver.running(place);
      return await work();
    } finally {
      place.leave();
    }
  }

  /** The session of an id for use, which counts as such. @throws DragomanError not_found, session_expired */
  async #use(principal: Principal, id: string): Promise<LiveSession> {
    const live = this.#hotOf(principal, id) ?? (await this.#load(principal, id));
    refuseExpired(this.#records.expiresAt(live.record), this.#options.now());
    this.#touch(live);
    return live;
  }

  #touch(live: LiveSession): void {
    live.record.lastActiveAt = Math.max(live.record.lastActiveAt, this.#options.now());
    live.dirty = true;
  }

  #hotOf(principal: Principal, id: string): LiveSession | undefined {
    const live = this.#hot.get(id);
    const isOurs = live?.record.principalId === principal.id && live.record.tenant === principal.tenant;
    return isOurs ? live : undefined;
  }

  #load(principal: Principal, id: string): Promise<LiveSession> {
    const key = JSON.stringify([principal.tenant, principal.id, id]);
    const loading =
      this.#loading.get(key) ??
      (async () => {
        const record = await this.#records.find(principal, id);
        const files = await this.#options.catalogue.files(record.id);
        return this.#hot.get(record.id) ?? this.#hotten(record, files);
      })().finally(() => this.#loading.delete(key));
    this.#loading.set(key, loading);
    return loading;
  }

  #hotten(record: SessionRecord, files: readonly StoredFile[]): LiveSession {
    const { shelf } = this.#options;
    const byPath = files.map((file) => [file.name, file] as const);
    const sessionFiles = new SessionFiles(this.#options, byPath, (session, change) => shelf.revise(session, change));
    const live = new LiveSession(record, sessionFiles, this.#options);
    this.#hot.set(record.id, live);
    return live;
  }

  async #save(live: LiveSession): Promise<void> {
    live.saved(this.#options.now());
    await this.#records.save(live.record);
    try {
      await this.#records.extend(live.record);
    } catch (error) {
      // Its files have expired meanwhile; its record tells so.
      if (!(error instanceof DragomanError && error.code === 'not_found')) throw error;
    }
  }

  #info(record: SessionRecord): SessionInfo {
    const live = this.#hot.get(record.id);
    const expiresAt = this.#records.expiresAt(record);
    const { id, name, createdAt, lastActiveAt, idleMs, memoryBytes, metadata } = record;
    return {
      id,
      name,
      createdAt,
      lastActiveAt,
      idleMs,
      expiresAt,
      state: expiresAt <= this.#options.now() ? 'expired' : live?.live ? 'live' : 'dormant',
      busy: live !== undefined && !live.queue.idle,
      memoryBytes,
      metadata,
    };
  }

  #live(): LiveSession[] {
    return [...this.#hot.values()].filter(({ live }) => live);
  }

  /** Lets idle sandboxes go until another fits. @throws DragomanError overloaded when all are busy */
  async #makeRoom(): Promise<void> {
    const { maxLive, reserveBytes, availableMemory } = this.#options;
    for (;;) {
      const live = this.#live();
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
      const { reserveBytes, availableMemory, now } = this.#options;
      for (const live of [...this.#hot.values()].sort(byLastUse)) {
        const { record, queue } = live;
        if (live.dirty && now() - live.savedAt >= saveIntervalMs) await this.#save(live);
        if (!queue.idle) continue;
        const over = now() - record.lastActiveAt >= record.idleMs || this.#records.expiresAt(record) <= now();
        if (over) await this.#dismiss(live);
        else if (live.live && availableMemory() < reserveBytes) await live.letGo();
      }
    } catch (error) {
      this.#options.logger.error({ error: String(error) }, 'sessions were not swept');
    } finally {
      this.#sweeping = false;
    }
  }

  /** Lets its sandbox go and forgets it; its record and its files stay. */
  async #dismiss(live: LiveSession): Promise<void> {
    if (this.#hot.get(live.record.id) === live) this.#hot.delete(live.record.id);
    await live.letGo();
    if (live.dirty) await this.#save(live);
  }
}

function byLastUse(a: LiveSession, b: LiveSession): number {
  return a.record.lastActiveAt - b.record.lastActiveAt;
}

function ref({ sessionId, id }: StoredFile): FileRef {
  return { sessionId, fileId: id, scope: { kind: 'user' } };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>;
}

function checkNotes({ name, metadata = {} }: Pick<NewSession, 'name' | 'metadata'>): void {
  const refuse = (message: string) => {
    throw new DragomanError('invalid_request', { message });
  };
  if (name !== undefined && name.length > maxNameLength) refuse(`name must be at most ${maxNameLength} characters`);
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadata) refuse(`metadata must have at most ${maxMetadata} entries`);
  if (entries.some(([key, value]) => key.length > maxMetadataLength || value.length > maxMetadataLength)) {
    refuse(`metadata must have keys and values of at most ${maxMetadataLength} characters`);
  }
}
