import { DragomanError, quotaExceeded, type StoredFile, type StoredSession } from '../../core/index.ts';
import { type Catalogue, type KeyRecord, keptSuperseded, type Owner, type SessionRevision } from './catalogue.ts';
import { MemoryDocuments } from './memory-documents.ts';

/** Keeps records in memory, gone with the process: what the other drivers are compared with, and for tests. */
export function createMemoryCatalogue(): Catalogue {
  return new MemoryCatalogue();
}

interface Entry {
  readonly session: StoredSession;
  readonly files: Map<string, StoredFile>;
  /** Ids, the latest last. */
  readonly superseded: readonly string[];
}

class MemoryCatalogue implements Catalogue {
  readonly #entries = new Map<string, Entry>();
  readonly documents = new MemoryDocuments();
  #keys: KeyRecord[] = [];

  async start(): Promise<void> {}

  async createSession(session: StoredSession, files: readonly StoredFile[], quotaBytes?: number): Promise<void> {
    const byId = new Map(files.map((file) => [file.id, file]));
    if (this.#entries.has(session.id) || byId.size < files.length) {
      throw new DragomanError('internal', { message: 'A session or a file with this id exists already.' });
    }
    this.#replace(session.id, { session, files: byId, superseded: [] }, quotaBytes);
  }

  async reviseSession(id: string, { expiresAt, added, superseded, quotaBytes }: SessionRevision): Promise<void> {
    const entry = this.#entries.get(id);
    if (!entry) throw new DragomanError('not_found');
    const files = new Map(entry.files);
    for (const file of added) {
      if (files.has(file.id)) throw new DragomanError('internal', { message: 'A file with this id exists already.' });
      files.set(file.id, file);
    }
    const all = [...entry.superseded, ...superseded.filter((file) => files.has(file))];
    for (const file of all.splice(0, Math.max(0, all.length - keptSuperseded))) files.delete(file);
    this.#replace(id, { session: { ...entry.session, expiresAt }, files, superseded: all }, quotaBytes);
  }

  async deleteSession(id: string): Promise<boolean> {
    return this.#entries.delete(id);
  }

  async session(id: string): Promise<StoredSession | undefined> {
    return this.#entries.get(id)?.session;
  }

  async file(sessionId: string, fileId: string): Promise<{ session: StoredSession; file: StoredFile } | undefined> {
    const entry = this.#entries.get(sessionId);
    const file = entry?.files.get(fileId);
    return entry && file && { session: entry.session, file };
  }

  async files(sessionId: string): Promise<StoredFile[]> {
    const entry = this.#entries.get(sessionId);
    return entry ? [...entry.files.values()].filter(({ id }) => !entry.superseded.includes(id)) : [];
  }

  async deleteFile(sessionId: string, fileId: string): Promise<boolean> {
    return this.#entries.get(sessionId)?.files.delete(fileId) ?? false;
  }

  async deleteExpired(now: number): Promise<number> {
    const expired = [...this.#entries.values()].filter(({ session }) => session.expiresAt < now);
    for (const { session } of expired) this.#entries.delete(session.id);
    return expired.length;
  }

  async storedBytes(owner: Owner): Promise<number> {
    return this.#storedBytes(owner);
  }

  #storedBytes({ tenant, id }: Owner): number {
    return this.#entries
      .values()
      .filter(({ session }) => session.tenant === tenant && session.principalId === id)
      .reduce((sum, entry) => sum + sizeOf(entry), 0);
  }

  async isReferenced(digest: string): Promise<boolean> {
    return this.#entries.values().some(({ files }) => files.values().some((file) => file.digest === digest));
  }

  async createKey(key: KeyRecord): Promise<void> {
    const isTaken = this.#keys.some(
      (other) =>
        other.id === key.id ||
        other.hash === key.hash ||
        (other.name === key.name && other.revokedAt === null && key.revokedAt === null),
    );
    if (isTaken)
      throw new DragomanError('invalid_request', { message: 'A key with this name or secret exists already.' });
    this.#keys.push(key);
  }

  async keyByHash(hash: string): Promise<KeyRecord | undefined> {
    return this.#keys.find((key) => key.hash === hash && key.revokedAt === null);
  }

  async keys(): Promise<KeyRecord[]> {
    return this.#keys.toSorted((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
  }

  async planKey(idOrName: string, plan: string | null): Promise<boolean> {
    return this.#changeLive(idOrName, { plan });
  }

  async revokeKey(idOrName: string, now: number): Promise<boolean> {
    return this.#changeLive(idOrName, { revokedAt: now });
  }

  #replace(id: string, entry: Entry, allowed = Number.POSITIVE_INFINITY): void {
    const before = this.#entries.get(id);
    const { tenant, principalId } = entry.session;
    const more = sizeOf(entry) - (before ? sizeOf(before) : 0);
    const used = this.#storedBytes({ tenant, id: principalId });
    if (more > 0 && used + more > allowed) throw quotaExceeded({ used, allowed });
    this.#entries.set(id, entry);
  }

  #changeLive(idOrName: string, change: Partial<KeyRecord>): boolean {
    const live = this.#keys.filter((key) => key.revokedAt === null);
    const target = live.find((key) => key.id === idOrName) ?? live.find((key) => key.name === idOrName);
    this.#keys = this.#keys.map((key) => (key === target ? { ...key, ...change } : key));
    return target !== undefined;
  }

  async close(): Promise<void> {}
}

function sizeOf({ files }: Entry): number {
  return files.values().reduce((sum, { size }) => sum + size, 0);
}
