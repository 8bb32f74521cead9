import { execFile } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { childEnvironment } from '../../../core/index.ts';
import type { SandboxUsage } from '../../port.ts';
import type { Cgroup, CgroupLimits, CgroupTree, Leftovers, PlacedProcess } from './cgroup.ts';
import { ControlFile, tasksOf } from './control-file.ts';
import { children, code, kill, pids, reached, read, removeGroup, sweepGroups, write } from './files.ts';
import type { CgroupHost } from './host.ts';
import { isStale, newInstanceName } from './instance.ts';
import { mostMemoryLeft, type Reusable, Stock, usualWeight } from './stock.ts';

const readBound = 'blkio.throttle.read_bps_device';

/** The freezer comes first: a frozen process cannot die, and until it does its other groups cannot be removed. */
const controllers = ['freezer', 'memory', 'pids', 'cpu', 'cpuacct'] as const;
type Controller = (typeof controllers)[number];
type Paths = Record<Controller, string>;

const repeatFreezeMs = 10;

const run = promisify(execFile);
const placeDeadlineMs = 10_000;

/** Control groups version 1: a hierarchy per controller, the same name made in each of them. Zygotes run as the user `zygotes`. */
export async function openV1(host: CgroupHost, zygotes: number): Promise<CgroupTree> {
  const missing = controllers.filter((controller) => !host.v1.has(controller));
  if (missing.length > 0) throw new Error(`the cgroup v1 controllers ${missing.join(', ')} are not mounted`);
  const parents = mapPaths((controller) => parentFor(host, controller));
  const swept = await sweep(parents);
  const disks = blkioParent(host);
  if (typeof disks === 'object')
    for (const name of children(disks.path).filter(isStale)) await removeDisks(`${disks.path}/${name}`);
  let ownDisks: string | undefined;
  const name = newInstanceName();
  const own = mapPaths((controller) => `${parents[controller]}/${name}`);
  for (const controller of distinct(own)) mkdirSync(controller, { recursive: true });
  // Groups on a hierarchy with cpuset-like inheritance need nothing else; memory must count the groups below as well.
  const stock = new Stock((name): CgroupV1 => {
    const paths = mapPaths((controller) => `${own[controller]}/${name}`);
    return new CgroupV1(name, paths, zygotes, (group) => stock.giveBack(group));
  });
  return {
    swept,
    entrances: distinct(own),
    take: (limits) => stock.take(limits),
    boundReads(disk, bytesPerSecond) {
      if (typeof disks === 'string') throw new Error(disks);
      ownDisks = `${disks.path}/${name}`;
      mkdirSync(ownDisks, { recursive: true });
      write(`${ownDisks}/${readBound}`, `${disk} ${bytesPerSecond}`);
      const procs = `${ownDisks}/cgroup.procs`;
      // Forks inherit the group, so no sandbox has to be moved.
      return async (zygote) => {
        if (host.uid === 0) write(procs, zygote);
        else await placeAs(userOf(zygote), zygote, [procs]);
      };
    },
    close: async () => {
      await stock.close();
      for (const path of distinct(own)) await removeGroup(path, () => {});
      if (ownDisks) await removeDisks(ownDisks);
    },
  };
}

/** Below the process' own group if that is writable, else in a group that the operator gave to this user. */
function parentFor(host: CgroupHost, controller: Controller): string {
  const at = host.v1.get(controller)!;
  const candidates = [`${at.mount}${at.path === '/' ? '' : at.path}`, `${at.mount}/dragoman-${host.uid}`];
  const writable = candidates.find(isWritable);
  if (writable !== undefined) return writable;
  const all = `/sys/fs/cgroup/{${controllers.join(',')}}/dragoman-${host.uid}`;
  throw new Error(
    `no cgroup of controller ${controller} may be written by user ${host.uid}: ` +
      `run "sudo bash -c 'mkdir -p ${all} && chown -R ${host.uid} ${all}'" once after each boot`,
  );
}

/** Where groups that bound reads may be made, or why they may not. */
function blkioParent(host: CgroupHost): { readonly path: string } | string {
  const at = host.v1.get('blkio');
  if (!at) return 'the cgroup controller blkio is not mounted';
  const candidates = [`${at.mount}${at.path === '/' ? '' : at.path}`, `${at.mount}/dragoman-${host.uid}`];
  const path = candidates.find((candidate) => isWritable(candidate) && existsSync(`${candidate}/${readBound}`));
  return path ? { path } : `no cgroup of controller blkio may be written by user ${host.uid}`;
}

/** Moves processes that are left to the parent: zygotes end with the service, or a little later. */
async function removeDisks(group: string): Promise<void> {
  await removeGroup(group, () => {
    for (const pid of pids(group)) {
      try {
        write(`${dirname(group)}/cgroup.procs`, pid);
      } catch (error) {
        // Only root of the host may move a process of another user. This one is about to end, or has just ended.
        if (code(error) !== 'EACCES' && code(error) !== 'ESRCH') throw error;
      }
    }
  });
}

/** Why reads from disks cannot be bounded on this host; undefined: they can. */
export function blkioFault(host: CgroupHost): string | undefined {
  const parent = blkioParent(host);
  return typeof parent === 'string' ? parent : undefined;
}

async function sweep(parents: Paths): Promise<Leftovers> {
  const sandboxes = new Set<string>();
  const processes = new Set<number>();
  const stale: ReturnType<typeof leftoverV1>[] = [];
  for (const controller of controllers) {
    for (const name of children(parents[controller]).filter(isStale)) {
      const server = `${parents[controller]}/${name}`;
      for (const child of children(server)) {
        sandboxes.add(`${name}/${child}`);
        for (const pid of pids(`${server}/${child}`)) processes.add(pid);
        stale.push(leftoverV1(controller, `${server}/${child}`));
      }
      stale.push(leftoverV1(controller, server));
    }
  }
  await sweepGroups(stale);
  return { sandboxes: sandboxes.size, processes: processes.size };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function leftoverV1(controller: Controller, path: string) {
  const killRest = () => {
    for (const pid of pids(path)) kill(pid);
    // A frozen process does not see the signal.
    if (controller === 'freezer') write(`${path}/freezer.state`, 'THAWED');
  };
  return { path, killRest };
}

async function removeV1(controller: Controller, path: string): Promise<void> {
  await removeGroup(path, leftoverV1(controller, path).killRest);
}

/** No sandbox has these: every limit is written. */
const unlimited: CgroupLimits = { memoryBytes: 0, processes: 0, cpus: 0 };

class CgroupV1 implements Cgroup, Reusable {
  readonly name: string;
  readonly #paths: Paths;
  readonly #onRelease: (group: CgroupV1) => Promise<void>;
  readonly #files: Files;
  #limits = unlimited;
  #weight = usualWeight;
  #isToFreeze = false;
  /** Its sandbox has been frozen, and may not be thawed in all its parts. */
  #wasFrozen = false;
  /** Its sandbox was in it, so none can still be on its way. */
  #wasEntered = false;
  /** What had been used when its sandbox began. */
  #before = { cpuNs: 0, oomKills: 0 };

  /** Makes it; the user `zygotes` may put its own processes into it. */
  constructor(name: string, paths: Paths, zygotes: number, onRelease: (group: CgroupV1) => Promise<void>) {
    this.name = name;
    this.#paths = paths;
    this.#onRelease = onRelease;
    const made: string[] = [];
    try {
      for (const path of distinct(paths)) {
        mkdirSync(path);
        made.push(path);
        // In version 1 a process of another user is moved by the host's root alone, but a user may always move its own.
        if (zygotes !== process.getuid!()) chownSync(`${path}/tasks`, zygotes, -1);
      }
    } catch (error) {
      for (const path of made) rmdirSync(path);
      throw error;
    }
    this.#files = filesOf(paths);
  }

  begin(limits: CgroupLimits): void {
    this.#wasEntered = false;
    this.#wasFrozen = false;
    this.limit(limits);
    const { peak, cpu, kills } = this.#files;
    peak.write(0);
    this.#before = { cpuNs: Number(cpu.read()), oomKills: kills.readKey('oom_kill') };
  }

  limit(limits: CgroupLimits): void {
    const { memoryBytes, processes, cpus } = limits;
    const now = this.#limits;
    // When a write fails, it is not known what holds.
    this.#limits = unlimited;
    const { memory, pids, cpu } = this.#paths;
    if (memoryBytes !== now.memoryBytes) {
      const bare = `${memory}/memory.limit_in_bytes`;
      // Present only where the kernel accounts swap: then memory must not overflow into it.
      const withSwap = `${memory}/memory.memsw.limit_in_bytes`;
      const files = existsSync(withSwap) ? [bare, withSwap] : [bare];
      // The limit with swap is never below the one without: raising, it goes first.
      if (memoryBytes > Number(read(bare))) files.reverse();
      for (const file of files) write(file, memoryBytes);
      // What lies in internet sockets is counted apart, and only under a limit of its own; version 2 counts it as memory.
      const sockets = `${memory}/memory.kmem.tcp.limit_in_bytes`;
      if (existsSync(sockets)) write(sockets, Math.round(memoryBytes / 8));
    }
    if (processes !== now.processes) write(`${pids}/pids.max`, processes);
    if (cpus !== now.cpus) write(`${cpu}/cpu.cfs_quota_us`, Math.round(cpus * 100_000));
    this.#limits = { memoryBytes, processes, cpus };
  }

  async place({ pid, confined }: PlacedProcess): Promise<void> {
    await confined;
    // It has entered all of them or ended; the group in which processes are counted decides.
    if (tasksOf(this.#paths.pids) !== String(pid)) throw new Error('the sandbox is not alone in its control group');
    this.#wasEntered = true;
  }

  async freeze(): Promise<void> {
    const { state } = this.#files;
    this.#isToFreeze = true;
    this.#wasFrozen = true;
    let told = Number.NEGATIVE_INFINITY;
    const frozen = () => {
      if (!this.#isToFreeze) return true;
      // A parent that is just starting to wait for its vfork misses the order while its child obeys, so the order is repeated.
      if (performance.now() - told > repeatFreezeMs) {
        state.write('FROZEN');
        told = performance.now();
      }
      return state.read() === 'FROZEN';
    };
    await reached(frozen, 'the sandbox did not freeze');
  }

  thaw(): void {
    if (!this.#isToFreeze) return;
    this.#isToFreeze = false;
    this.#files.state.write('THAWED');
  }

  weigh(weight: number): void {
    if (weight === this.#weight) return;
    write(`${this.#paths.cpu}/cpu.shares`, Math.max(2, Math.round(weight * 10.24)));
    this.#weight = weight;
  }

  usage(): SandboxUsage {
    const { peak, kills } = this.#files;
    return {
      cpuMs: this.cpuMs(),
      peakMemoryBytes: Number(peak.read()),
      oomKills: kills.readKey('oom_kill') - this.#before.oomKills,
    };
  }

  cpuMs(): number {
    return (Number(this.#files.cpu.read()) - this.#before.cpuNs) / 1e6;
  }

  memory(): number {
    return Number(this.#files.memory.read());
  }

  release(): Promise<void> {
    this.thaw();
    return this.#onRelease(this);
  }

  isAsNew(): boolean {
    this.weigh(usualWeight);
    const { count, state, memory } = this.#files;
    return (
      this.#wasEntered &&
      // What is in one of its groups is in all of them.
      count.read() === '0' &&
      // Nobody else can freeze it.
      (!this.#wasFrozen || state.read() === 'THAWED') &&
      Number(memory.read()) <= mostMemoryLeft
    );
  }

  async destroy(): Promise<void> {
    for (const file of Object.values(this.#files)) file.close();
    for (const controller of controllers) await removeV1(controller, this.#paths[controller]);
  }
}

/** The files of a group that every sandbox uses. */
interface Files {
  /** Its threads, those that are dead and not reaped too. */
  readonly count: ControlFile;
  readonly state: ControlFile;
  readonly cpu: ControlFile;
  /** Its most bytes since it was last written to. */
  readonly peak: ControlFile;
  readonly memory: ControlFile;
  readonly kills: ControlFile;
}

function filesOf(paths: Paths): Files {
  return {
    count: new ControlFile(`${paths.pids}/pids.current`),
    state: new ControlFile(`${paths.freezer}/freezer.state`, true),
    cpu: new ControlFile(`${paths.cpuacct}/cpuacct.usage`),
    peak: new ControlFile(`${paths.memory}/memory.max_usage_in_bytes`, true),
    memory: new ControlFile(`${paths.memory}/memory.usage_in_bytes`),
    kills: new ControlFile(`${paths.memory}/memory.oom_control`),
  };
}

/** In version 1 only the host's root can move a process of another user, so that user moves it; one write shows whether it worked. */
async function placeAs(user: number, pid: number, files: readonly string[]): Promise<void> {
  for (const file of files) chownSync(file, user, user);
  const script = `for file; do echo ${pid} > "$file" || exit; done`;
  await run('sh', ['-c', script, 'sh', ...files], {
    uid: user,
    gid: user,
    cwd: '/',
    env: childEnvironment('run'),
    timeout: placeDeadlineMs,
  });
}

/** The real user of a process, as this process knows users. */
function userOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
}

function mapPaths(path: (controller: Controller) => string): Paths {
  return Object.fromEntries(controllers.map((controller) => [controller, path(controller)])) as Paths;
}

/** Hosts mount cpu and cpuacct together: one directory serves both. */
function distinct(paths: Paths): string[] {
  return [...new Set(Object.values(paths))];
}
