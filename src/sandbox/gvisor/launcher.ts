import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { childEnvironment, DragomanError, type Logger } from '../../core/index.ts';
import type { LaunchFork } from '../linux/fork-protocol.ts';
import { ForkServer, type Spawned } from '../linux/fork-server.ts';
import type { ExitStatus } from '../port.ts';

export interface LauncherOptions {
  readonly nativeDir: string;
  /** Directories through which a sandbox enters its control group. */
  readonly entrances: readonly string[];
  readonly logger: Logger;
  /** Called once when the launcher ends without having been closed: every sandbox of it is dead. */
  readonly onLost: () => void;
}

const startDeadlineMs = 10_000;

/** The process that starts sandboxes' gVisors (guest/native/launcher.c), and the socket to it. They end when it does. */
export class Launcher {
  readonly #options: LauncherOptions;
  #process: ChildProcess | undefined;
  #control: Duplex | undefined;
  #server: ForkServer | undefined;
  #closing = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  /** Its process, once it has started. */
  get pid(): number {
    return this.#process!.pid!;
  }

  /** @throws Error when it does not start */
  async start(): Promise<void> {
    const { nativeDir, entrances, logger, onLost } = this.#options;
    const opened = entrances.map((path) => openSync(path, constants.O_RDONLY));
    const child = spawn(
      join(nativeDir, 'launcher'),
      opened.map((_, index) => String(4 + index)),
      {
        stdio: ['ignore', 'ignore', 'pipe', 'pipe', ...opened],
        cwd: '/',
        env: childEnvironment('run'),
        // Ctrl-C goes to the whole process group; the sandboxes end in order, after the programs in them.
        detached: true,
      },
    );
    for (const fd of opened) closeSync(fd);
    this.#process = child;
    for (const stream of child.stdio) stream?.on('error', () => {});
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      logger.warn({ text: text.slice(0, 2000) }, 'the launcher said');
    });
    this.#control = (child.stdio as readonly unknown[])[3] as Duplex;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => reject(new Error('the launcher did not start')), startDeadlineMs);
    child.once('error', reject).once('close', () => reject(new Error('the launcher ended')));
    this.#server = new ForkServer(this.#control, () => child.pid!, resolve);
    await promise.finally(() => clearTimeout(timer));
    this.#control.once('close', () => {
      child.kill('SIGKILL');
      this.#server!.lost();
      if (!this.#closing) onLost();
    });
  }

  /**
   * Starts a program in namespaces of its own. It waits, with its files mounted, until `opened` is called.
   * @throws DragomanError sandbox_unavailable
   */
  async spawn(id: string, wanted: LaunchFork, exited: (status: ExitStatus) => void): Promise<Spawned> {
    if (this.#closing || !this.#server)
      throw new DragomanError('sandbox_unavailable', { message: 'the launcher is gone' });
    return this.#server.spawn(id, wanted, exited);
  }

  opened(id: string): void {
    this.#server!.opened(id);
  }

  /** Kills a sandbox's first process, and with it its whole pid namespace. */
  kill(id: string): void {
    this.#server?.kill(id);
  }

  /** Ends the launcher and with it every sandbox. */
  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('exit', resolve));
    this.#control?.destroy();
    child.kill('SIGKILL');
    await closed;
  }
}
