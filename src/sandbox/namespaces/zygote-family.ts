import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import { childEnvironment, type Logger } from '../../core/index.ts';
import { pidOf } from '../linux/fork-server.ts';
import type { GuestFile } from '../linux/guest-files.ts';
import type { SandboxUsers } from '../linux/users.ts';
import type { Template } from '../port.ts';
import { baseArguments } from './bubblewrap.ts';
import { Zygote } from './zygote.ts';

export interface FamilyOptions {
  /** Each one but the first extends the one before it. A bare one, and one of a program, has no others beside it. */
  readonly templates: readonly Template[];
  readonly imageRoot: string;
  readonly files: readonly GuestFile[];
  readonly seccomp: Buffer;
  /** The user of bubblewrap, and users for its sandboxes; undefined: all are our own user, which must not be root. */
  readonly users: SandboxUsers | undefined;
  /** Directories through which a sandbox enters its control group. */
  readonly entrances: readonly string[];
  /** A folder whose files first processes of bare sandboxes may read, until a program runs. */
  readonly programs?: string | undefined;
  readonly logger: Logger;
  /**
   * Called when templates are no longer served: their zygotes have ended and their sandboxes are dead. With an error when they never
   * were.
   */
  readonly onEnd: (templates: readonly Template[], error?: Error) => void;
}

const loadDeadlineMs = 60_000;
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

/**
 * What runs inside. `controls`: the descriptors of the zygotes' sockets; `entrances`: those of the directories through which a fork enters
 * its control group; `programs`: that of the folder of programs.
 */
function zygoteCommand(
  templates: readonly Template[],
  controls: readonly number[],
  entrances: readonly number[],
  programs: readonly number[],
) {
  const [{ isBare, forks }] = templates as [Template, ...Template[]];
  const passed = entrances.map(String);
  if (forks) return ['/opt/dragoman/native/zygote', 'forked', ...passed, '--', ...forks, ...passed];
  if (isBare) return ['/opt/dragoman/native/zygote', ...programs.flatMap((fd) => ['programs', String(fd)]), ...passed];
  const settings = {
    templates: templates.map(({ imports, warm, parked = [] }, at) => ({
      imports,
      warm,
      parked,
      control: controls[at],
    })),
    entrances,
  };
  return ['/usr/bin/python3', '/opt/dragoman/guest', JSON.stringify(settings)];
}

/**
 * Zygotes in one base: the first is its first process, each further one a fork of the one before it, with which it shares the memory of
 * what both have loaded. With one of them all end.
 */
export class ZygoteFamily {
  readonly zygotes: readonly Zygote[];
  readonly #options: FamilyOptions;
  readonly #process: ChildProcess;
  /** What is served, or will be. */
  #served: readonly Template[];
  #said = '';

  /** Starts bubblewrap. Each zygote tells when it is loaded. */
  constructor(options: FamilyOptions) {
    this.#options = options;
    this.#served = options.templates;
    const { templates, files, entrances, imageRoot, users, logger } = options;
    const programs = templates[0]!.isBare && options.programs !== undefined ? [options.programs] : [];
    // Descriptors 0-6: nothing, stdout, stderr, control, info, seccomp, users; then the controls of further zygotes; then a file each;
    // then the entrances, then the folder of programs.
    const further = templates.slice(1).map(() => 'pipe' as const);
    const opened = [...files.map(({ source }) => source), ...entrances, ...programs].map((path) =>
      openSync(path, constants.O_RDONLY),
    );
    const first = 7 + further.length;
    const controls = [3, ...further.map((_, index) => 7 + index)];
    const targets = files.map(({ target, isProgram }, index) => ({ target, isProgram, fd: first + index }));
    targets.push({ target: '/opt/dragoman/seccomp.bpf', isProgram: false, fd: 5 });
    const command = zygoteCommand(
      templates,
      controls,
      entrances.map((_, index) => first + files.length + index),
      programs.map((_, index) => first + files.length + entrances.length + index),
    );
    const child: ChildProcess = spawn(
      'bwrap',
      baseArguments({ imageRoot, infoFd: 4, usersFd: users && 6, files: targets, command }),
      {
        stdio: [
          ...(['ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', users?.namespace ?? 'ignore'] as const),
          ...further,
          ...opened,
        ],
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
    // Only the exit of the other side counts, not what it does with these pipes.
    for (const stream of child.stdio) stream?.on('error', () => {});
    (stdio[5] as Writable).end(options.seccomp);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-4000);
        logger.warn({ template: this.#names(), text: text.slice(0, 2000) }, 'the zygote said');
      });
    }
    this.zygotes = controls.map((control, at) => this.#openZygote(stdio[control] as Duplex, at));
    let info = '';
    (stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      info += text;
      if (this.zygotes[0]!.hostPid === 0) this.zygotes[0]!.is(scoredChild(info));
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      this.#end(0, error.code === 'ENOENT' ? new Error('bubblewrap (bwrap) is not installed') : error),
    );
    child.once('close', () => this.#end(0, this.#fault('the base sandbox could not be set up')));
    void this.#awaitEach();
  }

  /** Ends the zygotes and with them every sandbox. */
  async close(): Promise<void> {
    const child = this.#process;
    for (const zygote of this.zygotes) zygote.lose(new Error('the service is closing'));
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'exit');
    child.kill('SIGKILL');
    await closed;
  }

  #openZygote(control: Duplex, at: number): Zygote {
    const zygote: Zygote = new Zygote(control, (pidfd) => {
      const pid = pidOf(zygote.hostPid, pidfd);
      // It has ended where that is no pid, which its socket tells.
      if (pid > 0) this.zygotes[at + 1]!.is(pid);
    });
    let isLoaded = false;
    void zygote.loaded.then(
      () => {
        isLoaded = true;
      },
      () => {},
    );
    // The socket closes as soon as the zygote dies. Its process may linger: a frozen sandbox keeps its zygote from ending.
    control.once('close', () => {
      if (at === 0 && !isLoaded) return; // The exit of bubblewrap tells more.
      this.#end(isLoaded ? 0 : at, isLoaded ? undefined : this.#fault('the template could not be loaded'));
    });
    return zygote;
  }

  /** One loads after another; each has its time. */
  async #awaitEach(): Promise<void> {
    for (const zygote of this.zygotes) {
      const timer = setTimeout(
        () => this.#end(0, new Error(`the zygote did not start in ${loadDeadlineMs} ms`)),
        loadDeadlineMs,
      );
      try {
        await zygote.loaded;
      } catch {
        return;
      } finally {
        clearTimeout(timer);
      }
    }
  }

  /** The zygotes from the one at a place on have ended, or end now. */
  #end(at: number, error: Error | undefined): void {
    const ended = this.#served.slice(at);
    if (ended.length === 0) return;
    this.#served = this.#served.slice(0, at);
    for (const zygote of this.zygotes.slice(at)) zygote.lose(error ?? new Error('the zygote died'));
    if (at === 0) this.#process.kill('SIGKILL');
    this.#options.onEnd(ended, error);
  }

  #fault(what: string): Error {
    return new Error(`${what}: ${this.#said.trim() || 'no message'}`);
  }

  #names(): string {
    return this.#options.templates.map(({ name }) => name).join(', ');
  }
}
