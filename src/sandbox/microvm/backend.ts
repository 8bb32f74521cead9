import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { basename, join, relative } from 'node:path';
import { DragomanError, newId } from '../../core/index.ts';
import { orders } from '../../guest-protocol/index.ts';
import { awaitClaim } from '../await-claim.ts';
import { NotedUse } from '../kept.ts';
import { type Cgroup, type CgroupTree, diskOf, openCgroups } from '../linux/cgroup/index.ts';
import { guestEnvironment, guestFiles } from '../linux/guest-files.ts';
import { reachableImage } from '../linux/reachable.ts';
import { ownUserMap, sandboxUsers } from '../linux/user-map.ts';
import { SandboxUsers } from '../linux/users.ts';
import type { BackendOptions, MachineFiles } from '../options.ts';
import type { Backend, BackendTraits, Sandbox, SandboxCheckpoints, SandboxLimits, SandboxRequest } from '../port.ts';
import { SavedFolders } from '../saved-folders.ts';
import { findAccelerator, paceOf, qemuVersion } from './accelerator.ts';
import { initialFileSystem } from './initial.ts';
import { Machine, type MachineParts } from './machine.ts';
import { loadOwnPages } from './own-pages.ts';
import { hostLimits, MachineSandbox, pagesFile, stateFile } from './sandbox.ts';
import { type LoadedTemplate, loadTemplate } from './template.ts';
import { sweepMachines, templatesIn } from './unused.ts';

const MiB = 1024 * 1024;
const scratch = { tmpBytes: 128 * MiB, shmBytes: 64 * MiB } as const;
/** Memory of every machine: copies of one template are alike. What is not touched costs nothing. */
const machineBytes = 2560 * MiB;
const mostMemoryBytes = 2048 * MiB;

/** Sandboxes in small virtual machines by QEMU, each a copy of one that has loaded its libraries. */
export class MachineBackend implements Backend {
  readonly tier = 'microvm';
  readonly traits: BackendTraits = {
    adjustable: ['memoryBytes', 'processes', 'cpus'],
    warmUnit: 'snapshot',
    // Each takes some 90 MiB, and a third of a second to make.
    mostParked: { inUse: 1, atRest: 0 },
  };
  readonly #options: BackendOptions;
  readonly #templates = new Map<string, Promise<LoadedTemplate>>();
  readonly #sandboxes = new Set<Sandbox>();
  #cgroups: CgroupTree | undefined;
  #users: SandboxUsers | undefined;
  readonly #files: MachineFiles;
  /** Where the users of machines find the folder of their files. */
  #folder: string;
  readonly #saved: SavedFolders;
  /** Path of the initial file system, once it is written. */
  #initial = '';
  /** Other services that share the folder remove what is not in use. */
  readonly #used = new NotedUse();
  #boundReads: (pid: number) => void | Promise<void> = () => {};
  #closing = false;

  /** @throws Error where nothing was set up for machines */
  constructor(options: BackendOptions) {
    if (!options.machine) throw new Error('the files of virtual machines are not set up');
    this.#options = options;
    this.#files = options.machine;
    this.#folder = this.#files.directory;
    this.#saved = new SavedFolders(join(this.#files.directory, 'saved'));
  }

  readonly checkpoints: SandboxCheckpoints = {
    // A checkpoint holds what is not in its template, and each template is another one.
    versionOf: async (template) => this.#versionOf((await this.#template(template)).id),
    areOfHost: true,
    makeFolder: () => this.#saved.make(),
    restore: async ({ template, limits }, folder, { isCopy, signal }) => {
      const { memory, id } = await this.#template(template);
      const enter = (sandbox: MachineSandbox) => sandbox.goOn(isCopy);
      const fill = (pid: number) => loadOwnPages(pid, machineBytes, join(folder, pagesFile), signal);
      return this.#run(template, limits, { id, memory, state: join(folder, stateFile) }, enter, fill);
    },
  };

  get pace(): number {
    return paceOf(findAccelerator().name);
  }

  get live(): number {
    return this.#sandboxes.size;
  }

  async start(): Promise<void> {
    const { sandboxUid, userShare, templates, logger } = this.#options;
    try {
      if (process.getuid!() === 0) {
        const range = sandboxUsers(ownUserMap(), sandboxUid, userShare);
        this.#folder = reachableImage(this.#files.directory, range.first);
        this.#users = await SandboxUsers.open(range);
      }
      this.#cgroups = await openCgroups(this.#users?.zygote.uid ?? process.getuid!());
      const { swept } = this.#cgroups;
      if (swept.sandboxes > 0) logger.info(swept, 'removed the sandboxes of a server that was killed');
      this.#bound();
      findAccelerator(this.#options.tierDir);
      this.#initial = initialFileSystem(this.#options, this.#files);
      this.#used.start();
      for (const path of [this.#files.root, this.#initial]) this.#used.add(path);
      sweepMachines(this.#files.directory, Date.now());
      this.#saved.start();
      await this.#template(templates[0]!.name);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async create({ template: name, park, limits }: SandboxRequest): Promise<Sandbox> {
    const template = await this.#template(name);
    return this.#run(name, limits, template, async (sandbox) => {
      const ready = awaitClaim(sandbox, 'ready');
      await Promise.all([sandbox.begin(), ready]);
      await sandbox.openWorkspace();
      if (park) await Promise.all([awaitClaim(sandbox, 'parked'), sandbox.link.send(orders.park(park))]);
    });
  }

  /** Runs a copy of a template, from the state that is given. `fill` changes its memory before, `enter` has its sandbox in order. */
  async #run(
    name: string,
    limits: SandboxLimits,
    from: LoadedTemplate,
    enter: (sandbox: MachineSandbox) => Promise<void>,
    fill?: (pid: number) => Promise<void>,
  ): Promise<Sandbox> {
    if (limits.memoryBytes > mostMemoryBytes)
      throw new DragomanError('sandbox_unavailable', {
        message: `A sandbox in a machine of its own has at most ${mostMemoryBytes / MiB} MiB.`,
      });
    const id = newId();
    const user = this.#users?.take();
    const cgroup = this.#group(limits, user);
    const state = openSync(from.state, 'r');
    const parts = { ...this.#parts(user), outside: this.#found(this.#saved.path) };
    const machine = await Machine.prepare(parts, { kind: 'copy', memory: from.memory, state })
      .catch(async (cause) => {
        await cgroup.release();
        if (user !== undefined) this.#users!.release(user);
        throw new DragomanError('sandbox_unavailable', { cause });
      })
      .finally(() => closeSync(state));
    const sandbox: MachineSandbox = new MachineSandbox({
      ...{ id, template: name, machine, cgroup, limits, scratch, pace: paceOf(parts.accelerator) },
      ...{ user: parts.user?.uid, memoryBytes: machineBytes },
      onDestroyed: () => {
        this.#sandboxes.delete(sandbox);
        if (user !== undefined) this.#users!.release(user);
      },
    });
    this.#sandboxes.add(sandbox);
    try {
      await this.#place(cgroup, machine.pid);
      machine.go();
      await machine.qmp.start();
      await fill?.(machine.pid);
      await machine.load();
      await enter(sandbox);
      if (this.#closing) throw new Error('the service is closing');
      return sandbox;
    } catch (cause) {
      this.#options.logger.warn({ console: machine.console.slice(-500), error: String(cause) }, 'a machine failed');
      await sandbox.destroy();
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#sandboxes].map((sandbox) => sandbox.destroy()));
    for (const template of this.#templates.values())
      await template.then(
        ({ memory }) => closeSync(memory),
        () => {},
      );
    this.#templates.clear();
    this.#used.close();
    await this.#cgroups?.close();
    this.#users?.close();
    this.#users = undefined;
  }

  /** @throws DragomanError sandbox_unavailable */
  async #template(name: string): Promise<LoadedTemplate> {
    const { templates, imageRoot, logger } = this.#options;
    const template = templates.find((candidate) => candidate.name === name);
    if (!template) throw new DragomanError('sandbox_unavailable', { message: `there is no template ${name}` });
    let loading = this.#templates.get(name);
    if (!loading) {
      logger.info({ template: name }, 'loading a machine to copy');
      loading = loadTemplate({
        parts: this.#parts(undefined),
        template,
        environment: guestEnvironment(guestFiles(this.#options)),
        imageRoot,
        directory: templatesIn(this.#files.directory),
        digest: this.#digest(),
        used: this.#used,
      });
      loading.catch(() => this.#templates.delete(name));
      this.#templates.set(name, loading);
    }
    try {
      return await loading;
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  /** Changes with everything that machines are made of and run by, wherever that is kept. */
  #digest(): string {
    const { name: accelerator } = findAccelerator();
    return createHash('sha256')
      .update(`${this.#files.digest} ${basename(this.#initial)} ${qemuVersion()} ${accelerator} ${machineBytes} 2`)
      .digest('hex');
  }

  /** A machine goes on only on a processor that has what its programs have found. */
  #versionOf(template: string): string {
    const made = JSON.stringify([this.#digest(), template, cpus()[0]?.model]);
    return createHash('sha256').update(made).digest('hex').slice(0, 16);
  }

  /** Where the users of machines find one of their files. */
  #found(path: string): string {
    return join(this.#folder, relative(this.#files.directory, path));
  }

  #parts(user: number | undefined): MachineParts {
    const { kernel, root } = this.#files;
    const uid = user === undefined ? undefined : this.#users!.outside(user);
    return {
      kernel: this.#found(kernel),
      initial: this.#found(this.#initial),
      root: this.#found(root),
      accelerator: findAccelerator().name,
      memoryBytes: machineBytes,
      user: uid === undefined ? undefined : { uid, gid: uid },
    };
  }

  /** @throws DragomanError sandbox_unavailable */
  #group(limits: SandboxLimits, user: number | undefined): Cgroup {
    try {
      return this.#cgroups!.take(hostLimits(limits));
    } catch (cause) {
      if (user !== undefined) this.#users!.release(user);
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  /** Puts the process that will be QEMU into its group. */
  async #place(cgroup: Cgroup, pid: number): Promise<void> {
    for (const entrance of this.#cgroups!.entrances)
      writeFileSync(join(entrance, cgroup.name, 'cgroup.procs'), String(pid));
    await cgroup.place({ pid, confined: Promise.resolve() });
    await this.#boundReads(pid);
  }

  /** Without the bound machines that read the image without pause slow the service, and nothing worse. */
  #bound(): void {
    const { diskReadBytes, logger } = this.#options;
    if (diskReadBytes === undefined) return;
    try {
      const disk = diskOf(this.#files.root);
      if (!disk) throw new Error(`${this.#files.root} is on no disk that a cgroup can name`);
      this.#boundReads = this.#cgroups!.boundReads(disk, diskReadBytes);
    } catch (error) {
      logger.info({ error: String(error) }, 'what sandboxes read from the disk is not bounded');
    }
  }
}
