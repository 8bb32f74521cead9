import {
  DragomanError,
  type FileRef,
  newId,
  type Principal,
  planOf,
  type StoredFile,
  workspacePath,
} from '../../core/index.ts';
import { ExecutionLog } from '../executions/execution-log.ts';
import { Executions, type ExecutionsOptions } from '../executions/executions.ts';
import type { UploadFile } from '../executions/interpreter.ts';
import type { OpenFileSet } from '../files/file-service.ts';
import { resolveInputs } from '../files/inputs.ts';
import { HotSessions, type HotSessionsOptions } from './hot-sessions.ts';
import type { LiveSession } from './live-session.ts';
import { checkRoom } from './session-files.ts';
import { type SessionRecord, SessionRecords } from './session-record.ts';
import type {
  CellExecution,
  CellRequest,
  NewSession,
  Page,
  RunningExecution,
  SessionInfo,
  Sessions,
} from './sessions.ts';

export interface SessionServiceOptions extends HotSessionsOptions, ExecutionsOptions {
  readonly retentionMs: number;
  readonly maxFileBytes: number;
  /** How long a sandbox is kept without use where a session asks for nothing else, and the most it may ask for. */
  readonly idleMs: number;
  readonly maxIdleMs: number;
}

const maxNameLength = 256;
const maxMetadata = 16;
const maxMetadataLength = 512;

/** The `Sessions` of an engine in this process. */
export class SessionService implements Sessions {
  readonly #options: SessionServiceOptions;
  readonly #records: SessionRecords;
  readonly #log: ExecutionLog;
  readonly #hot: HotSessions;
  readonly #executions: Executions;
  /** Those being found or made by name: two requests must not make two. */
  readonly #ensuring = new Map<string, Promise<SessionInfo>>();

  constructor(options: SessionServiceOptions) {
    this.#options = options;
    this.#records = new SessionRecords(options);
    this.#hot = new HotSessions(options, this.#records);
    this.#log = new ExecutionLog({ documents: options.records.documents, logger: options.logger });
    this.#executions = new Executions(options, { records: this.#records, hot: this.#hot, log: this.#log });
  }

  /** Begins to let idle sandboxes go. */
  startSweeping(): void {
    this.#options.metrics.gauge('sessions_live', 'Sessions with a sandbox', () => this.#hot.live().length);
    this.#hot.start();
  }

  /** See `HotSessions.sweep`. */
  sweep(): Promise<void> {
    return this.#hot.sweep();
  }

  /** Ends what runs and writes down what is to be kept. */
  async close(): Promise<void> {
    this.#executions.close();
    await this.#hot.close();
    await this.#log.flush();
  }

  async create(principal: Principal, request: NewSession): Promise<SessionInfo> {
    const inputs = await resolveInputs(this.#options.fileService, principal, request.files ?? []);
    checkNotes(request);
    const { now, idleMs, maxIdleMs, retentionMs, plans } = this.#options;
    const createdAt = now();
    const { memoryBytes: limit, workspaceBytes } = planOf(plans, principal).limits;
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
    const session = this.#options.fileService.opened(principal, this.#records.stored(record));
    const copies = inputs.map(({ input, file }) => this.#options.fileService.copy(session, input.path, file));
    try {
      checkRoom([], copies, workspaceBytes);
      await this.#records.create(record);
      const live = this.#hot.add(record, []);
      await live.files.record(session, copies);
      return this.#info(live.record);
    } finally {
      this.#options.fileService.release(copies);
    }
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
    return this.#info(this.#hot.of(principal, id)?.record ?? (await this.#records.find(principal, id)));
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
    const live = await this.#hot.use(principal, id);
    if (change.name !== undefined) live.record.name = change.name;
    if (change.metadata !== undefined) live.record.metadata = change.metadata;
    if (change.idleMs !== undefined) live.record.idleMs = Math.min(change.idleMs, this.#options.maxIdleMs);
    await this.#hot.save(live);
    return this.#info(live.record);
  }

  async touch(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#info((await this.#hot.use(principal, id)).record);
  }

  async delete(principal: Principal, id: string): Promise<void> {
    const record = this.#hot.of(principal, id)?.record ?? (await this.#records.find(principal, id));
    await this.#hot.drop(record.id);
    await this.#records.delete(record.id);
    await this.#log.deleteHistory(principal, record.id);
  }

  async restart(principal: Principal, id: string): Promise<SessionInfo> {
    const live = await this.#hot.use(principal, id);
    live.cancelAll();
    await live.queue.run(() => live.restart());
    await this.#hot.save(live);
    return this.#info(live.record);
  }

  async interrupt(principal: Principal, id: string): Promise<boolean> {
    return (await this.#hot.use(principal, id)).interrupt();
  }

  async fork(principal: Principal, id: string, request: NewSession): Promise<SessionInfo> {
    const live = await this.#hot.use(principal, id);
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

  start(principal: Principal, request: CellRequest): Promise<RunningExecution> {
    return this.#executions.start(principal, request);
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
    const live = this.#hot.of(principal, id);
    const record = live?.record ?? (await this.#records.find(principal, id));
    if (this.#records.expiresAt(record) <= this.#options.now()) return [];
    if (live) return live.files.all();
    const files = await this.#options.records.files.list(record.id);
    return files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async putFile(principal: Principal, id: string, upload: UploadFile): Promise<StoredFile> {
    const live = await this.#hot.use(principal, id);
    const { fileService, maxFileBytes } = this.#options;
    const session = this.#opened(principal, live);
    // The bytes arrive at their sender's pace, which executions do not wait for.
    const file = await fileService.put(session, { source: 'user', ...upload, readOnly: false }, maxFileBytes);
    return this.#bring(principal, id, file);
  }

  async copyFile(principal: Principal, id: string, { path, ...from }: FileRef & { path: string }): Promise<StoredFile> {
    const live = await this.#hot.use(principal, id);
    const [found] = await resolveInputs(this.#options.fileService, principal, [{ ...from, path }]);
    const copy = this.#options.fileService.copy(this.#opened(principal, live), path, found!.file);
    return this.#bring(principal, id, copy);
  }

  async removeFile(principal: Principal, id: string, path: string): Promise<void> {
    workspacePath(path);
    const live = await this.#hot.use(principal, id);
    await live.queue.run(async () => {
      if (!live.files.at(path)) throw new DragomanError('not_found', { message: 'File not found' });
      await live.take([path]);
      await live.files.record(this.#opened(principal, live), [], [path]);
    });
  }

  /** Makes a stored file the session's, in its turn. */
  async #bring(principal: Principal, id: string, file: StoredFile): Promise<StoredFile> {
    try {
      // While the bytes arrived the session may have been let go and taken up again.
      const live = await this.#hot.use(principal, id);
      return await live.queue.run(async () => {
        checkRoom(live.files.all(), [file], planOf(this.#options.plans, principal).limits.workspaceBytes);
        await live.bring([file]);
        await live.files.record(this.#opened(principal, live), [file]);
        return file;
      });
    } finally {
      this.#options.fileService.release([file]);
    }
  }

  #opened(principal: Principal, live: LiveSession): OpenFileSet {
    return this.#options.fileService.opened(principal, this.#records.stored(live.record));
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
  if (typeof name === 'string' && name.length > maxNameLength)
    refuse(`name must be at most ${maxNameLength} characters`);
  const entries = Object.entries(metadata);
  if (entries.length > maxMetadata) refuse(`metadata must have at most ${maxMetadata} entries`);
  if (entries.some(([key, value]) => key.length > maxMetadataLength || value.length > maxMetadataLength)) {
    refuse(`metadata must have keys and values of at most ${maxMetadataLength} characters`);
  }
}
