import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBoundFault } from '../../src/sandbox/linux/cgroup/index.ts';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { atPace } from '../support/tier.ts';
import { attack, attacking } from './attack.ts';

const bytesPerSecond = 20 * 1024 * 1024;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine({ diskReadBytes: bytesPerSecond });
});
afterAll(() => engine.close());

describe('the disk of the image', attacking('limits'), () => {
  it('is read no faster than all sandboxes together may', { timeout: atPace(120_000) }, async (context) => {
    const fault = readBoundFault();
    if (fault) context.skip(`the host cannot bound it: ${fault}`);
    const runs = await Promise.all([1, 2].map(() => attack(engine, 'resources/read-disk.py')));
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
