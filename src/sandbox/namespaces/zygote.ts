import type { Duplex } from 'node:stream';
import type { SandboxFork } from '../linux/fork-protocol.ts';
import { ForkServer, type Spawned } from '../linux/fork-server.ts';
import type { ExitStatus } from '../port.ts';

/** One zygote, as a process of its family. */
export class Zygote {
  /** Resolves when its template is loaded and its process is known. Rejects when that fails. */
  readonly loaded: Promise<void>;
  readonly #server: ForkServer;
  readonly #told = Promise.withResolvers<void>();
  readonly #known = Promise.withResolvers<void>();
  #hostPid = 0;

  /** Takes over the socket. `onDerived` is called with its descriptor of the zygote that is made from it, before that one has loaded. */
  constructor(control: Duplex, onDerived: (pidfd: number) => void) {
    this.#server = new ForkServer(control, () => this.#hostPid, this.#told.resolve, onDerived);
    this.loaded = Promise.all([this.#told.promise, this.#known.promise]).then(() => {});
    this.loaded.catch(() => {});
  }

  /** Its process, as the host sees it; 0 while that is not known. */
  get hostPid(): number {
    return this.#hostPid;
  }

  /** Tells which process it is. */
  is(hostPid: number): void {
    this.#hostPid = hostPid;
    if (hostPid > 0) this.#known.resolve();
  }

  /**
   * Forks a sandbox for a user of `SandboxUsers`. `exited` is called when its first process has ended.
   * @throws DragomanError sandbox_unavailable
   */
  spawn(id: string, wanted: SandboxFork, exited: (status: ExitStatus) => void): Promise<Spawned> {
    return this.#server.spawn(id, wanted, exited);
  }

  /** Kills a sandbox's first process and so its pid namespace. */
  kill(id: string): void {
    this.#server.kill(id);
  }

  /** It has ended, or will: so have its sandboxes. `reason`: why it is not loaded, if it is not. */
  lose(reason: Error): void {
    this.#told.reject(reason);
    this.#server.lost();
  }
}
