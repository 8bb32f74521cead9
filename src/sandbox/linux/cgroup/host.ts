import { readFileSync } from 'node:fs';
import { outsideUser, ownUserMap } from '../user-map.ts';

/** Where this process stands in the host's control groups. */
export interface CgroupHost {
  /** The user the host knows this process by: not root's number, where it is root of a user namespace of its own. */
  readonly uid: number;
  /** Per v1 controller: its mount point and the process' group within it. */
  readonly v1: ReadonlyMap<string, { mount: string; path: string }>;
  readonly v2: { mount: string; path: string } | undefined;
  /** The version whose hierarchy has the memory controller; undefined when none has. */
  readonly version: 1 | 2 | undefined;
}

/** Reads the process' control groups from /proc; on a hybrid host the memory controller decides the version. */
export function cgroupHost(): CgroupHost {
  const uid = outsideUser(ownUserMap(), process.getuid!())!;
  return parseCgroupHost(readFileSync('/proc/self/mountinfo', 'utf8'), readFileSync('/proc/self/cgroup', 'utf8'), uid);
}

/** The pure half of `cgroupHost`: both arguments as /proc/self/mountinfo and /proc/self/cgroup show them. */
export function parseCgroupHost(mountinfo: string, cgroup: string, uid: number): CgroupHost {
  const own = new Map<string, string>();
  for (const line of cgroup.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === undefined || path === undefined) continue;
    for (const name of names === '' ? [''] : names.split(',')) own.set(name, path);
  }
  const v1 = new Map<string, { mount: string; path: string }>();
  let v2: { mount: string; path: string } | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ');
    if (!before || !after) continue;
    const [, , , root, mount] = before.split(' ');
    const [kind, , options] = after.split(' ');
    if (!root || !mount) continue;
    // A hierarchy may be mounted again later, in a root for containers for example, and that mount may go at any time.
    if (kind === 'cgroup2') v2 ??= { mount, path: within(own.get('') ?? '/', root) };
    if (kind === 'cgroup') {
      for (const option of (options ?? '').split(',')) {
        const path = own.get(option);
        if (path !== undefined && !v1.has(option)) v1.set(option, { mount, path: within(path, root) });
      }
    }
  }
  return { uid, v1, v2, version: v1.has('memory') ? 1 : v2 ? 2 : undefined };
}

/** In a container the hierarchy's mount may begin at the container's own group. */
function within(path: string, root: string): string {
  if (root === '/' || !path.startsWith(root)) return path;
  return path.slice(root.length) || '/';
}
