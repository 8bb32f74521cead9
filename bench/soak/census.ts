import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants } from '../../test/support/processes.ts';
import type { TestServer } from '../../test/support/server.ts';

/** What a server holds of the host, by name. */
export type Census = Readonly<Record<string, number>>;

export function census({ pid, dataDir }: TestServer): Census {
  const descriptors = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return {
    processes: descendants(pid).length,
    // Clients' connections come and go by their own clocks.
    descriptors: descriptors.filter((target) => target !== '' && !target.startsWith('socket:')).length,
    mounts: readFileSync(`/proc/${pid}/mountinfo`, 'utf8').split('\n').length,
    groups: groups(pid),
    'files half written': readdirSync(`${dataDir}/files/incoming`).length,
  };
}

/** Waits until nothing changes any more: the pool is full and nothing is being torn down. */
export async function settled(server: TestServer): Promise<Census> {
  let last = '';
  for (let same = 0, tries = 0; same < 6 && tries < 120; tries++) {
    await sleep(250);
    const now = JSON.stringify(census(server));
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return JSON.parse(last);
}

export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
}

/** Control groups of a server's sandboxes, in all hierarchies. */
function groups(pid: number): number {
  const prefix = `dragoman.${pid}.`;
  const visit = (dir: string, depth: number, own: boolean): number => {
    let count = 0;
    for (const { name } of directories(dir)) {
      if (own) count++;
      if (depth > 0) count += visit(`${dir}/${name}`, depth - 1, own || name.startsWith(prefix));
    }
    return count;
  };
  return visit('/sys/fs/cgroup', 4, false);
}

function directories(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  } catch {
    return []; // It has gone meanwhile.
  }
}
