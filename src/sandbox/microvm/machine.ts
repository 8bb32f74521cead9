import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { childEnvironment } from '../../core/index.ts';
import { MachinePort } from './port.ts';
import { Qmp } from './qmp.ts';

/** What every machine of this host is made of. */
export interface MachineParts {
  /** Paths of files that the sandbox users may read. */
  readonly kernel: string;
  readonly initial: string;
  /** The image of sandboxes, as squashfs. */
  readonly root: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly memoryBytes: number;
  /** A folder of the host, in which a machine writes its state where it finds a folder of its own; absent: it never does. */
  readonly outside?: string | undefined;
  /** The host user that machines run as; absent: our own. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Where a machine's memory and state come from or go to. */
export type MachineMemory =
  /** A new machine, whose memory is this file, and whose state goes into a file of this folder. */
  | { readonly kind: 'template'; readonly memory: number; readonly folder: string }
  /** A copy of a template: its memory, of which it changes only its own copy, and its state. */
  | { readonly kind: 'copy'; readonly memory: number; readonly state: number };

/** Descriptors in QEMU's process. */
const fds = { memory: 3, port: 4, control: 5, state: 6 } as const;

const outsideFolder = '/outside';
/** A state is far smaller; in blocks of 512 bytes. */
const mostFileBlocks = 131_072;

const kernelArguments =
  'console=ttyS0 quiet panic=-1 reboot=t tsc=reliable no_timer_check mitigations=off random.trust_cpu=on';

/** A running QEMU, shut in: no network, no file but what it is made of, no program to start. */
export class Machine {
  readonly port: MachinePort;
  readonly qmp: Qmp;
  /** Resolves when its process is gone. */
  readonly exited: Promise<void>;
  readonly pid: number;
  readonly #process: ChildProcess;
  #console = '';

  private constructor(child: ChildProcess) {
    this.#process = child;
    this.pid = child.pid!;
    const stdio: readonly unknown[] = child.stdio;
    this.port = new MachinePort(stdio[fds.port] as Duplex);
    this.qmp = new Qmp(stdio[fds.control] as Duplex, () => this.kill());
    this.exited = new Promise((resolve) => child.once('close', () => resolve()));
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => {
        this.#console = (this.#console + chunk.toString('latin1')).slice(-2000);
      });
    child.stdin!.on('error', () => {});
  }

  /** Starts a process that waits for `go`: until then it can be put into its control group. @throws Error when it does not start */
  static async prepare(parts: MachineParts, memory: MachineMemory): Promise<Machine> {
    const bound = memory.kind === 'copy' ? `ulimit -f ${mostFileBlocks} && ` : '';
    const child = spawn('/bin/sh', ['-c', `${bound}read -r _ && exec "$@"`, 'sh', ...commandOf(parts, memory)], {
      stdio: ['pipe', 'pipe', 'pipe', memory.memory, 'pipe', 'pipe', memory.kind === 'copy' ? memory.state : 'ignore'],
      env: childEnvironment('run'),
      cwd: '/',
      ...(parts.user ?? {}),
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    return new Machine(child);
  }

  /** Writes everything but the memory into the folder of the template, as `state`, and ends. @throws Error when QEMU cannot */
  async save(): Promise<void> {
    await this.qmp.run('stop');
    await this.#ignoreMemory();
    await this.qmp.run('migrate', { uri: 'exec:cat > /template/state' });
    await this.qmp.migrated();
    await this.qmp.run('quit').catch(() => {});
    await this.exited;
  }

  /**
   * Stands still, writes everything but its memory to a file of its `outside` folder, has its memory saved, and goes on, also when that
   * fails. A machine that does not go on is ended.
   * @throws Error when QEMU cannot, or what `saveMemory` throws
   */
  async write(file: string, saveMemory: () => Promise<void>): Promise<void> {
    try {
      await this.qmp.run('stop');
      // It is not Xen's alone: the state of all devices, without the memory.
      await this.qmp.run('xen-save-devices-state', { filename: `${outsideFolder}/${file}`, live: true });
      await saveMemory();
    } catch (error) {
      await this.#goOn().catch(() => {});
      throw error;
    }
    await this.#goOn();
  }

  async #goOn(): Promise<void> {
    try {
      await this.qmp.run('cont');
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** Takes in the state that it was given, and runs on from there. */
  async load(): Promise<void> {
    await this.#ignoreMemory();
    await this.qmp.run('migrate-incoming', { uri: `fd:${fds.state}` });
    await this.qmp.migrated();
    await this.qmp.run('cont');
  }

  #ignoreMemory(): Promise<unknown> {
    return this.qmp.run('migrate-set-capabilities', { capabilities: [{ capability: 'x-ignore-shared', state: true }] });
  }

  go(): void {
    this.#process.stdin!.end('\n');
  }

  /** The end of what its console and QEMU have said, for the log. */
  get console(): string {
    return this.#console;
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}

function commandOf(parts: MachineParts, memory: MachineMemory): string[] {
  const { kernel, initial, root, accelerator } = parts;
  const kept = ['/usr', '/lib', '/lib64', '/bin', '/etc/ld.so.cache'].filter(existsSync);
  const shut = [
    ...['bwrap', '--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'],
    ...kept.flatMap((path) => ['--ro-bind', path, path]),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp'],
    ...(accelerator === 'kvm' ? ['--dev-bind', '/dev/kvm', '/dev/kvm'] : []),
    ...['--ro-bind', kernel, '/kernel', '--ro-bind', initial, '/initial', '--ro-bind', root, '/root.sqfs'],
    ...(memory.kind === 'template' ? ['--bind', memory.folder, '/template'] : []),
    ...(parts.outside === undefined ? [] : ['--bind', parts.outside, outsideFolder]),
    '--',
  ];
  const size = `${Math.ceil(parts.memoryBytes / (1024 * 1024))}M`;
  const isCopy = memory.kind === 'copy';
  const share = isCopy ? 'off' : 'on';
  return [
    ...shut,
    ...['qemu-system-x86_64', '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // A template, in which nothing of a user runs, writes its state by a program.
    ...['-sandbox', `on,obsolete=deny,elevateprivileges=deny,spawn=${isCopy ? 'deny' : 'allow'},resourcecontrol=deny`],
    ...['-M', 'q35,memory-backend=memory', '-accel', accelerator, '-cpu', accelerator === 'kvm' ? 'host' : 'max'],
    ...['-smp', '1', '-m', size],
    // The state of devices alone comes without it.
    ...['-global', 'migration.send-configuration=off'],
    '-object',
    `memory-backend-file,id=memory,size=${size},share=${share},mem-path=/proc/self/fd/${fds.memory}`,
    ...['-kernel', '/kernel', '-initrd', '/initial', '-append', kernelArguments, '-serial', 'stdio'],
    ...['-drive', 'id=root,file=/root.sqfs,format=raw,if=none,readonly=on', '-device', 'virtio-blk-pci,drive=root'],
    ...['-device', 'virtio-serial-pci', '-chardev', `socket,id=port,fd=${fds.port}`],
    ...['-device', 'virtserialport,chardev=port,name=link'],
    ...['-chardev', `socket,id=control,fd=${fds.control}`, '-mon', 'chardev=control,mode=control'],
    ...(isCopy ? ['-incoming', 'defer'] : []),
  ];
}
