import type { CgroupLimits } from '../linux/cgroup/index.ts';
import type { SandboxLimits } from '../port.ts';

const MiB = 1024 * 1024;
/** What gVisor itself and the restored libraries take, beside what a program may have. */
const ownBytes = 192 * MiB;
/** Threads of gVisor, and a process of the host for each address space inside with threads of its own. */
const ownProcesses = 512;
const hostProcesses = 4;

/**
 * The control group around a sandbox. It holds gVisor as well: reaching it ends the whole sandbox, so the number of processes is
 * limited inside, where a program hears of it.
 */
export function groupLimits({ memoryBytes, processes, cpus }: SandboxLimits): CgroupLimits {
  return { memoryBytes: memoryBytes + ownBytes, processes: ownProcesses + hostProcesses * processes, cpus };
}
