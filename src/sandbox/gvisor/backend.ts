import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DragomanError, newId } from '../../core/index.ts';
import { orders } from '../../guest-protocol/index.ts';
import { awaitClaim } from '../await-claim.ts';
import { type CgroupTree, diskOf, openCgroups } from '../linux/cgroup/index.ts';
import { guestFiles } from '../linux/guest-files.ts';
import { RunningSandboxes } from '../linux/processor-share.ts';
import { reachableImage } from '../linux/reachable.ts';
import { seccompProgram } from '../linux/seccomp/index.ts';
import { ownUserMap, sandboxUsers } from '../linux/user-map.ts';
import { SandboxUsers } from '../linux/users.ts';
import type { BackendOptions } from '../options.ts';
import type {
  Backend,
  BackendTraits,
  ExitStatus,
  Sandbox,
  SandboxCheckpoints,
  SandboxLimits,
  SandboxRequest,
} from '../port.ts';
import { SavedFolders } from '../saved-folders.ts';
import { Checkpoints, type Restorable } from './checkpoints.ts';
import { groupLimits } from './group-limits.ts';
import { Launcher } from './launcher.ts';
import { OwnFiles } from './own-files.ts';
import { examineRunsc, type Runsc, requirePrograms, restoreCommand } from './runsc.ts';
import { GvisorSandbox, workspaceArchive } from './sandbox.ts';
import { makeTierFolder, runscPath } from './tier-folder.ts';
import { unpackWorkspace } from './workspace-archive.ts';

const restartDelayMs = 500;
/**
 * gVisor restores on several threads. Under the share of a program it would stand still for a third of the time, and nothing of a user is in it
 * yet.
 */
const leastCpusMade = 2;

/** Sandboxes by gVisor: each has a kernel of its own, in user space, that is one process of the host's. */
export class GvisorBackend implements Backend {
  readonly tier = 'gvisor';
  readonly traits: BackendTraits = {
    // The others are limits that gVisor enforces inside.
    adjustable: ['memoryBytes', 'cpus'],
    warmUnit: 'checkpoint',
    // Each takes some 90 MiB, and a quarter of a second to make.
    mostParked: { inUse: 2, atRest: 0 },
  };
  readonly #options: BackendOptions;
  readonly #running = new RunningSandboxes();
  readonly #sandboxes = new Set<Sandbox>();
  readonly #restorables = new Map<string, Promise<Restorable>>();
  #cgroups: CgroupTree | undefined;
  #users: SandboxUsers | undefined;
  #runsc: Runsc | undefined;
  /** Where the launcher mounts what is a sandbox's own: a place that its user can enter. */
  #ownFolder: string | undefined;
  #launcher: Launcher | undefined;
  #checkpoints: Checkpoints | undefined;
  readonly checkpoints: SandboxCheckpoints = {
    versionOf: async (template) => this.#checkpoints!.versionOf(template),
    areOfHost: false,
    makeFolder: () => this.#saved!.make(),
    restore: (request, folder, options) => this.#goOn(request, folder, options),
  };
  #saved: SavedFolders | undefined;
  #boundReads: (launcher: number) => void | Promise<void> = () => {};
  #closing = false;

  constructor(options: BackendOptions) {
    this.#options = options;
  }

  get live(): number {
    return this.#sandboxes.size;
  }

  async start(): Promise<void> {
    const { imageRoot, sandboxUid, userShare, templates, logger } = this.#options;
    try {
      const [runsc] = await Promise.all([examineRunsc(runscPath(this.#options)), requirePrograms()]);
      let tierDir = makeTierFolder(this.#options);
      let root = imageRoot;
      let program = runsc.path;
      if (process.getuid!() === 0) {
        const range = sandboxUsers(ownUserMap(), sandboxUid, userShare);
        const isOwn = dirname(program) === tierDir;
        root = reachableImage(imageRoot, range.first);
        tierDir = reachableImage(tierDir, range.first);
        program = join(isOwn ? tierDir : reachableImage(dirname(program), range.first), basename(program));
        this.#users = await SandboxUsers.open(range);
      }
      this.#cgroups = await openCgroups(process.getuid!());
      this.#bound();
      const { swept } = this.#cgroups;
      if (swept.sandboxes > 0) logger.info(swept, 'removed the sandboxes of a server that was killed');
      const files = guestFiles(this.#options);
      this.#runsc = { ...runsc, path: program };
      const ownFolder = join(tierDir, 'own');
      this.#ownFolder = ownFolder;
      const parts = { imageRoot: root, files, seccomp: seccompProgram(process.arch as 'x64' | 'arm64'), ownFolder };
      this.#checkpoints = new Checkpoints(tierDir, parts, this.#runsc, templates);
      this.#checkpoints.start();
      this.#saved = new SavedFolders(join(tierDir, 'saved'));
      this.#saved.start();
      await this.#launch();
      // Most programs need the first template. The others may still be made when the service answers.
      const [first, ...others] = templates.map(({ name }) => name);
      await this.#restorable(first!);
      void others.reduce(async (before, name) => {
        await before;
        if (!this.#closing) await this.#restorable(name).catch(() => {});
      }, Promise.resolve());
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async create({ template, park, limits }: SandboxRequest): Promise<Sandbox> {
    if (!this.#launcher || this.#closing) throw new DragomanError('sandbox_unavailable');
    if (!this.#options.templates.some(({ name }) => name === template))
      throw new Error(`there is no template ${template}`);
    try {
      const restorable = await this.#restorable(template);
      const sandbox = await this.#make(template, restorable, limits, (sandbox) => begin(sandbox, limits));
      try {
        if (park) {
          const parked = awaitClaim(sandbox, 'parked');
          await Promise.all([sandbox.link.send(orders.park(park)), parked]);
        }
        if (this.#closing) throw new Error('the service is closing');
        return sandbox;
      } catch (error) {
        await sandbox.destroy();
        throw error;
      }
    } catch (cause) {
      throw cause instanceof DragomanError ? cause : new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async #goOn(
    { template, limits }: SandboxRequest,
    folder: string,
    { isCopy, signal }: { readonly isCopy: boolean; readonly signal: AbortSignal },
  ): Promise<Sandbox> {
    if (!this.#launcher || this.#closing) throw new DragomanError('sandbox_unavailable');
    try {
      const { bundle } = await this.#restorable(template);
      const taken = this.#takeUser();
      for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o400);
      if (process.getuid!() === 0)
        for (const path of [folder, ...readdirSync(folder).map((name) => join(folder, name))])
          chownSync(path, taken.user, taken.user);
      const enter = async (sandbox: GvisorSandbox) => {
        sandbox.link.goOn();
        const ready = awaitClaim(sandbox, 'ready');
        await Promise.all([sandbox.link.send(orders.renew(isCopy)), ready]);
      };
      // Programs that go on have files of the workspace open.
      const fill = (hostPid: number, { workspaceInside }: OwnFiles) =>
        unpackWorkspace(hostPid, workspaceInside, join(folder, workspaceArchive), signal);
      return await this.#make(template, { bundle, checkpoint: folder }, limits, enter, fill, taken);
    } catch (cause) {
      throw cause instanceof DragomanError ? cause : new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#sandboxes].map((sandbox) => sandbox.destroy()));
    await this.#launcher?.close();
    await Promise.allSettled(this.#restorables.values());
    this.#checkpoints?.close();
    await this.#cgroups?.close();
    this.#users?.close();
    this.#users = undefined;
  }

  /** Makes a sandbox that goes on from a checkpoint; `enter` resolves once it is in order. */
  async #make(
    template: string,
    { bundle, checkpoint }: Restorable,
    limits: SandboxLimits,
    enter: (sandbox: GvisorSandbox) => Promise<void>,
    fill?: (hostPid: number, own: OwnFiles) => Promise<void>,
    takenUser = this.#takeUser(),
  ): Promise<GvisorSandbox> {
    const launcher = this.#launcher!;
    const id = newId();
    const ownFolder = this.#ownFolder!;
    // What goes on from a checkpoint of a session runs before it is entered.
    const cpus = fill ? limits.cpus : Math.max(limits.cpus, leastCpusMade);
    const cgroup = this.#cgroups!.take(groupLimits({ ...limits, cpus }));
    const { user, release } = takenUser;
    const { promise: exited, resolve: onExit } = Promise.withResolvers<ExitStatus>();
    const { workspaceBytes, workspaceFiles } = limits;
    const runsc = this.#runsc!;
    const argv = restoreCommand(runsc, ownFolder, bundle, checkpoint);
    const fork = { user, group: cgroup.name, sizes: { workspaceBytes, workspaceFiles }, folder: ownFolder, argv };
    const kill = () => launcher.kill(id);
    let sandbox: GvisorSandbox | undefined;
    try {
      const spawned = await launcher.spawn(id, fork, onExit);
      const own = new OwnFiles(spawned.hostPid, ownFolder);
      sandbox = new GvisorSandbox({
        ...{ id, template, spawned, own, runsc, user, ownFolder, cgroup, limits, exited, kill },
        running: this.#running,
        onDestroyed: () => {
          this.#sandboxes.delete(sandbox!);
          release();
        },
      });
      this.#sandboxes.add(sandbox);
      await cgroup.place({ pid: spawned.hostPid, confined: Promise.resolve() });
      await fill?.(spawned.hostPid, own);
      const entered = enter(sandbox);
      launcher.opened(id);
      await entered;
      sandbox.enter();
      return sandbox;
    } catch (error) {
      if (sandbox) await sandbox.destroy();
      else {
        kill();
        release();
        void cgroup.release().catch(() => {});
      }
      throw error;
    }
  }

  /** A host user of its own for a sandbox; without root it is ours. */
  #takeUser(): { readonly user: number; readonly release: () => void } {
    const users = this.#users;
    if (!users) return { user: process.getuid!(), release: () => {} };
    const inside = users.take();
    return { user: users.outside(inside), release: () => users.release(inside) };
  }

  /** Once per template; after a failure again with the next request. */
  #restorable(name: string): Promise<Restorable> {
    const found = this.#restorables.get(name);
    if (found) return found;
    const template = this.#options.templates.find((template) => template.name === name)!;
    const made = this.#checkpoints!.ensure(template, {
      runsc: this.#runsc!,
      launcher: this.#launcher!,
      cgroups: this.#cgroups!,
      takeUser: () => this.#takeUser(),
    });
    this.#restorables.set(name, made);
    made.catch((error) => {
      this.#restorables.delete(name);
      this.#options.logger.error({ template: name, error: String(error) }, 'a template could not be made');
    });
    return made;
  }

  async #launch(): Promise<void> {
    const { nativeDir, logger } = this.#options;
    const launcher = new Launcher({
      ...{ nativeDir, logger, entrances: this.#cgroups!.entrances },
      onLost: () => this.#launchAgain(),
    });
    this.#launcher = launcher;
    await launcher.start();
    await this.#boundReads(launcher.pid);
  }

  /** A launcher that dies takes its sandboxes along: `exited` tells their owners. */
  #launchAgain(): void {
    if (this.#closing) return;
    this.#options.logger.warn({}, 'starting another launcher');
    this.#launch().catch((error) => {
      this.#options.logger.error({ error: String(error) }, 'the launcher could not be started');
      setTimeout(() => this.#launchAgain(), restartDelayMs).unref();
    });
  }

  /** Without the bound a program that reads the image without pause slows the service, and nothing worse. */
  #bound(): void {
    const { imageRoot, diskReadBytes, logger } = this.#options;
    if (diskReadBytes === undefined) return;
    try {
      const disk = diskOf(imageRoot);
      if (!disk) throw new Error(`${imageRoot} is on no disk that a cgroup can name`);
      this.#boundReads = this.#cgroups!.boundReads(disk, diskReadBytes);
    } catch (error) {
      logger.info({ error: String(error) }, 'what sandboxes read from the disk is not bounded');
    }
  }
}

/** Has a fresh guest shut itself in. */
async function begin(sandbox: GvisorSandbox, { processes, openFiles, memoryBytes }: SandboxLimits): Promise<void> {
  const ready = awaitClaim(sandbox, 'ready');
  await Promise.all([sandbox.link.send(orders.enter({ processes, openFiles, memoryBytes })), ready]);
}
