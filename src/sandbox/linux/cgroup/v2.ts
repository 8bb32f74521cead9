import { accessSync, constants, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { SandboxUsage } from '../../port.ts';
import type { Cgroup, CgroupLimits, CgroupTree, Leftovers, PlacedProcess } from './cgroup.ts';
import { ControlFile } from './control-file.ts';
import { children, code, kill, pids, reached, read, removeGroup, sweepGroups, write } from './files.ts';
import type { CgroupHost } from './host.ts';
import { isStale, newInstanceName } from './instance.ts';
import { mostMemoryLeft, type Reusable, Stock, usualWeight } from './stock.ts';

const needed = ['memory', 'pids', 'cpu'];

/** Control groups version 2: one hierarchy. */
export async function openV2(host: CgroupHost): Promise<CgroupTree> {
  const { mount, path } = host.v2!;
  const parent = parentFor(mount, path, host);
  const swept = await sweep(parent);
  enable(parent);
  const own = `${parent}/${newInstanceName()}`;
  mkdirSync(own);
  enable(own);
  const stock = new Stock((name): CgroupV2 => {
    return new CgroupV2(name, `${own}/${name}`, (group) => stock.giveBack(group));
  });
  return {
    swept,
    // To enter one by itself, a process needs the right to leave the group that its zygote is in.
    entrances: [],
    take: (limits) => stock.take(limits),
    boundReads(disk, bytesPerSecond) {
      if (!existsSync(`${own}/io.max`)) throw new Error(ioFault(parent) ?? 'the kernel cannot bound reads of a cgroup');
      write(`${own}/io.max`, `${disk} rbps=${bytesPerSecond}`);
      // The groups of sandboxes are below this one.
      return () => {};
    },
    close: async () => {
      await stock.close();
      await removeGroup(own, () => {});
    },
  };
}

/**
 * Root on the real root of the hierarchy makes a group of its own there. Anyone else needs a delegated subtree: its
 * processes move into a leaf, because a group with processes of its own may not hand controllers down.
 */
function parentFor(mount: string, path: string, host: CgroupHost): string {
  const isHierarchyRoot = !existsSync(`${mount}/cgroup.type`);
  if (host.uid === 0 && isHierarchyRoot) {
    enable(mount);
    const parent = `${mount}/dragoman`;
    mkdirSync(parent, { recursive: true });
    return parent;
  }
  const own = path === '/' ? mount : `${mount}${path}`;
  if (own.endsWith('/dragoman.server')) return own.slice(0, -'/dragoman.server'.length);
  try {
    accessSync(`${own}/cgroup.subtree_control`, constants.W_OK);
    const leaf = `${own}/dragoman.server`;
    mkdirSync(leaf, { recursive: true });
    for (const pid of pids(own)) write(`${leaf}/cgroup.procs`, pid);
  } catch (error) {
    throw new Error(
      `the cgroup ${own} is not delegated to user ${host.uid} (${code(error)}): start the server with ` +
        '"systemd-run --user --scope -p Delegate=yes npm start", or from a unit with Delegate=yes',
    );
  }
  return own;
}

async function sweep(parent: string): Promise<Leftovers> {
  let [sandboxes, processes] = [0, 0];
  const stale: ReturnType<typeof leftoverV2>[] = [];
  for (const name of children(parent).filter(isStale)) {
    for (const child of children(`${parent}/${name}`)) {
      sandboxes++;
      processes += pids(`${parent}/${name}/${child}`).length;
      stale.push(leftoverV2(`${parent}/${name}/${child}`));
    }
    stale.push(leftoverV2(`${parent}/${name}`));
  }
  await sweepGroups(stale);
  return { sandboxes, processes };
}

function enable(group: string): void {
  const available = read(`${group}/cgroup.controllers`).split(' ');
  const missing = needed.filter((controller) => !available.includes(controller));
  if (missing.length > 0)
    throw new Error(`the cgroup v2 controllers ${missing.join(', ')} are not available in ${group}`);
  const enabled = read(`${group}/cgroup.subtree_control`).split(' ');
  const wanted = needed.filter((controller) => !enabled.includes(controller)).map((controller) => `+${controller}`);
  if (wanted.length > 0) write(`${group}/cgroup.subtree_control`, wanted.join(' '));
  // Systems delegate this one more rarely, and the service runs without it.
  if (!available.includes('io') || enabled.includes('io')) return;
  try {
    write(`${group}/cgroup.subtree_control`, '+io');
  } catch {
    // `boundReads` says so.
  }
}

/** Why reads from disks cannot be bounded below a group; undefined: they can, as far as can be told without trying. */
function ioFault(group: string): string | undefined {
  return read(`${group}/cgroup.controllers`).split(' ').includes('io')
    ? undefined
    : `the cgroup v2 controller io is not available in ${group}`;
}

/** The same of the group that this process is in. */
export function ownIoFault({ mount, path }: { mount: string; path: string }): string | undefined {
  return ioFault(path === '/' ? mount : `${mount}${path}`);
}

function leftoverV2(path: string) {
  const killRest = () => {
    if (existsSync(`${path}/cgroup.kill`)) write(`${path}/cgroup.kill`, 1);
    else for (const pid of pids(path)) kill(pid);
  };
  return { path, killRest };
}

async function removeV2(path: string): Promise<void> {
  await removeGroup(path, leftoverV2(path).killRest);
}

/** No sandbox has these: every limit is written. */
const unlimited: CgroupLimits = { memoryBytes: 0, processes: 0, cpus: 0 };

class CgroupV2 implements Cgroup, Reusable {
  readonly name: string;
  readonly #path: string;
  readonly #onRelease: (group: CgroupV2) => Promise<void>;
  readonly #files: Files;
  #limits = unlimited;
  #weight = usualWeight;
  #isToFreeze = false;
  /** Its sandbox was in it, so none can still be on its way. */
  #wasEntered = false;
  /** Its peak counts from its last sandbox's beginning, or there is none to be read. */
  #hasOwnPeak = false;
  /** What had been used when its sandbox began. */
  #before = { cpuUs: 0, oomKills: 0 };

  constructor(name: string, path: string, onRelease: (group: CgroupV2) => Promise<void>) {
    this.name = name;
    this.#path = path;
    this.#onRelease = onRelease;
    mkdirSync(path);
    try {
      if (existsSync(`${path}/memory.swap.max`)) write(`${path}/memory.swap.max`, 0);
    } catch (error) {
      rmdirSync(path);
      throw error;
    }
    this.#files = filesOf(path);
  }

  begin(limits: CgroupLimits): void {
    this.#wasEntered = false;
    this.limit(limits);
    const { cpu, kills } = this.#files;
    this.#before = { cpuUs: cpu.readKey('usage_usec'), oomKills: kills.readKey('oom_kill') };
    this.#hasOwnPeak = this.#resetPeak();
  }

  limit(limits: CgroupLimits): void {
    const { memoryBytes, processes, cpus } = limits;
    const now = this.#limits;
    // When a write fails, it is not known what holds.
    this.#limits = unlimited;
    if (memoryBytes !== now.memoryBytes) write(`${this.#path}/memory.max`, memoryBytes);
    if (processes !== now.processes) write(`${this.#path}/pids.max`, processes);
    if (cpus !== now.cpus) write(`${this.#path}/cpu.max`, `${Math.round(cpus * 100_000)} 100000`);
    this.#limits = { memoryBytes, processes, cpus };
  }

  async place({ pid, confined }: PlacedProcess): Promise<void> {
    await Promise.all([writeFile(`${this.#path}/cgroup.procs`, String(pid)), confined]);
    this.#wasEntered = true;
  }

  async freeze(): Promise<void> {
    this.#isToFreeze = true;
    write(`${this.#path}/cgroup.freeze`, 1);
    const isFrozen = () => this.#files.events.readKey('frozen') === 1;
    await reached(() => !this.#isToFreeze || isFrozen(), 'the sandbox did not freeze');
  }

  thaw(): void {
    if (!this.#isToFreeze) return;
    this.#isToFreeze = false;
    write(`${this.#path}/cgroup.freeze`, 0);
  }

  weigh(weight: number): void {
    if (weight === this.#weight) return;
    write(`${this.#path}/cpu.weight`, Math.max(1, Math.round(weight)));
    this.#weight = weight;
  }

  usage(): SandboxUsage {
    const { kills, peak, current } = this.#files;
    return {
      cpuMs: this.cpuMs(),
      peakMemoryBytes: Number((peak ?? current).read()),
      oomKills: kills.readKey('oom_kill') - this.#before.oomKills,
    };
  }

  cpuMs(): number {
    return (this.#files.cpu.readKey('usage_usec') - this.#before.cpuUs) / 1000;
  }

  memory(): number {
    return Number(this.#files.current.read());
  }

  release(): Promise<void> {
    this.thaw();
    return this.#onRelease(this);
  }

  isAsNew(): boolean {
    this.weigh(usualWeight);
    const { events, current } = this.#files;
    return (
      this.#wasEntered &&
      this.#hasOwnPeak &&
      !/^(populated|frozen) [^0]/m.test(events.read()) &&
      Number(current.read()) <= mostMemoryLeft
    );
  }

  async destroy(): Promise<void> {
    for (const file of Object.values(this.#files)) file?.close();
    await removeV2(this.#path);
  }

  /** Since Linux 6.12 a peak can be made to count again, for the one descriptor that is written to. */
  #resetPeak(): boolean {
    const { peak } = this.#files;
    try {
      peak?.write('reset');
      return true;
    } catch {
      return false;
    }
  }
}

/** The files of a group that every sandbox uses. */
interface Files {
  readonly events: ControlFile;
  readonly cpu: ControlFile;
  readonly kills: ControlFile;
  readonly current: ControlFile;
  /** Undefined before Linux 5.19: those kernels only tell the present use. */
  readonly peak: ControlFile | undefined;
}

function filesOf(path: string): Files {
  return {
    events: new ControlFile(`${path}/cgroup.events`),
    cpu: new ControlFile(`${path}/cpu.stat`),
    kills: new ControlFile(`${path}/memory.events`),
    current: new ControlFile(`${path}/memory.current`),
    peak: existsSync(`${path}/memory.peak`) ? new ControlFile(`${path}/memory.peak`, true) : undefined,
  };
}
