import type { CgroupTree } from './cgroup.ts';
import { cgroupHost } from './host.ts';
import { blkioFault, openV1 } from './v1.ts';
import { openV2, ownIoFault } from './v2.ts';

export type { Cgroup, CgroupLimits, CgroupTree } from './cgroup.ts';
export { diskOf } from './disk.ts';
export { cgroupHost } from './host.ts';

/**
 * Opens a subtree for this server, first removing those of servers that died.
 * @param zygotes the user that zygotes run as, as an id of this process' namespace
 * @throws Error naming what the host lacks
 */
export async function openCgroups(zygotes: number): Promise<CgroupTree> {
  const host = cgroupHost();
  if (host.version === undefined) throw new Error('the host has no cgroup memory controller mounted');
  return host.version === 1 ? openV1(host, zygotes) : openV2(host);
}

/** Why reads of sandboxes from disks cannot be bounded on this host; undefined: they can. */
export function readBoundFault(): string | undefined {
  const host = cgroupHost();
  return host.version === 2 ? ownIoFault(host.v2!) : blkioFault(host);
}
