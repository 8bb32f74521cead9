import { DragomanError, type Principal, type StoredFile } from '../../core/index.ts';
import type { Execution, InputFile, OpenedFile, UploadFile } from '../../service/index.ts';
import type { JupyterServices } from './services.ts';

/** The session that holds the files. */
const name = 'Jupyter home';
/** As long as there may be one; a session has an end, so the home moves to a new one in time. */
const lifeMs = 10 * 365 * 24 * 60 * 60_000;
const checkEveryMs = 60_000;

/** What a kernel has of the home. */
interface Guest {
  readonly sessionId: string;
  homeRevision: number;
}

/**
 * The files of one key that its kernels share, in a session without an interpreter. Each kernel has them in its own sandbox: before a
 * cell it gets what has changed meanwhile, and after a cell what it made goes back. The last writer wins.
 */
export class Home {
  readonly #services: JupyterServices;
  readonly #principal: Principal;
  #id: Promise<string> | undefined;
  #checkedAt = 0;
  /** Counts changes. */
  #revision = 0;
  /** Files of kernels that could not be kept, by session: they are not removed there as files that are gone here. */
  readonly #unkept = new Map<string, Set<string>>();

  constructor(services: JupyterServices, principal: Principal) {
    this.#services = services;
    this.#principal = principal;
  }

  async files(): Promise<readonly StoredFile[]> {
    return this.#services.sessions.files(this.#principal, await this.#session());
  }

  async file(path: string): Promise<StoredFile | undefined> {
    return (await this.files()).find((file) => file.name === path);
  }

  /** Its bytes. @throws DragomanError not_found */
  open({ sessionId, id }: StoredFile): Promise<OpenedFile> {
    return this.#services.storedFiles.open(this.#principal, { sessionId, fileId: id, scope: { kind: 'user' } });
  }

  /** Writes a file; what was there is replaced. @throws DragomanError as `Sessions.putFile` */
  async put(file: UploadFile): Promise<StoredFile> {
    const stored = await this.#services.sessions.putFile(this.#principal, await this.#session(), file);
    this.#revision++;
    return stored;
  }

  /** @throws DragomanError as `Sessions.copyFile` */
  async copy(from: StoredFile, path: string): Promise<StoredFile> {
    const stored = await this.#copy(from, path);
    this.#revision++;
    return stored;
  }

  /** @throws DragomanError not_found */
  async remove(path: string): Promise<void> {
    await this.#services.sessions.removeFile(this.#principal, await this.#session(), path);
    this.#revision++;
  }

  /** What the next cell of a kernel is to be given; what is gone here is removed there. */
  async bringTo(guest: Guest): Promise<readonly InputFile[] | undefined> {
    const revision = this.#revision;
    if (guest.homeRevision === revision) return undefined;
    const { sessions } = this.#services;
    const files = await this.files();
    const own = await sessions.files(this.#principal, guest.sessionId);
    const there = new Map(own.map((file) => [file.name, file.digest]));
    const here = new Set(files.map((file) => file.name));
    const unkept = this.#unkept.get(guest.sessionId);
    for (const { name: path } of own)
      if (!here.has(path) && !unkept?.has(path)) await sessions.removeFile(this.#principal, guest.sessionId, path);
    guest.homeRevision = revision;
    return files
      .filter((file) => there.get(file.name) !== file.digest)
      .map(({ sessionId, id, name: path }) => ({ sessionId, fileId: id, scope: { kind: 'user' }, path }));
  }

  /** Keeps what a cell made, changed and removed; returns a sentence for each file that is not kept. */
  async takeFrom(guest: Guest, { files, deleted }: Execution): Promise<string[]> {
    const made = files.flatMap((each) => (each.change === 'inherited' ? [] : [each.file]));
    if (made.length === 0 && deleted.length === 0) return [];
    const isCurrent = guest.homeRevision === this.#revision;
    const notes: string[] = [];
    const unkept = this.#unkept.get(guest.sessionId) ?? new Set();
    for (const file of made) {
      try {
        await this.#copy(file, file.name);
        unkept.delete(file.name);
      } catch (error) {
        if (!(error instanceof DragomanError)) throw error;
        unkept.add(file.name);
        notes.push(`[${file.name} is not kept in the home: ${error.message}]`);
      }
    }
    if (unkept.size > 0) this.#unkept.set(guest.sessionId, unkept);
    else this.#unkept.delete(guest.sessionId);
    const id = await this.#session();
    for (const path of deleted) {
      await this.#services.sessions.removeFile(this.#principal, id, path).catch((error) => {
        if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
      });
    }
    this.#revision++;
    // What others have changed meanwhile is still to be brought.
    if (isCurrent) guest.homeRevision = this.#revision;
    return notes;
  }

  /** A kernel is gone. */
  forget(sessionId: string): void {
    this.#unkept.delete(sessionId);
  }

  async #copy({ sessionId, id }: StoredFile, path: string): Promise<StoredFile> {
    const ref = { sessionId, fileId: id, scope: { kind: 'user' }, path } as const;
    return this.#services.sessions.copyFile(this.#principal, await this.#session(), ref);
  }

  #session(): Promise<string> {
    const { now } = this.#services;
    if (this.#id && now() - this.#checkedAt < checkEveryMs) return this.#id;
    this.#checkedAt = now();
    const id = this.#found();
    this.#id = id;
    id.catch(() => {
      if (this.#id === id) this.#id = undefined;
    });
    return id;
  }

  /** The session of the home; in the second half of its life a new one with the same files takes its place. */
  async #found(): Promise<string> {
    const { sessions, now } = this.#services;
    const settings = { lifeMs, metadata: { jupyter_home: 'true' } };
    const info = await sessions.ensure(this.#principal, name, settings);
    if (info.expiresAt - now() > (info.expiresAt - info.createdAt) / 2) return info.id;
    const next = await sessions.fork(this.#principal, info.id, { name, ...settings });
    await sessions.delete(this.#principal, info.id);
    return next.id;
  }
}
