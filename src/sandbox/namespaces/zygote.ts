import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import { childEnvironment, DragomanError, type Logger } from '../../core/index.ts';
import type { SandboxFork } from '../linux/fork-protocol.ts';
import { ForkServer, type Spawned } from '../linux/fork-server.ts';
import type { GuestFile } from '../linux/guest-files.ts';
import type { SandboxUsers } from '../linux/users.ts';
import type { ExitStatus, Template } from '../port.ts';
import { baseArguments } from './bubblewrap.ts';

export interface ZygoteOptions {
  readonly template: Template;
  readonly imageRoot: string;
  readonly files: readonly GuestFile[];
  readonly seccomp: Buffer;
  /** The user of bubblewrap, and users for its sandboxes; undefined: all are our own user, which must not be root. */
  readonly users: SandboxUsers | undefined;
  /** Directories through which a sandbox enters its control group. */
  readonly entrances: readonly string[];
  readonly logger: Logger;
  /** Called once when the zygote ends without having been closed: every sandbox of it is dead. */
  readonly onLost: () => void;
}

const startDeadlineMs = 60_000;
/** Below the scores in guest/agent/protection.py, and enough that a zygote goes before a service several times its size. */
const oomScore = '300';

/**
 * Bubblewrap's child, as soon as it has told of it; else 0. From then on, while it loads its libraries too, it has its score: when memory
 * runs out, sandboxes die first, then zygotes, then the service. Sandboxes cannot lower a score that root set.
 */
function scoredChild(info: string): number {
  if (!info.trimEnd().endsWith('}')) return 0;
  const child = (JSON.parse(info) as { 'child-pid': number })['child-pid'];
  try {
    writeFileSync(`/proc/${child}/oom_score_adj`, oomScore);
  } catch {
    // It has ended, which is told elsewhere.
  }
  return child;
}

/** What a zygote runs inside. `entrances`: its descriptors of the directories through which a fork enters its control group. */
function zygoteCommand({ isBare, imports, warm, parked = [] }: Template, entrances: readonly number[]): string[] {
  if (isBare) return ['/opt/dragoman/native/zygote', ...entrances.map(String)];
  return ['/usr/bin/python3', '/opt/dragoman/guest', JSON.stringify({ imports, warm, parked, entrances })];
}

/** One zygote process and the socket to it. */
export class Zygote {
  readonly #options: ZygoteOptions;
  #process: ChildProcess | undefined;
  #control: Duplex | undefined;
  #server: ForkServer | undefined;
  #hostPid = 0;
  #closing = false;

  constructor(options: ZygoteOptions) {
    this.#options = options;
  }

  /** Once it has started: its process, as the host sees it. */
  get hostPid(): number {
    return this.#hostPid;
  }

  /** Starts bubblewrap and waits until the template is loaded. @throws Error with what bubblewrap or Python said */
  async start(): Promise<void> {
    const { template, files, entrances, imageRoot, users, logger } = this.#options;
    // Descriptors 0-6: nothing, stdout, stderr, control, info, seccomp, users; then a file each; then the entrances.
    const opened = [...files.map(({ source }) => source), ...entrances].map((path) =>
      openSync(path, constants.O_RDONLY),
    );
    const targets = files.map(({ target, isProgram }, index) => ({ target, isProgram, fd: 7 + index }));
    targets.push({ target: '/opt/dragoman/seccomp.bpf', isProgram: false, fd: 5 });
    const command = zygoteCommand(
      template,
      entrances.map((_, index) => 7 + files.length + index),
    );
    const child: ChildProcess = spawn(
      'bwrap',
      baseArguments({ imageRoot, infoFd: 4, usersFd: users && 6, files: targets, command }),
      {
        stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', users?.namespace ?? 'ignore', ...opened],
        cwd: '/',
        env: childEnvironment('run'),
        // Ctrl-C goes to the whole process group; the sandboxes end in order, after the programs in them.
        detached: true,
        ...users?.zygote,
      },
    );
    for (const fd of opened) closeSync(fd);
    this.#process = child;
    const stdio: readonly unknown[] = child.stdio;
    this.#control = stdio[3] as Duplex;
    // Only the exit of the other side counts, not what it does with these pipes.
    for (const stream of child.stdio) stream?.on('error', () => {});
    (stdio[5] as Writable).end(this.#options.seccomp);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-4000);
        logger.warn({ template: template.name, text: text.slice(0, 2000) }, 'the zygote said');
      });
    }
    let info = '';
    (stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      info += text;
      this.#hostPid ||= scoredChild(info);
    });
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new Error(`the zygote did not start in ${startDeadlineMs} ms`));
      }, startDeadlineMs);
      child.once('error', (error: NodeJS.ErrnoException) =>
        reject(error.code === 'ENOENT' ? new Error('bubblewrap (bwrap) is not installed') : error),
      );
      child.once('close', () =>
        reject(new Error(`the base sandbox could not be set up: ${said.trim() || 'no message'}`)),
      );
      this.#server = new ForkServer(this.#control!, () => this.#hostPid, resolve);
    }).finally(() => clearTimeout(timer));
    if (this.#hostPid === 0) throw new Error('bubblewrap did not tell the process of the zygote');
    // The socket closes as soon as the zygote dies. Its process may linger: a frozen sandbox keeps its zygote from ending.
    this.#control.once('close', () => this.#lost());
  }

  /**
   * Forks a sandbox for a user of `SandboxUsers`. `exited` is called when its first process has ended.
   * @throws DragomanError sandbox_unavailable
   */
  async spawn(id: string, wanted: SandboxFork, exited: (status: ExitStatus) => void): Promise<Spawned> {
    if (this.#closing || !this.#server)
      throw new DragomanError('sandbox_unavailable', { message: 'the zygote is gone' });
    return this.#server.spawn(id, wanted, exited);
  }

  /** Kills a sandbox's first process and so its pid namespace. */
  kill(id: string): void {
    this.#server?.kill(id);
  }

  /** Ends the zygote and with it every sandbox. */
  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const closed = new Promise((resolve) => child.once('exit', resolve));
    this.#control?.destroy();
    child.kill('SIGKILL');
    await closed;
  }

  #lost(): void {
    this.#process!.kill('SIGKILL');
    this.#server!.lost();
    if (!this.#closing) this.#options.onLost();
  }
}
