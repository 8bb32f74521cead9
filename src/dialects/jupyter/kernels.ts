import { randomUUID } from 'node:crypto';
import { DragomanError, HeldBytes, type Principal, pathFault } from '../../core/index.ts';
import type { SessionInfo } from '../../service/index.ts';
import { Home } from './home.ts';
import { Kernel, type KernelParts, waitingLimits } from './kernel.ts';
import { type KernelSpec, kernelSpecs, specNamed } from './languages.ts';
import { missedLimits } from './missed.ts';
import type { JupyterServices } from './services.ts';
import { type Fields, isFields } from './wire.ts';

/** Kernels of one key at once. */
const maxKernels = 200;
const page = 100;
const cullEveryMs = 5000;
/** Of a key's latest sessions, so many pages are searched for kernels of an earlier process. */
const maxPages = 20;
/** How long a desk without kernels is remembered. */
const emptyMs = 10 * 60_000;
const maxNote = 512;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A Jupyter session: a document, and the kernel it uses. */
export interface NotebookSession {
  readonly id: string;
  path: string;
  name: string;
  type: string;
  kernelId: string;
}

/** What a client asks for. */
export interface NewKernel {
  readonly name?: string | undefined;
  /** Of the document, below the home. */
  readonly path?: string | undefined;
  readonly id?: string | undefined;
}

/** The kernels of one key at one of the two addresses. */
export class Desk {
  readonly kernels = new Map<string, Kernel>();
  readonly sessions = new Map<string, NotebookSession>();
  readonly home: Home | undefined;
  readonly principal: Principal;
  usedAt = 0;

  constructor(principal: Principal, home: Home | undefined) {
    this.principal = principal;
    this.home = home;
  }
}

/** Every Jupyter kernel of this process: by key and address. What lasts of one is a session of the service. */
export class Kernels {
  readonly #services: JupyterServices;
  readonly #desks = new Map<string, Promise<Desk>>();
  readonly #waiting = new HeldBytes(waitingLimits, 'Too many requests wait in kernels.');
  readonly #missed = new HeldBytes(missedLimits, 'Too much waits to be read.');
  #specs: Promise<readonly KernelSpec[]> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly startedAt: number;

  constructor(services: JupyterServices) {
    this.#services = services;
    this.startedAt = services.now();
  }

  /** Begins to end kernels that no client uses. */
  start(): void {
    this.#timer = setInterval(() => void this.cull(), cullEveryMs).unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  specs(): Promise<readonly KernelSpec[]> {
    this.#specs ??= this.#services.runnerInfo.languages().then(kernelSpecs);
    this.#specs.catch(() => {
      this.#specs = undefined;
    });
    return this.#specs;
  }

  /** The kernels of a key. @param isHome those that share its home */
  async desk(principal: Principal, isHome: boolean): Promise<Desk> {
    const desk = await this.#desk(principal, isHome);
    desk.usedAt = this.#services.now();
    return desk;
  }

  #desk(principal: Principal, isHome: boolean): Promise<Desk> {
    const key = keyOf(principal, isHome);
    const known = this.#desks.get(key);
    if (known) return known;
    const loading = this.#load(principal, isHome);
    this.#desks.set(key, loading);
    loading.catch(() => this.#desks.delete(key));
    return loading;
  }

  /** @throws DragomanError not_found */
  async find(principal: Principal, isHome: boolean, id: string): Promise<Kernel> {
    const kernel = (await this.desk(principal, isHome)).kernels.get(id);
    if (!kernel) throw noKernel();
    return kernel;
  }

  /** @throws DragomanError unsupported_language, conflict, as `Sessions.create` */
  async create(desk: Desk, { name, path, id = randomUUID() }: NewKernel): Promise<Kernel> {
    const { principal, home } = desk;
    const specs = await this.specs();
    const spec = specNamed(specs, name);
    if (!spec) {
      const names = specs.map((each) => each.name).join(', ');
      throw new DragomanError('unsupported_language', { message: `There is no such kernel. There are: ${names}.` });
    }
    if (!uuid.test(id)) throw new DragomanError('invalid_request', { message: 'kernel_id must be a UUID.' });
    if (desk.kernels.has(id)) throw new DragomanError('conflict', { message: 'There is a kernel of this id.' });
    if (desk.kernels.size >= maxKernels)
      throw new DragomanError('conflict', { message: `There are ${maxKernels} kernels. Shut one down first.` });
    const note = { id, spec: spec.name, home: home !== undefined };
    const { sessions, kernels } = this.#services;
    const session = await sessions.create(principal, {
      name: `Jupyter ${spec.name}`,
      metadata: { jupyter: JSON.stringify(note) },
    });
    const folder = home ? folderOf(path) : '';
    let ownKernel: string | undefined;
    if (folder !== '') {
      ownKernel = (await kernels.create(principal, session.id, { language: spec.language, directory: folder })).id;
      await sessions.update(principal, session.id, {
        metadata: { jupyter: JSON.stringify({ ...note, kernel: ownKernel }) },
      });
    }
    const kernel = new Kernel({ id, spec, principal, sessionId: session.id, ownKernel, home }, this.#parts());
    desk.kernels.set(id, kernel);
    // It may have been empty meanwhile, and dropped.
    this.#desks.set(keyOf(principal, home !== undefined), Promise.resolve(desk));
    return kernel;
  }

  /** Ends a kernel with all that is its own, and its clients with it. */
  async end(kernel: Kernel, reason = 'The kernel was shut down.'): Promise<void> {
    const desk = await this.#desk(kernel.principal, kernel.home !== undefined);
    desk.kernels.delete(kernel.id);
    for (const [id, session] of desk.sessions) if (session.kernelId === kernel.id) desk.sessions.delete(id);
    kernel.end(reason);
    desk.home?.forget(kernel.sessionId);
    await this.#services.sessions.delete(kernel.principal, kernel.sessionId).catch((error) => {
      if (!(error instanceof DragomanError) || error.code !== 'not_found') throw error;
    });
  }

  /** Writes down which documents use a kernel, as far as that fits. */
  async note(desk: Desk, kernel: Kernel): Promise<void> {
    const { sessions } = this.#services;
    const { metadata } = await sessions.get(kernel.principal, kernel.sessionId);
    const own = [...desk.sessions.values()].filter(({ kernelId }) => kernelId === kernel.id);
    const text = JSON.stringify(own.map(({ kernelId: _, ...rest }) => rest));
    const noted = { ...metadata, ...(text.length <= maxNote ? { jupyter_sessions: text } : {}) };
    await sessions.update(kernel.principal, kernel.sessionId, { metadata: noted });
  }

  /** Ends kernels without a client that nothing has used for as long as a sandbox stays. Never rejects. */
  async cull(): Promise<void> {
    const { sessions, logger, now } = this.#services;
    for (const [key, loading] of this.#desks) {
      try {
        const desk = await loading;
        for (const kernel of desk.kernels.values()) {
          if (kernel.connections > 0 || !kernel.isIdle) continue;
          const info = await sessions.get(kernel.principal, kernel.sessionId).catch(() => undefined);
          if (info && info.state !== 'expired' && now() - kernel.lastActivity < info.idleMs) continue;
          await this.end(kernel, 'The kernel was not used for too long.');
        }
        if (desk.kernels.size === 0 && now() - desk.usedAt > emptyMs) this.#desks.delete(key);
      } catch (error) {
        logger.error({ error: String(error) }, 'kernels were not culled');
      }
    }
  }

  /** Kernels that were there before this process, and are sessions still. */
  async #load(principal: Principal, isHome: boolean): Promise<Desk> {
    const specs = await this.specs();
    const desk = new Desk(principal, isHome ? new Home(this.#services, principal) : undefined);
    let after: string | undefined;
    for (let pages = 0; pages < maxPages && desk.kernels.size < maxKernels; pages++) {
      const found = await this.#services.sessions.list(principal, { limit: page, order: 'desc', after });
      for (const info of found.sessions) this.#adopt(desk, info, specs);
      if (!found.more) break;
      after = found.sessions.at(-1)!.id;
    }
    return desk;
  }

  #adopt(desk: Desk, info: SessionInfo, specs: readonly KernelSpec[]): void {
    const note = parsed(info.metadata.jupyter);
    if (!isFields(note) || info.state === 'expired' || note.home !== (desk.home !== undefined)) return;
    const spec = specNamed(specs, String(note.spec));
    const { id, kernel: ownKernel } = note;
    if (!spec || typeof id !== 'string' || !uuid.test(id) || desk.kernels.has(id)) return;
    const facts = { id, spec, principal: desk.principal, sessionId: info.id, home: desk.home };
    const kernel = new Kernel(
      { ...facts, ownKernel: typeof ownKernel === 'string' ? ownKernel : undefined },
      this.#parts(),
    );
    kernel.lastActivity = info.lastActiveAt;
    // Whatever it held is gone, and its clients are to hear of that.
    kernel.hasRun = true;
    desk.kernels.set(id, kernel);
    const noted = parsed(info.metadata.jupyter_sessions);
    for (const each of Array.isArray(noted) ? noted : []) {
      const session = sessionOf(each, id);
      if (session) desk.sessions.set(session.id, session);
    }
  }

  #parts(): KernelParts {
    const end = (kernel: Kernel) => this.end(kernel);
    return { services: this.#services, waiting: this.#waiting, missed: this.#missed, end };
  }
}

function keyOf({ tenant, id }: Principal, isHome: boolean): string {
  return JSON.stringify([tenant, id, isHome]);
}

export function noKernel(): DragomanError {
  return new DragomanError('not_found', { message: 'Kernel does not exist.' });
}

/** Where the kernel of a document starts: in its folder, as of a Jupyter server. */
function folderOf(path: string | undefined): string {
  const folder = (path ?? '').replace(/^\/+/, '').split('/').slice(0, -1).join('/');
  return folder !== '' && pathFault(folder) === undefined ? folder : '';
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

function sessionOf(value: unknown, kernelId: string): NotebookSession | undefined {
  if (!isFields(value)) return undefined;
  const { id, path, name, type } = value as Fields;
  const texts = [id, path, name, type];
  if (!texts.every((text) => typeof text === 'string')) return undefined;
  return { id: String(id), path: String(path), name: String(name), type: String(type), kernelId };
}
