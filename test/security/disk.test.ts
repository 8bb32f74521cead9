import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBoundFault } from '../../src/sandbox/linux/cgroup/index.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { imageRoot, machineFilesOf } from '../support/image.ts';
import { atPace, nature } from '../support/tier.ts';
import { kernels } from '../support/tier-processes.ts';
import { attack, attacking } from './attack.ts';

const bytesPerSecond = Math.floor((20 * 1024 * 1024) / nature.pace);

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine({ diskReadBytes: bytesPerSecond });
});
afterAll(() => engine.close());

/** The largest file of the image, none of which is in the page cache then, nor the packed image that machines read. */
async function uncachedFile(): Promise<string> {
  const root = await imageRoot();
  const find = ['-xdev', '-type', 'f', '-size', '+60M', '-printf', '%s %P\\n'];
  const sizes = execFileSync('find', [root, ...find], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const [largest] = sizes.sort((one, other) => Number.parseInt(other, 10) - Number.parseInt(one, 10));
  const path = largest!.slice(largest!.indexOf(' ') + 1);
  const source = nature.readsPackedImage ? (await machineFilesOf()).root : `${root}/${path}`;
  execFileSync('dd', [`if=${source}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  return `/${path}`;
}

/** How many bytes a second the host read for kernels of sandboxes, while something was under way. What waits for its turn counts as read. */
async function readEachSecond(work: () => Promise<unknown>): Promise<number> {
  const read = new Map<number, number>();
  const look = () => {
    for (const pid of kernels()) read.set(pid, bytesRead(pid) ?? read.get(pid) ?? 0);
  };
  const sum = () => [...read.values()].reduce((total, each) => total + each, 0);
  look();
  const [before, start] = [sum(), performance.now()];
  const timer = setInterval(look, 50);
  await work().finally(() => clearInterval(timer));
  return (sum() - before) / ((performance.now() - start) / 1000);
}

/** From disks, by this process. Undefined: it has ended. */
function bytesRead(pid: number): number | undefined {
  try {
    return Number(/^read_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
  } catch {
    return undefined;
  }
}

describe('the disk of the image', attacking('limits'), () => {
  it('is read no faster than all sandboxes together may', { timeout: atPace(120_000) }, async (context) => {
    const fault = readBoundFault();
    if (fault) context.skip(`the host cannot bound it: ${fault}`);
    if (nature.readsPackedImage) {
      const args = ['cached', await uncachedFile()];
      const rate = await readEachSecond(() =>
        Promise.all([1, 2].map(() => attack(engine, 'resources/read-disk.py', { args }))),
      );
      expect(rate).toBeLessThan(3 * bytesPerSecond);
      expect(rate).toBeGreaterThan(0);
      return;
    }
    const args = nature.readsPastCache ? [] : [await uncachedFile()];
    const runs = await Promise.all([1, 2].map(() => attack(engine, 'resources/read-disk.py', { args })));
    const rates = runs.map(({ stdout }) => Number(/^(\d+) bytes a second$/m.exec(stdout)?.[1]));
    // Without the bound it is hundreds of MB.
    expect(rates[0]! + rates[1]!).toBeLessThan(3 * bytesPerSecond);
    expect(rates[0]! + rates[1]!).toBeGreaterThan(0);
  });
});

describe('a workspace that looks larger than it is', attacking('storage'), () => {
  it.each(['outputs/holes.py', 'outputs/hard-links.py'])('is collected up to its real size: %s', async (path) => {
    const run = await attack(engine, path);
    expect(run).toMatchObject({ outcome: 'completed', stdout: 'made\n', artifactsTruncated: true });
    const bytes = Object.values(run.files).reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(bytes).toBeLessThanOrEqual(testLimits.workspaceBytes);
    expect(run.files['small.txt']?.toString()).toBe('small');
  });
});
