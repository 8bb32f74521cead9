import { DragomanError, newId } from '../core/index.ts';
import type { GuestKernel } from '../guest-protocol/index.ts';
import type { EngineKernel, KernelRequest } from './port.ts';
import type { Kernel, Runtime, RuntimeCatalogue } from './runtimes.ts';

/** At once in one session; the guest's bound is the same (guest/agent/kernels.py). */
const maxKernels = 16;
const workspace = '/mnt/data';
const maxFolderLength = 1000;

interface Entry extends EngineKernel {
  readonly kernel: Kernel;
}

/** The kernels of one live session: what the service has asked for, and what it has heard of them. */
export class SessionKernels {
  readonly #catalogue: RuntimeCatalogue;
  readonly #entries = new Map<string, Entry>();

  constructor(catalogue: RuntimeCatalogue) {
    this.#catalogue = catalogue;
  }

  list(): EngineKernel[] {
    return [...this.#entries.values()].map(shown);
  }

  /** Checks a request for a kernel; returns the kernel to start. @throws DragomanError invalid_request, conflict */
  plan({ language, id = newId(), folder = '.' }: KernelRequest): { entry: EngineKernel; guest: GuestKernel } {
    const runtime = this.#runtime(language);
    if (!/^[A-Za-z0-9_.:-]{1,100}$/.test(id))
      throw new DragomanError('invalid_request', {
        message: 'the id of a kernel is 1 to 100 letters, digits or any of _.:-',
      });
    if (this.#entries.has(id))
      throw new DragomanError('conflict', { message: `the session has a kernel ${id} already` });
    const entry = {
      id,
      language: runtime.name,
      folder: absolute(folder),
      state: 'idle',
      kernel: runtime.kernel,
    } as const;
    this.#makeRoom(entry.id);
    return { entry, guest: guestOf(entry) };
  }

  /** The usual kernel of a language has been started, if that has one. */
  addUsual(language: string): void {
    const runtime = this.#catalogue.find(language);
    if (!runtime?.kernel) return;
    this.add({ id: runtime.kernel.name, language: runtime.name, folder: workspace, state: 'idle' });
  }

  /** The kernel has been started. */
  add({ id, language, folder, state }: EngineKernel): EngineKernel {
    const entry = { id, language, folder, state, kernel: this.#runtime(language).kernel };
    this.#entries.set(id, entry);
    return shown(entry);
  }

  /**
   * The kernel that a cell runs in: the one of this id, or the default one of the language, which is named after its interpreter.
   * @throws DragomanError not_found for an unknown id; invalid_request when it runs another language, or none more can be started
   */
  forCell(language: string, id: string | undefined): { runtime: Runtime; guest: GuestKernel } {
    const runtime = this.#runtime(language);
    const { kernel } = runtime;
    const key = id ?? kernel.name;
    let entry = this.#entries.get(key);
    if (!entry) {
      if (key !== kernel.name) throw noKernel(key);
      this.#makeRoom(key);
      entry = { id: key, language: runtime.name, folder: workspace, state: 'ended', kernel };
      this.#entries.set(key, entry);
    }
    if (entry.kernel.name !== kernel.name)
      throw new DragomanError('invalid_request', {
        message: `the kernel ${key} runs ${entry.language}, not ${runtime.name}`,
      });
    return { runtime, guest: guestOf(entry) };
  }

  /** @throws DragomanError not_found */
  get(id: string): GuestKernel {
    const entry = this.#entries.get(id);
    if (!entry) throw noKernel(id);
    return guestOf(entry);
  }

  /** Notes what became of a kernel. */
  mark(id: string, state: EngineKernel['state']): void {
    const entry = this.#entries.get(id);
    if (entry) this.#entries.set(id, { ...entry, state });
  }

  remove(id: string): void {
    this.#entries.delete(id);
  }

  /** Every kernel has ended. */
  endAll(): void {
    for (const id of this.#entries.keys()) this.mark(id, 'ended');
  }

  #runtime(language: string): Runtime & { readonly kernel: Kernel } {
    const runtime = this.#catalogue.find(language);
    if (!runtime) throw new DragomanError('unsupported_language');
    const { kernel } = runtime;
    if (!kernel)
      throw new DragomanError('invalid_request', {
        message: `${runtime.title} has no interpreter that stays: every execution is a program of its own`,
      });
    return { ...runtime, kernel };
  }

  #makeRoom(id: string): void {
    if (this.#entries.has(id) || this.#entries.size < maxKernels) return;
    throw new DragomanError('invalid_request', {
      message: `a session has at most ${maxKernels} kernels; delete one first`,
    });
  }
}

function shown({ id, language, folder, state }: Entry): EngineKernel {
  return { id, language, folder, state };
}

/** The kernel in which cells of a language run that name none, as the guest is told of it. */
export function usualKernel({ name, start }: Kernel): GuestKernel {
  return { id: name, start, folder: workspace };
}

function guestOf({ id, folder, kernel }: Entry): GuestKernel {
  return { id, start: kernel.start, folder };
}

function noKernel(id: string): DragomanError {
  return new DragomanError('not_found', { message: `the session has no kernel ${id}` });
}

/** @throws DragomanError invalid_request */
function absolute(folder: string): string {
  if (folder.length === 0 || folder.length > maxFolderLength || folder.includes('\0') || !folder.isWellFormed())
    throw new DragomanError('invalid_request', {
      message: `a working directory is a path of 1 to ${maxFolderLength} characters`,
    });
  return folder.startsWith('/') ? folder : folder === '.' ? workspace : `${workspace}/${folder}`;
}
