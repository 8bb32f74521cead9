import {
  DragomanError,
  type FileRef,
  isId,
  newId,
  type Plans,
  type Principal,
  planOf,
  type StoredFile,
  type UsageNow,
  workspacePath,
} from '../../core/index.ts';
import type { LiveState } from '../../runner/index.ts';
import { fileSetOf, type SessionRecord } from '../../stores/index.ts';
import type { ExecutionLog } from '../executions/execution-log.ts';
import type { Execution } from '../executions/executions.ts';
import type { JobStorage } from '../executions/job-storage.ts';
import type { OpenFileSet } from '../files/file-service.ts';
import type { UploadFile } from '../files/files.ts';
import { resolveInputs } from '../files/inputs.ts';
import type { SessionStates } from '../states/session-states.ts';
import { requireTier, tierFor, tierOfSession } from '../tiers.ts';
import { checkNotes } from './notes.ts';
import { type OpenSession, placeOf } from './open-session.ts';
import type { SessionDirectory, SessionDirectoryOptions } from './session-directory.ts';
import { checkRoom } from './session-files.ts';
import { endOf, findSession } from './session-record.ts';
import type { Fork, ForkRequest, NewSession, Page, SessionInfo, Sessions, SessionUsage } from './sessions.ts';
import { addFiles, removeFile } from './workspace-files.ts';

export interface SessionServiceOptions extends SessionDirectoryOptions {
  readonly plans: Plans;
  readonly retentionMs: number;
  readonly maxFileBytes: number;
  /** How long a sandbox is kept without use where a session asks for nothing else, and the most it may ask for. */
  readonly idleMs: number;
  readonly maxIdleMs: number;
  readonly jobFiles: JobStorage;
}

interface SessionServiceParts {
  readonly directory: SessionDirectory;
  readonly log: ExecutionLog;
  readonly states: SessionStates;
}

/** What a session without a sandbox uses. */
const nothing: UsageNow = { cpuMs: 0, memoryBytes: 0, workspaceBytes: 0 };

/** The `Sessions` over a runner. */
export class SessionService implements Sessions {
  readonly #options: SessionServiceOptions;
  readonly #log: ExecutionLog;
  readonly #directory: SessionDirectory;
  readonly #saved: SessionStates;

  constructor(options: SessionServiceOptions, parts: SessionServiceParts) {
    this.#options = options;
    this.#directory = parts.directory;
    this.#log = parts.log;
    this.#saved = parts.states;
  }

  create(principal: Principal, request: NewSession): Promise<SessionInfo> {
    return this.#create(principal, request, []);
  }

  /** @param unlessThere returns the session of this name that another request has made meanwhile */
  async #create(
    principal: Principal,
    request: NewSession,
    folders: readonly string[],
    { unlessThere = false } = {},
  ): Promise<SessionInfo> {
    const inputs = await resolveInputs(this.#options.fileService, principal, request.files ?? []);
    checkNotes(request);
    const { now, idleMs, maxIdleMs, retentionMs, maxLifeMs, plans, records, fileService } = this.#options;
    const tier = tierFor(plans, principal, request.tier);
    await requireTier(this.#options.runner, tier);
    const createdAt = now();
    const lifeMs = request.lifeMs ?? retentionMs;
    const endsAt = request.endsAt ?? null;
    // Placed here, it costs its first code no write of its own. It can be made while there is no worker.
    const worker = await this.#options.runner.placeSession(null, tier).catch(() => null);
    const { memoryBytes: limit, workspaceBytes } = planOf(plans, principal).limits;
    const record: SessionRecord = {
      id: newId(),
      tenant: principal.tenant,
      principalId: principal.id,
      createdAt,
      name: request.name ?? null,
      lastActiveAt: createdAt,
      expiresAt: endOf({ createdAt, lastActiveAt: createdAt, lifeMs, endsAt }, maxLifeMs),
      endsAt,
      face: request.face ?? null,
      notes: request.notes ?? {},
      plan: principal.plan ?? null,
      tier,
      idleMs: Math.min(request.idleMs ?? idleMs, maxIdleMs),
      lifeMs,
      memoryBytes: Math.min(request.memoryBytes ?? limit, limit),
      metadata: request.metadata ?? {},
      ran: [],
      kernels: [],
      folders,
      worker,
      epoch: worker === null ? 0 : 1,
      holder: this.#directory.gateway,
      turn: 0,
    };
    const session = fileService.opened(principal, fileSetOf(record));
    const copies = inputs.map(({ input, file }) => fileService.copy(session, input.path, file));
    try {
      checkRoom([], copies, workspaceBytes);
      if (unlessThere) {
        const made = await records.sessions.ensure(record, createdAt);
        if (made !== record) return await this.#read(made);
      } else {
        await records.sessions.create(record);
      }
      if (copies.length > 0) await fileService.revise(session, { added: copies, superseded: [] });
      return this.#info(record, undefined);
    } finally {
      fileService.release(copies);
    }
  }

  async ensure(principal: Principal, name: string, request: Omit<NewSession, 'name'>): Promise<SessionInfo> {
    const { sessions } = await this.list(principal, { limit: 1, order: 'desc', name });
    const [latest] = sessions;
    if (latest && latest.state !== 'expired') return latest;
    return this.#create(principal, { ...request, name }, [], { unlessThere: true });
  }

  async get(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#read(await this.#find(principal, id));
  }

  async resolve(face: string, id: string): Promise<{ owner: Principal; info: SessionInfo }> {
    const { records, plans, now } = this.#options;
    const found = isId(id) ? await records.sessions.find(id) : undefined;
    if (found?.face !== face) throw new DragomanError('not_found', { message: 'Session not found' });
    const { tenant, principalId, plan } = found;
    const owner: Principal = {
      id: principalId,
      tenant,
      name: face,
      ...(plan !== null && plans.has(plan) ? { plan } : {}),
    };
    const record = this.#directory.held(owner, id)?.record ?? found;
    if (record.expiresAt <= now()) throw new DragomanError('session_expired');
    return { owner, info: this.#info(record, undefined) };
  }

  idsOf(face: string, limit: number): Promise<readonly string[]> {
    const { records, now } = this.#options;
    return records.sessions.ofFace(face, now(), limit);
  }

  async list(
    principal: Principal,
    page: Page & { name?: string | undefined; face?: string | undefined },
  ): Promise<{ sessions: readonly SessionInfo[]; more: boolean }> {
    const { limit } = page;
    const found = await this.#options.records.sessions.list(principal, { ...page, limit: limit + 1 });
    const records = found.slice(0, limit).map((record) => this.#directory.held(principal, record.id)?.record ?? record);
    const states = await this.#states(records);
    return { sessions: records.map((record) => this.#info(record, states.get(record.id))), more: found.length > limit };
  }

  update(
    principal: Principal,
    id: string,
    change: Pick<NewSession, 'name' | 'metadata' | 'idleMs' | 'endsAt' | 'notes'>,
  ): Promise<SessionInfo> {
    checkNotes(change);
    return this.#directory.use(principal, id, async (session) => {
      const { maxIdleMs, maxLifeMs, runner } = this.#options;
      const { record } = session;
      if (change.name !== undefined) record.name = change.name;
      if (change.metadata !== undefined) record.metadata = change.metadata;
      if (change.idleMs !== undefined) record.idleMs = Math.min(change.idleMs, maxIdleMs);
      if (change.notes !== undefined) record.notes = change.notes;
      if (change.endsAt !== undefined) {
        record.endsAt = change.endsAt;
        record.expiresAt = endOf(record, maxLifeMs);
      }
      if (session.ref) await runner.keepSession(session.ref, record.idleMs);
      await this.#directory.save(session);
      return this.#read(record);
    });
  }

  touch(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#directory.use(principal, id, async ({ ref, record }) => {
      if (ref) await this.#options.runner.keepSession(ref, record.idleMs);
      return this.#read(record);
    });
  }

  async delete(principal: Principal, id: string): Promise<void> {
    const record = await this.#find(principal, id);
    await this.#directory.drop(principal, record);
    await this.#options.records.sessions.delete(record.id);
    await this.#log.deleteHistory(principal, record.id);
  }

  restart(principal: Principal, id: string): Promise<SessionInfo> {
    return this.#directory.use(principal, id, async (session) => {
      await this.#directory.cancelAll(session);
      await session.inTurn(async () => {
        if (session.ref) await this.#options.runner.endKernels(session.ref, null);
        // The cure for variables that do harm: nothing of them comes back.
        await this.#saved.forget(session);
      });
      await this.#directory.save(session);
      return this.#read(session.record);
    });
  }

  async usageNow(principal: Principal, id: string): Promise<SessionUsage> {
    const { id: session, epoch, worker, memoryBytes } = await this.#find(principal, id);
    const used = worker === null ? null : await this.#options.runner.usageNow({ id: session, epoch, worker });
    const { cpus, workspaceBytes } = planOf(this.#options.plans, principal).limits;
    return { ...(used ?? nothing), limits: { cpus, memoryBytes, workspaceBytes } };
  }

  interrupt(principal: Principal, id: string): Promise<boolean> {
    return this.#directory.use(principal, id, async (session) => {
      const { running } = session;
      if (!running) return this.#directory.interruptElsewhere(session);
      await this.#options.runner.interrupt(running.id);
      return true;
    });
  }

  fork(principal: Principal, id: string, { variables = true, execution, ...request }: ForkRequest): Promise<Fork> {
    return this.#directory.use(principal, id, (session) => {
      const { record, files } = session;
      const { idleMs, lifeMs, memoryBytes, metadata } = record;
      const tier = tierOfSession(this.#options.plans, principal, record.tier);
      const settings = { idleMs, lifeMs, memoryBytes, metadata, tier };
      return session.inTurn(async () => {
        const made = await this.#create(
          principal,
          {
            ...settings,
            ...defined(request),
            files: files.all().map((file) => ({ ...ref(file), path: file.name })),
          },
          record.folders,
        );
        if (!variables) return { ...made, variables: 'none' };
        const carried = await this.#directory.use(principal, made.id, async (fork) => {
          const end = await this.#saved.carry(principal, session, fork, execution);
          await this.#directory.save(fork);
          return end;
        });
        return { ...made, variables: carried };
      });
    });
  }

  async history(
    principal: Principal,
    id: string,
  ): Promise<readonly { readonly code: string; readonly execution: Execution }[]> {
    await this.get(principal, id);
    return this.#log.history(principal, id);
  }

  async files(principal: Principal, id: string): Promise<readonly StoredFile[]> {
    const record = await this.#find(principal, id);
    if (record.expiresAt <= this.#options.now()) return [];
    const session = this.#directory.peek(principal, id);
    if (session?.isHeld) return session.files.all();
    const files = await this.#options.records.files.list(record.id);
    return files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  async putFile(principal: Principal, id: string, upload: UploadFile): Promise<StoredFile> {
    const { fileService, maxFileBytes } = this.#options;
    const set = await this.#directory.use(principal, id, async ({ record }) => this.#fileSet(principal, record));
    // The bytes arrive at their sender's pace, which executions do not wait for.
    const file = await fileService.put(set, { source: 'user', ...upload, readOnly: false }, maxFileBytes);
    return this.#add(principal, id, file);
  }

  async copyFile(principal: Principal, id: string, { path, ...from }: FileRef & { path: string }): Promise<StoredFile> {
    const { fileService } = this.#options;
    const set = await this.#directory.use(principal, id, async ({ record }) => this.#fileSet(principal, record));
    const [found] = await resolveInputs(fileService, principal, [{ ...from, path }]);
    return this.#add(principal, id, fileService.copy(set, path, found!.file));
  }

  async removeFile(principal: Principal, id: string, path: string): Promise<void> {
    workspacePath(path);
    await this.#directory.use(principal, id, (session) =>
      session.inTurn(() => removeFile(this.#options, principal, session, path)),
    );
  }

  /** Makes a stored file the session's, in its turn. */
  async #add(principal: Principal, id: string, file: StoredFile): Promise<StoredFile> {
    const { plans, fileService } = this.#options;
    const { workspaceBytes } = planOf(plans, principal).limits;
    try {
      await this.#directory.use(principal, id, (session) =>
        session.inTurn(() => addFiles(this.#options, principal, session, [file], workspaceBytes)),
      );
      return file;
    } finally {
      fileService.release([file]);
    }
  }

  async #find(principal: Principal, id: string): Promise<SessionRecord> {
    const open = this.#directory.held(principal, id)?.record;
    return open ?? findSession(this.#options.records.sessions, principal, id);
  }

  #fileSet(principal: Principal, record: SessionRecord): OpenFileSet {
    return this.#options.fileService.opened(principal, fileSetOf(record));
  }

  /** What the runner knows of these sessions, by id. */
  async #states(records: readonly SessionRecord[]): Promise<Map<string, LiveState>> {
    const refs = records.flatMap((record) => placeOf(record) ?? []);
    if (refs.length === 0) return new Map();
    return new Map((await this.#options.runner.sessions(refs)).map((state) => [state.id, state]));
  }

  async #read(record: SessionRecord): Promise<SessionInfo> {
    return this.#info(record, (await this.#states([record])).get(record.id));
  }

  #info(record: SessionRecord, live: LiveState | undefined): SessionInfo {
    const { id, name, createdAt, lastActiveAt, expiresAt, idleMs, memoryBytes, metadata, endsAt, face, notes, tier } =
      record;
    const principal = { id: record.principalId, tenant: record.tenant };
    const session: OpenSession | undefined = this.#directory.peek(principal, id);
    return {
      id,
      name,
      createdAt,
      lastActiveAt,
      idleMs,
      expiresAt,
      state: expiresAt <= this.#options.now() ? 'expired' : live ? 'live' : 'dormant',
      busy: (session !== undefined && !session.isIdle) || live?.isBusy === true,
      memoryBytes,
      metadata,
      endsAt,
      face,
      notes,
      tier,
    };
  }
}

function ref({ sessionId, id }: StoredFile): FileRef {
  return { sessionId, fileId: id, scope: { kind: 'user' } };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>;
}
