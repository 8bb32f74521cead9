import { accessSync, constants, existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import type { SandboxUsage } from '../../port.ts';
import type { Cgroup, CgroupLimits, CgroupTree, Leftovers, PlacedProcess } from './cgroup.ts';
import { children, code, kill, pids, reached, read, readKey, removeGroup, write } from './files.ts';
import type { CgroupHost } from './host.ts';
import { instanceName, isStale } from './instance.ts';

const needed = ['memory', 'pids', 'cpu'];

/** Control groups version 2: one hierarchy. */
export async function openV2(host: CgroupHost): Promise<CgroupTree> {
  const { mount, path } = host.v2!;
  const parent = parentFor(mount, path, host);
  const swept = await sweep(parent);
  enable(parent);
  const own = `${parent}/${instanceName()}`;
  mkdirSync(own);
  enable(own);
  return {
    swept,
    create: (id, limits) => new CgroupV2(`${own}/${id}`, limits),
    boundReads(disk, bytesPerSecond) {
      if (!existsSync(`${own}/io.max`)) throw new Error(ioFault(parent) ?? 'the kernel cannot bound reads of a cgroup');
      write(`${own}/io.max`, `${disk} rbps=${bytesPerSecond}`);
      // The groups of sandboxes are below this one.
      return () => {};
    },
    close: () => removeGroup(own, () => {}),
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
  for (const name of children(parent).filter(isStale)) {
    for (const child of children(`${parent}/${name}`)) {
      sandboxes++;
      processes += pids(`${parent}/${name}/${child}`).length;
      await removeV2(`${parent}/${name}/${child}`);
    }
    await removeV2(`${parent}/${name}`);
  }
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

async function removeV2(path: string): Promise<void> {
  await removeGroup(path, () => {
    if (existsSync(`${path}/cgroup.kill`)) write(`${path}/cgroup.kill`, 1);
    else for (const pid of pids(path)) kill(pid);
  });
}

class CgroupV2 implements Cgroup {
  readonly #path: string;
  #isToFreeze = false;

  constructor(path: string, limits: CgroupLimits) {
    this.#path = path;
    mkdirSync(path);
    try {
      if (existsSync(`${path}/memory.swap.max`)) write(`${path}/memory.swap.max`, 0);
      this.limit(limits);
    } catch (error) {
      rmdirSync(path);
      throw error;
    }
  }

  limit({ memoryBytes, processes, cpus }: CgroupLimits): void {
    write(`${this.#path}/memory.max`, memoryBytes);
    write(`${this.#path}/pids.max`, processes);
    write(`${this.#path}/cpu.max`, `${Math.round(cpus * 100_000)} 100000`);
  }

  place({ pid }: PlacedProcess): Promise<void> {
    return writeFile(`${this.#path}/cgroup.procs`, String(pid));
  }

  async freeze(): Promise<void> {
    this.#isToFreeze = true;
    write(`${this.#path}/cgroup.freeze`, 1);
    const isFrozen = () => readKey(`${this.#path}/cgroup.events`, 'frozen') === 1;
    await reached(() => !this.#isToFreeze || isFrozen(), 'the sandbox did not freeze');
  }

  thaw(): void {
    this.#isToFreeze = false;
    write(`${this.#path}/cgroup.freeze`, 0);
  }

  weigh(weight: number): void {
    write(`${this.#path}/cpu.weight`, Math.max(1, Math.round(weight)));
  }

  usage(): SandboxUsage {
    return {
      cpuMs: readKey(`${this.#path}/cpu.stat`, 'usage_usec') / 1000,
      peakMemoryBytes: this.#peak(),
      oomKills: readKey(`${this.#path}/memory.events`, 'oom_kill'),
    };
  }

  remove(): Promise<void> {
    return removeV2(this.#path);
  }

  #peak(): number {
    // memory.peak came with Linux 5.19; older kernels only tell the present use.
    const peak = `${this.#path}/memory.peak`;
    return Number(read(existsSync(peak) ? peak : `${this.#path}/memory.current`));
  }
}
