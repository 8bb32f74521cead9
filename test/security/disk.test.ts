import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBoundFault } from '../../src/sandbox/linux/cgroup/index.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { imageRoot } from '../support/image.ts';
import { atPace, nature } from '../support/tier.ts';
import { attack, attacking } from './attack.ts';

const bytesPerSecond = 20 * 1024 * 1024;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine({ diskReadBytes: bytesPerSecond });
});
afterAll(() => engine.close());

/** The largest file of the image, none of which is in the page cache then. */
async function uncachedFile(): Promise<string> {
  const root = await imageRoot();
  const find = ['-xdev', '-type', 'f', '-size', '+60M', '-printf', '%s %P\\n'];
  const sizes = execFileSync('find', [root, ...find], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const [largest] = sizes.sort((one, other) => Number.parseInt(other, 10) - Number.parseInt(one, 10));
  const path = largest!.slice(largest!.indexOf(' ') + 1);
  execFileSync('dd', [`if=${root}/${path}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
  return `/${path}`;
}

describe('the disk of the image', attacking('limits'), () => {
  it('is read no faster than all sandboxes together may', { timeout: atPace(120_000) }, async (context) => {
    const fault = readBoundFault();
    if (fault) context.skip(`the host cannot bound it: ${fault}`);
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
