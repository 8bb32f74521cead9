import { DragomanError, type FileSet, isId, type Principal } from '../../core/index.ts';
import type { Document, Records } from '../../stores/index.ts';
import type { Page } from './sessions.ts';

/** One of several kernels of a session, besides the usual one of each language. */
export interface KernelRecord {
  readonly id: string;
  /** Canonical name. */
  readonly language: string;
  /** Relative to the workspace; empty: the workspace itself. */
  readonly directory: string;
  readonly createdAt: number;
}

/** What is kept of a session besides its files. */
export interface SessionRecord {
  readonly id: string;
  readonly tenant: string;
  readonly principalId: string;
  readonly createdAt: number;
  name: string | null;
  lastActiveAt: number;
  idleMs: number;
  readonly lifeMs: number;
  readonly memoryBytes: number;
  metadata: Readonly<Record<string, string>>;
  /** Kernels that have held variables of this session: what a new sandbox cannot give back. */
  ran: readonly string[];
  kernels: readonly KernelRecord[];
  /** Paths of the folders of its workspace that hold nothing, sorted. They are no files: no list shows them. */
  folders: readonly string[];
  /** The worker that holds its sandbox, if it was ever placed on one. */
  worker: string | null;
  /** Grows with each change of worker. */
  epoch: number;
}

export interface SessionRecordsOptions {
  readonly records: Records;
  /** A session never lives longer than this from its creation. */
  readonly maxLifeMs: number;
  /** How long the record of an expired session can still be read. */
  readonly retentionMs: number;
}

const kind = 'session';

/** Sessions' records in the records. */
export class SessionRecords {
  readonly #options: SessionRecordsOptions;

  constructor(options: SessionRecordsOptions) {
    this.#options = options;
  }

  expiresAt({ createdAt, lastActiveAt, lifeMs }: SessionRecord): number {
    return Math.min(lastActiveAt + lifeMs, createdAt + this.#options.maxLifeMs);
  }

  /** The owner's side of its files. */
  stored(record: SessionRecord): FileSet {
    const { id, tenant, principalId, createdAt } = record;
    return { id, tenant, principalId, scope: { kind: 'user' }, createdAt, expiresAt: this.expiresAt(record) };
  }

  async create(record: SessionRecord): Promise<void> {
    const { records } = this.#options;
    await records.files.create(this.stored(record), []);
    try {
      await records.documents.put(this.#document(record));
    } catch (error) {
      await records.files.deleteSet(record.id);
      throw error;
    }
  }

  async save(record: SessionRecord): Promise<void> {
    await this.#options.records.documents.put({ ...this.#document(record), essential: true });
  }

  /** Makes its files live as long as it does. @throws DragomanError not_found when they are gone */
  async extend(record: SessionRecord): Promise<void> {
    const expiresAt = this.expiresAt(record);
    await this.#options.records.files.revise(record.id, { expiresAt, added: [], superseded: [] });
  }

  /** @throws DragomanError not_found, for another's as well */
  async find(principal: Principal, id: string): Promise<SessionRecord> {
    const document = isId(id) ? await this.#options.records.documents.get(kind, id) : undefined;
    if (!document || document.tenant !== principal.tenant || document.principalId !== principal.id)
      throw new DragomanError('not_found', { message: 'Session not found' });
    return recordOf(document);
  }

  async list(
    principal: Principal,
    page: Page & { name?: string | undefined },
  ): Promise<{ records: SessionRecord[]; more: boolean }> {
    const documents = await this.#options.records.documents.list(kind, principal, { ...page, limit: page.limit + 1 });
    return { records: documents.slice(0, page.limit).map(recordOf), more: documents.length > page.limit };
  }

  async delete(id: string): Promise<void> {
    await this.#options.records.files.deleteSet(id);
    await this.#options.records.documents.delete(kind, id);
  }

  #document(record: SessionRecord): Document {
    const { id, tenant, principalId, name, createdAt, ...body } = record;
    const expiresAt = this.expiresAt(record) + this.#options.retentionMs;
    return { kind, id, tenant, principalId, name, createdAt, expiresAt, body };
  }
}

type Body = Omit<SessionRecord, 'id' | 'tenant' | 'principalId' | 'name' | 'createdAt'>;

function recordOf({ id, tenant, principalId, name, createdAt, body }: Document): SessionRecord {
  // Older records know of no kernels, folders and workers.
  const since = { kernels: [], folders: [], worker: null, epoch: 0 };
  return { id, tenant, principalId, name, createdAt, ...since, ...(body as Body) };
}
