import { DragomanError, newId } from '../../core/index.ts';
import { orders } from '../../guest-protocol/index.ts';
import { awaitClaim } from '../await-claim.ts';
import { type Cgroup, type CgroupTree, diskOf, openCgroups } from '../linux/cgroup/index.ts';
import { guestFiles } from '../linux/guest-files.ts';
import { RunningSandboxes } from '../linux/processor-share.ts';
import { reachableImage } from '../linux/reachable.ts';
import { seccompProgram } from '../linux/seccomp/index.ts';
import { ownUserMap, sandboxUsers } from '../linux/user-map.ts';
import { SandboxUsers } from '../linux/users.ts';
import type { BackendOptions } from '../options.ts';
import type { Backend, BackendTraits, ExitStatus, Sandbox, SandboxLimits, SandboxRequest, Template } from '../port.ts';
import { ForkedProgram } from './forked-program.ts';
import { NamespacesSandbox } from './sandbox.ts';
import type { Zygote } from './zygote.ts';
import { type FamilyOptions, ZygoteFamily } from './zygote-family.ts';

const restartDelayMs = 500;
const MiB = 1024 * 1024;
/** Scratch space of a sandbox beside its workspace. The memory limit must exceed the sum of all three. */
const scratchBytes = { tmp: 128 * MiB, shm: 64 * MiB } as const;

/** Sandboxes by bubblewrap, nested namespaces, seccomp and control groups. */
export class NamespacesBackend implements Backend {
  readonly tier = 'namespaces';
  readonly traits: BackendTraits;
  readonly #options: BackendOptions;
  readonly #families = new Set<ZygoteFamily>();
  /** By template. */
  readonly #zygotes = new Map<string, { zygote: Zygote; ready: Promise<void> }>();
  /** Templates whose sandboxes run programs of the image and nothing else. */
  readonly #bare: ReadonlySet<string>;
  /** Templates that are programs of the image. */
  readonly #programs: ReadonlyMap<string, ForkedProgram>;
  /** First templates of families that failed to load the last time. */
  readonly #failing = new Set<string>();
  readonly #running = new RunningSandboxes();
  readonly #sandboxes = new Set<Sandbox>();
  #cgroups: CgroupTree | undefined;
  #users: SandboxUsers | undefined;
  /** Called with the pid of each zygote that starts. */
  #boundReads: (zygote: number) => void | Promise<void> = () => {};
  /** Where the image is for the users of sandboxes. */
  #imageRoot: string;
  #closing = false;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.#bare = new Set(options.templates.filter(({ isBare }) => isBare).map(({ name }) => name));
    this.#imageRoot = options.imageRoot;
    this.#programs = new Map(
      options.templates
        .filter(({ forks }) => forks)
        .map((template) => [
          template.name,
          new ForkedProgram(
            (onEnd) => this.#family([template], onEnd),
            ({ hostPid }) => this.#boundReads(hostPid),
            (error) =>
              options.logger.warn({ template: template.name, error: String(error) }, 'a program is not forked'),
          ),
        ]),
    );
    this.traits = {
      // Control groups accept new values at any time; file systems and resource limits do not.
      adjustable: ['memoryBytes', 'processes', 'cpus'],
      warmUnit: 'fork',
      mostParked: { inUse: Number.POSITIVE_INFINITY, atRest: 1 },
      placesPrograms: options.programsDir !== undefined,
    };
  }

  get live(): number {
    return this.#sandboxes.size;
  }

  async start(): Promise<void> {
    const { imageRoot, sandboxUid, userShare, templates, logger } = this.#options;
    try {
      if (process.getuid!() === 0) {
        const range = sandboxUsers(ownUserMap(), sandboxUid, userShare);
        this.#imageRoot = reachableImage(imageRoot, range.first);
        this.#users = await SandboxUsers.open(range);
      }
      this.#cgroups = await openCgroups(this.#users?.zygote.uid ?? process.getuid!());
      this.#bound();
      const { swept } = this.#cgroups;
      if (swept.sandboxes > 0) logger.info(swept, 'removed the sandboxes of a server that was killed');
      // Most programs need the first template, so nothing else loads beside it. The others may still be loading when the service answers.
      const [first, ...others] = familiesOf(templates.filter(({ name }) => !this.#programs.has(name)));
      this.#startFamily(first!);
      await this.#zygotes.get(first![0]!.name)!.ready;
      for (const family of others) this.#startFamily(family);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async create({ template, park, limits }: SandboxRequest): Promise<Sandbox> {
    // It may start a zygote, which would outlive the backend.
    if (this.#closing) throw new DragomanError('sandbox_unavailable');
    const program = this.#programs.get(template);
    // Until a program is loaded, it is begun in each sandbox.
    const fork = program?.take();
    const zygote = fork ?? (await this.#zygote(program ? [...this.#bare][0]! : template));
    const id = newId();
    const { promise: exited, resolve: onExit } = Promise.withResolvers<ExitStatus>();
    const sizes = {
      workspaceBytes: limits.workspaceBytes,
      workspaceFiles: limits.workspaceFiles,
      tmpBytes: scratchBytes.tmp,
      shmBytes: scratchBytes.shm,
      openFiles: limits.openFiles,
    };
    const cgroup = this.#group(limits);
    const user = this.#users?.take();
    const release = () => {
      if (user !== undefined) this.#users!.release(user);
      if (fork) program!.release();
    };
    const spawned = await zygote.spawn(id, { user, group: cgroup.name, sizes }, onExit).catch((error) => {
      // A fork that failed halfway has no user code in it, so its user is free although its end may not be known yet.
      release();
      void cgroup.release().catch(() => {});
      throw error;
    });
    const kill = () => zygote.kill(id);
    const sandbox: NamespacesSandbox = new NamespacesSandbox({
      id,
      template,
      spawned,
      cgroup,
      running: this.#running,
      limits,
      exited,
      kill,
      onDestroyed: () => {
        this.#sandboxes.delete(sandbox);
        release();
      },
    });
    this.#sandboxes.add(sandbox);
    try {
      const confined = awaitClaim(sandbox, 'ready');
      await cgroup.place({ pid: spawned.hostPid, confined });
      sandbox.openWorkspace();
      if (park) {
        const parked = awaitClaim(sandbox, 'parked');
        await Promise.all([sandbox.link.send(fork ? orders.parkFork() : orders.park(park)), parked]);
      } else if (this.#bare.has(template)) {
        void sandbox.link.send(orders.ahead());
      }
      if (this.#closing) throw new Error('the service is closing');
      return sandbox;
    } catch (cause) {
      await sandbox.destroy();
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  /** @throws DragomanError sandbox_unavailable */
  #group(limits: SandboxLimits): Cgroup {
    try {
      return this.#cgroups!.take(limits);
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.allSettled([...this.#sandboxes].map((sandbox) => sandbox.destroy()));
    await Promise.allSettled([...this.#families].map((family) => family.close()));
    await this.#cgroups?.close();
    this.#users?.close();
    this.#users = undefined;
  }

  async #zygote(template: string): Promise<Zygote> {
    const found = this.#zygotes.get(template);
    if (!found) throw new Error(`there is no template ${template}`);
    try {
      await found.ready;
      return found.zygote;
    } catch (cause) {
      throw new DragomanError('sandbox_unavailable', { cause });
    }
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

  /** Starts the zygotes of templates each of which extends the one before it. */
  #startFamily(templates: readonly Template[]): void {
    const family = this.#family(templates, (ended, error) => this.#replace(ended, error));
    for (const [at, { name }] of templates.entries()) {
      const zygote = family.zygotes[at]!;
      const ready = zygote.loaded.then(() => {
        this.#failing.delete(name);
        return this.#boundReads(zygote.hostPid);
      });
      // A failure is reported by the next `create` that needs this zygote.
      ready.catch(() => {});
      this.#zygotes.set(name, { zygote, ready });
    }
  }

  #family(templates: readonly Template[], onEnd: FamilyOptions['onEnd']): ZygoteFamily {
    const { logger } = this.#options;
    const family: ZygoteFamily = new ZygoteFamily({
      templates,
      imageRoot: this.#imageRoot,
      files: guestFiles(this.#options),
      seccomp: seccompProgram(process.arch as 'x64' | 'arm64'),
      users: this.#users,
      entrances: this.#cgroups!.entrances,
      programs: this.#options.programsDir,
      logger,
      onEnd: (ended, error) => {
        if (ended[0] === templates[0]) this.#families.delete(family);
        onEnd(ended, error);
      },
    });
    this.#families.add(family);
    return family;
  }

  /** A zygote that dies takes its sandboxes along: `exited` tells their owners, and the next sandboxes come from a new zygote. */
  #replace(templates: readonly Template[], error: Error | undefined): void {
    if (this.#closing) return;
    const names = templates.map(({ name }) => name).join(', ');
    const start = () => {
      if (this.#closing) return;
      this.#options.logger.warn({ template: names }, 'starting another zygote');
      this.#startFamily(templates);
    };
    const [{ name: first }] = templates as [Template, ...Template[]];
    // What was killed while it loaded is started again at once, so that requests wait for it; what fails again cannot be loaded.
    if (!error || !this.#failing.has(first)) {
      if (error) this.#failing.add(first);
      start();
      return;
    }
    this.#options.logger.error({ template: names, error: String(error) }, 'the zygote could not be started');
    setTimeout(start, restartDelayMs).unref();
  }
}

/** Templates that extend one another share a base: chains, the extended one first, in the order in which they begin. */
function familiesOf(templates: readonly Template[]): Template[][] {
  const families: Template[][] = [];
  const waiting = new Set(templates);
  while (waiting.size > 0) {
    const names = new Set([...waiting].map(({ name }) => name));
    let next = [...waiting].find((each) => each.extends === undefined || !names.has(each.extends));
    if (!next) throw new Error('templates extend one another in a circle');
    const family: Template[] = [];
    while (next) {
      family.push(next);
      waiting.delete(next);
      const { name }: Template = next;
      next = [...waiting].find((each) => each.extends === name);
    }
    families.push(family);
  }
  return families;
}
