import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { attacking, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const good = [
  'print(1)',
  'import pandas as pd\npd.DataFrame({"a": [1]}).to_csv("a.csv")',
  'import subprocess\nsubprocess.run(["true"])',
];
const programs = [
  'resources/fork-bomb.py',
  'resources/memory-bomb.py',
  'resources/daemon.py',
  'resources/flood-stdout.py',
  'results/break-protocol.py',
  'outputs/tricks.py',
];

it('are none: processes, control groups, descriptors, mounts', attacking('leftovers'), async () => {
  await mixedBatch();
  const before = await settled();
  for (let round = 0; round < 3; round++) await mixedBatch();
  const after = await settled();
  expect(after).toEqual(before);
  // Those that wait for their next sandbox: at most 16, in five hierarchies on a host with version 1, and nothing is in them.
  expect(groups().filter(isEmpty).length).toBeLessThanOrEqual(16 * 5);
});

async function mixedBatch(): Promise<void> {
  await Promise.all([
    ...good.map((code) => engine.run('python', code)),
    engine.run('bash', 'sleep 100 & echo left'),
    engine.run('javascript', 'console.log(1)'),
  ]);
  for (const path of programs) {
    const { language, code } = hostile(path);
    await engine.run(language, code, { args: ['junk'], limits: { wallMs: 800 } });
  }
}

/** Processes, groups and mounts once the pool is full and no sandbox is being destroyed. */
async function settled(): Promise<Record<string, number>> {
  let last = '';
  for (let same = 0; same < 4; await new Promise((resolve) => setTimeout(resolve, 250))) {
    const now = JSON.stringify(census());
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return JSON.parse(last);
}

function census(): Record<string, number> {
  const { live, parked } = engine.engine.census();
  return {
    live,
    parked: Object.values(parked).reduce((sum, count) => sum + count),
    descendants: descendants(process.pid),
    groups: groups().filter((group) => !isEmpty(group)).length,
    descriptors: descriptors().length,
    mounts: mounts(),
  };
}

/** Mounts of images and of what sandboxes mount. Other programs on this machine mount and unmount as well. */
function mounts(): number {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.filter((line) => / \/(mnt|opt|srv|media|dev\/shm)\b|dragoman|images\//.test(line)).length;
}

function descendants(pid: number): number {
  let count = 0;
  const visit = (parent: number): void => {
    for (const task of readdirSync(`/proc/${parent}/task`)) {
      const path = `/proc/${parent}/task/${task}/children`;
      const children = existsSync(path) ? readFileSync(path, 'utf8').split(' ').filter(Boolean).map(Number) : [];
      for (const child of children) {
        count++;
        try {
          visit(child);
        } catch {
          // It has ended meanwhile; the next census tells.
        }
      }
    }
  };
  visit(pid);
  return count;
}

/** Open files but those of control groups, which stay open as long as the groups. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return !readlinkSync(`/proc/self/fd/${fd}`).startsWith('/sys/fs/cgroup/');
    } catch {
      return true; // The one that this reads the list by.
    }
  });
}

function isEmpty(group: string): boolean {
  return readFileSync(`${group}/cgroup.procs`, 'latin1') === '';
}

/** The groups of sandboxes. */
function groups(): string[] {
  const name = new RegExp(`^dragoman\\.${process.pid}\\.`);
  const found: string[] = [];
  const visit = (dir: string, depth: number, own: boolean): void => {
    for (const entry of entries(dir)) {
      if (!entry.isDirectory()) continue;
      if (own) found.push(`${dir}/${entry.name}`);
      if (depth > 0) visit(`${dir}/${entry.name}`, depth - 1, own || name.test(entry.name));
    }
  };
  visit('/sys/fs/cgroup', 4, false);
  return found;
}

function entries(dir: string) {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return []; // Another test's server has ended meanwhile.
  }
}
