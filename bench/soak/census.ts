import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from '../../test/support/processes.ts';
import type { TestServer } from '../../test/support/server.ts';

/** A busy machine takes its time to end what has to go. */
const settleMs = 60_000;

/** What a server holds of the host, by name. */
export type Census = Readonly<Record<string, number>>;

export function census({ pid, dataDir }: TestServer): Census {
  const below = descendants(pid);
  return {
    processes: below.length,
    descriptors: descriptors(pid),
    // The server itself mounts nothing, and the mounts of the host are of others too.
    'mount namespaces': new Set(below.map((each) => link(`/proc/${each.pid}/ns/mnt`))).size,
    groups: groups(pid),
    'files half written': readdirSync(`${dataDir}/files/incoming`).length,
  };
}

/** Waits until nothing changes any more: the pool is full and nothing is being torn down. */
export async function settled(server: TestServer): Promise<Census> {
  const end = performance.now() + settleMs;
  let now = census(server);
  for (let same = 0; same < 12 && performance.now() < end; ) {
    await sleep(250);
    const next = census(server);
    same = JSON.stringify(next) === JSON.stringify(now) ? same + 1 : 0;
    now = next;
  }
  return now;
}

/** Waits until nothing is left over: the server holds no more than before. What is left over all the same, by name. */
export async function leftOver(server: TestServer, before: Census): Promise<{ after: Census; names: string[] }> {
  const end = performance.now() + settleMs;
  for (;;) {
    const after = census(server);
    const names = Object.keys(before).filter((name) => after[name]! > before[name]!);
    if (names.length === 0 || performance.now() > end) return { after, names };
    await sleep(250);
  }
}

export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/**
 * Clients' connections come and go by their own clocks; a thread starts with its first use, and nothing else holds both ends of a pipe;
 * files of control groups stay open as long as the groups.
 */
function descriptors(pid: number): number {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => link(`/proc/${pid}/fd/${fd}`));
  const ofThreads = new Set(['anon_inode:[eventpoll]', 'anon_inode:[io_uring]', 'anon_inode:[eventfd]']);
  const pipes = targets.filter((target) => target.startsWith('pipe:'));
  for (const pipe of pipes) if (pipes.indexOf(pipe) !== pipes.lastIndexOf(pipe)) ofThreads.add(pipe);
  return targets.filter(
    (target) => target && !/^(?:socket:|\/sys\/fs\/cgroup\/)/.test(target) && !ofThreads.has(target),
  ).length;
}

/** Control groups of a server's sandboxes with processes in them, in all hierarchies. */
function groups(pid: number): number {
  const prefix = `dragoman.${pid}.`;
  const visit = (dir: string, depth: number, own: boolean): number => {
    let count = 0;
    for (const { name } of directories(dir)) {
      if (own && !isEmpty(`${dir}/${name}`)) count++;
      if (depth > 0) count += visit(`${dir}/${name}`, depth - 1, own || name.startsWith(prefix));
    }
    return count;
  };
  return visit('/sys/fs/cgroup', 4, false);
}

/** Empty groups wait for their next sandbox: at most 16. */
function isEmpty(group: string): boolean {
  try {
    return readFileSync(`${group}/cgroup.procs`, 'latin1') === '';
  } catch {
    return true; // It has gone meanwhile.
  }
}

/** Where a link leads; empty when it has gone meanwhile. */
function link(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function directories(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch {
    return []; // It has gone meanwhile.
  }
}
