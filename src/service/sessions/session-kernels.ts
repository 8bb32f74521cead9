import { DragomanError, newId, type Principal, workspacePath } from '../../core/index.ts';
import type { Language, Runner } from '../../runner/index.ts';
import type { KernelRecord, SessionRecord } from '../../stores/index.ts';
import { languageOf } from '../executions/programs.ts';
import type { SessionStates } from '../states/session-states.ts';
import type { OpenSession } from './open-session.ts';
import type { SessionDirectory } from './session-directory.ts';
import type { KernelInfo, Kernels, NewKernel } from './sessions.ts';

/** As the engine allows: each kernel is a process in the session's memory, the usual one of each language among them. */
const maxKernels = 16;

/** The kernels of sessions: the usual one of each language, and further ones that callers make. */
export class SessionKernels implements Kernels {
  readonly #runner: Runner;
  readonly #directory: SessionDirectory;
  readonly #states: SessionStates;
  readonly #now: () => number;

  constructor(options: { runner: Runner; now: () => number }, directory: SessionDirectory, states: SessionStates) {
    this.#states = states;
    this.#runner = options.runner;
    this.#directory = directory;
    this.#now = options.now;
  }

  async create(principal: Principal, id: string, { language, directory = '' }: NewKernel): Promise<KernelInfo> {
    const found = languageOf(await this.#runner.languages(), language);
    if (found.kernel === null)
      throw new DragomanError('invalid_request', { message: `${found.title} has no kernel: each run is a program` });
    if (directory !== '') workspacePath(directory);
    return this.#directory.use(principal, id, async (session) => {
      const { record } = session;
      if (allOf(record, await this.#runner.languages()).length >= maxKernels)
        throw new DragomanError('conflict', {
          message: `A session has at most ${maxKernels} kernels. Delete one first.`,
        });
      const kernel = { id: newId(), language: found.name, directory, createdAt: this.#now() };
      record.kernels = [...record.kernels, kernel];
      await this.#directory.save(session);
      return { ...kernel, isDefault: false, state: 'dormant' };
    });
  }

  list(principal: Principal, id: string): Promise<readonly KernelInfo[]> {
    return this.#directory.use(principal, id, (session) => this.#infos(session));
  }

  restart(principal: Principal, id: string, kernelId: string): Promise<KernelInfo> {
    return this.#directory.use(principal, id, async (session) => {
      const kernel = await this.#find(session, kernelId);
      await this.#end(session, kernelId);
      return { ...kernel, state: 'dormant' };
    });
  }

  delete(principal: Principal, id: string, kernelId: string): Promise<void> {
    return this.#directory.use(principal, id, async (session) => {
      await this.#find(session, kernelId);
      await this.#end(session, kernelId);
      const { record } = session;
      record.kernels = record.kernels.filter((each) => each.id !== kernelId);
      record.ran = record.ran.filter((name) => name !== kernelId);
      await this.#directory.save(session);
    });
  }

  /** Ends what runs in a kernel, and its process. */
  async #end(session: OpenSession, kernelId: string): Promise<void> {
    await this.#directory.cancelAll(session, kernelId);
    await session.inTurn(async () => {
      if (session.ref) await this.#runner.endKernels(session.ref, [kernelId]);
      await this.#states.forget(session, [kernelId]);
    });
  }

  async #find(session: OpenSession, kernelId: string): Promise<KernelInfo> {
    const found = (await this.#infos(session)).find(({ id }) => id === kernelId);
    if (!found) throw kernelNotFound();
    return found;
  }

  async #infos({ record, ref }: OpenSession): Promise<KernelInfo[]> {
    const [live] = ref ? await this.#runner.sessions([ref]) : [];
    return allOf(record, await this.#runner.languages()).map((kernel) => ({
      ...kernel,
      state: live?.kernels.includes(kernel.id) ? 'live' : 'dormant',
    }));
  }
}

/**
 * The kernel that code of a language runs in; null: the usual one.
 * @throws DragomanError not_found; invalid_request when the kernel runs another language
 */
export function kernelFor(
  record: SessionRecord,
  language: Language,
  kernelId: string | undefined,
): KernelRecord | null {
  if (kernelId === undefined || kernelId === language.kernel) return null;
  const kernel = record.kernels.find(({ id }) => id === kernelId);
  if (!kernel) throw kernelNotFound();
  if (kernel.language !== language.name)
    throw new DragomanError('invalid_request', { message: `the kernel runs ${kernel.language}, not ${language.name}` });
  return kernel;
}

function kernelNotFound(): DragomanError {
  return new DragomanError('not_found', { message: 'Kernel not found' });
}

/** The usual kernels that have run, and those that were made. */
function allOf(record: SessionRecord, languages: readonly Language[]): Omit<KernelInfo, 'state'>[] {
  const usual = [...new Set(languages.flatMap(({ kernel }) => kernel ?? []))]
    .filter((kernel) => record.ran.includes(kernel))
    .map((id) => ({ id, language: id, directory: '', createdAt: record.createdAt, isDefault: true }));
  return [...usual, ...record.kernels.map((kernel) => ({ ...kernel, isDefault: false }))];
}
