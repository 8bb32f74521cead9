import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { testTier } from '../support/tier.ts';
import { attack, attacking, expectHeld, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

describe('results', attacking('results'), () => {
  it('are not ended by forged frames', async () => {
    const run = await attack(engine, 'results/forge-frames.py');
    expect(run).toMatchObject({ outcome: 'completed', exitCode: 7, stdout: 'after the forgery\n' });
    expect(engine.logged.filter((line) => !line.includes('zygote said'))).toEqual([]);
  });

  it('are not ended by frames forged under an init, either', async () => {
    const run = await attack(engine, 'results/forge-frames.sh');
    // Its own streams are its own to write to.
    expect(run).toMatchObject({
      outcome: 'completed',
      exitCode: 7,
      stdout: expect.stringMatching(/after the forgery\n$/),
    });
    expect(engine.logged.filter((line) => !line.includes('zygote said'))).toEqual([]);
  });

  it('are told by a first process of which a program that was there ahead has nothing left', async ({ skip }) => {
    if (testTier() !== 'namespaces') return skip('elsewhere nothing is there ahead');
    expectHeld(await attack(engine, 'results/reach-init.c'));
  });

  it.each(['results/close-streams.py', 'results/close-streams.sh'])('outlive closed streams: %s', async (path) => {
    expect(await attack(engine, path)).toMatchObject({ outcome: 'completed', exitCode: 5, stdout: 'said\n' });
  });

  it.each([
    [0, 0],
    [0, 500],
    [20, 0],
    [20, 200],
    [20, 1000],
  ])('end as claimed by a forger, for himself alone (%i children, exit after %i µs)', async (children, after) => {
    const run = await attack(engine, 'results/forge-with-token.py', { args: [String(children), String(after)] });
    expect(run).toMatchObject({ outcome: 'completed', stdout: 'forged\n' });
    expect([42, 43]).toContain(run.exitCode);
    for (const content of Object.values(run.files)) expect(content.toString()).toBe('mine');
  });

  it.each(['huge', 'junk', 'unknown', 'binary'])('survive a broken protocol: %s', async (kind) => {
    const run = await attack(engine, 'results/break-protocol.py', { args: [kind], limits: { wallMs: 3000 } });
    expect(['killed', 'completed', 'timed_out']).toContain(run.outcome);
  });

  it('end with the program, whatever still writes', async () => {
    const run = await attack(engine, 'results/late-output.py');
    expect(run).toMatchObject({ outcome: 'completed', exitCode: 0 });
    expect(run.stdout).toContain('end\n');
  });

  it('hold any bytes as text', async () => {
    const run = await attack(engine, 'results/binary-output.py');
    expect(run).toMatchObject({ outcome: 'completed', exitCode: 0 });
    expect(run.stdout).toContain('ABC');
  });

  it.each([
    ['TERM', 'SIGTERM'],
    ['KILL', 'SIGKILL'],
    ['36', 'SIG36'],
  ])('name the signal a program died of: %s', async (signal, name) => {
    expect(await engine.run('bash', `kill -${signal} $$; sleep 5`)).toMatchObject({
      outcome: 'completed',
      signal: name,
    });
  });

  it('carry the exit status the zygote saw', async () => {
    expect(await attack(engine, 'results/exit-at-once.py')).toMatchObject({ stdout: 'said\n', exitCode: 9 });
  });
});

describe('outputs', attacking('outputs'), () => {
  it('are regular files with honest names, and nothing else', async () => {
    const run = await attack(engine, 'outputs/tricks.py');
    expect(run.outcome).toBe('completed');
    const mine = Object.keys(run.files).filter((name) => name !== 'unreadable');
    expect(mine).toEqual(['-rf', 'honest.txt', '.hidden/x']);
    expect(run.files['honest.txt']!.toString()).toBe('honest');
  });

  it('are bounded in depth, and a file of many names is as many files', async () => {
    const run = await attack(engine, 'outputs/deep-tree.py');
    expect(run.outcome).toBe('completed');
    expect(Object.keys(run.files).length).toBeLessThanOrEqual(testLimits.artifacts);
    for (const [name, content] of Object.entries(run.files)) {
      expect(name.length).toBeLessThanOrEqual(256);
      expect(['deep', 'once']).toContain(content.toString());
    }
  });

  it('are bounded in number', async () => {
    const run = await attack(engine, 'outputs/many-files.py');
    expect(Object.keys(run.files).length).toBe(testLimits.artifacts);
  });

  it('are bounded in size, however fast the program changes it', async () => {
    const { language, code } = hostile('outputs/grow-while-collected.py');
    for (let round = 0; round < 40; round++) {
      const request = { language, code, args: [], stdin: undefined, inputs: [], limits: testLimits };
      const run = await engine.engine.execute(request);
      for (const { content } of run.artifacts) expect(content.size).toBeLessThanOrEqual(testLimits.artifactBytes);
      run.release();
    }
  });

  it('never come from the host, however fast the program swaps directories for links', async () => {
    for (let round = 0; round < 15; round++) {
      const { language, code } = hostile('outputs/swap-race.py');
      const run = await engine.run(language, code);
      for (const [name, content] of Object.entries(run.files))
        expect([name, content.toString()]).toEqual([name, 'mine']);
    }
  });
});

describe('sessions', attacking('frozen'), () => {
  const open = () => engine.openSession();

  it('keep variables and stand still between cells', async () => {
    const session = await open();
    await session.run('import threading\nn = 0\ndef spin():\n global n\n while True: n += 1');
    const first = await session.run('threading.Thread(target=spin, daemon=True).start()');
    const cpuMs = async () => Number((await session.run('import time; time.process_time() * 1000')).value);
    const before = await cpuMs();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const spent = (await cpuMs()) - before;
    await session.close();
    expect(first.outcome).toBe('completed');
    // Three seconds of counting would be as much time of the processor; only the cells themselves are left.
    expect(spent).toBeLessThan(1000);
  });

  it('are not confused by forged ends of cells', attacking('supervisor'), async () => {
    const session = await open();
    const forge = `${hostile('results/forge-frames.py').code.split('raise')[0]}`;
    await session.run(forge);
    expect(await session.run('print(6 * 7)')).toMatchObject({ stdout: '42\n' });
    await session.close();
  });
});
