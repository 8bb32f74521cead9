import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { attack, attacking, expectHeld, hostile } from './attack.ts';

const isFork = `require('fs').readFileSync('/proc/self/cmdline', 'latin1').includes('zygote.cjs')`;

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
  await vi.waitUntil(async () => (await engine.run('javascript', `console.log(${isFork})`)).stdout === 'true\n', {
    timeout: 60_000,
    interval: 200,
  });
}, 90_000);
afterAll(() => engine.close());

describe('forks of one node', attacking('siblings'), () => {
  it('have no random number in common, at once and one after another', attacking('state'), async () => {
    const { language, code } = hostile('state/numbers-of-node.js');
    const numbers = async () => {
      const { stdout, stderr } = await engine.run(language, code);
      expect(stderr).toBe('');
      return stdout.trim().split('\n');
    };
    const runs = [await numbers(), await numbers(), ...(await Promise.all([numbers(), numbers(), numbers()]))];
    const all = runs.flat();
    expect(new Set(runs.map(({ length }) => length)).size).toBe(1);
    expect(runs[0]!.length).toBeGreaterThan(25);
    expect(new Set(all).size).toBe(all.length);
  });

  it('hold no descriptor of their zygote, of each other or of their init', async () => {
    const { language, code } = hostile('siblings/descriptors-of-node.js');
    const seen = async () => {
      const { stdout, stderr } = await engine.run(language, code);
      expect(stderr).toBe('');
      const found = JSON.parse(stdout) as { names: string[]; objects: string[] };
      for (const name of found.names)
        expect(name).toMatch(/^(?:pipe:\[\d+\]|anon_inode:\[event(?:fd|poll)\]|\/dev\/null|\/tmp\/#\d+ \(deleted\))$/);
      return found.objects;
    };
    const runs = await Promise.all([seen(), seen(), seen()]);
    const all = runs.flat();
    expect(all.length).toBeGreaterThan(10);
    expect(new Set(all).size).toBe(all.length);
  });

  it('reach no process but their own', attacking('init'), async () => {
    expectHeld(await attack(engine, 'host/reach-from-node.js'));
  });

  it(
    'harm nobody by writing to every descriptor, ending their threads or forking again',
    attacking('siblings'),
    async () => {
      const other = engine.run('javascript', `setTimeout(() => console.log(${isFork}), 1500)`);
      for (const path of ['siblings/write-everywhere.js', 'siblings/end-threads.js', 'siblings/serve-again.js'])
        await attack(engine, path);
      expect(await other).toMatchObject({ outcome: 'completed', stdout: 'true\n', exitCode: 0 });
      expect(await engine.run('javascript', `console.log(${isFork})`)).toMatchObject({ stdout: 'true\n' });
    },
  );

  it('are bounded as others are', attacking('limits'), async () => {
    const limits = { wallMs: 3000, memoryBytes: 200 * 1024 * 1024, processes: 40 };
    const bomb = await engine.run('javascript', hostile('resources/fork-bomb.js').code, { limits });
    expect(['timed_out', 'out_of_memory', 'completed']).toContain(bomb.outcome);
    const workers = await engine.run('javascript', hostile('resources/worker-bomb.js').code, { limits });
    expect(['timed_out', 'out_of_memory', 'completed']).toContain(workers.outcome);
    const hoard = `const kept = []; for (;;) kept.push(Buffer.alloc(1 << 20, 1));`;
    expect(await engine.run('javascript', hoard, { limits })).toMatchObject({ outcome: 'out_of_memory' });
    const deaf = `process.on('SIGTERM', () => {}); for (;;);`;
    expect(await engine.run('javascript', deaf, { limits })).toMatchObject({ outcome: 'timed_out' });
    expect(await engine.run('javascript', `console.log(${isFork})`)).toMatchObject({ stdout: 'true\n' });
  });
});
