import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { descendants } from '../support/processes.ts';
import { atPace, nature } from '../support/tier.ts';
import { attack, attacking, expectHeld, hostile } from './attack.ts';

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(() => engine.close());

const short = { limits: { wallMs: 1500 } };

describe('processes', attacking('limits'), () => {
  it.each(['resources/fork-bomb.py', 'resources/fork-bomb.sh'])('end at a limit: %s', async (path) => {
    expect(await attack(engine, path, short)).toMatchObject({ outcome: 'timed_out' });
  });

  it('and threads, too', async () => {
    expect(await attack(engine, 'resources/thread-bomb.py')).toMatchObject({ stdout: 'threads ended at a limit\n' });
  });

  it('do not outlive the run', { timeout: atPace(90_000) }, async () => {
    const run = await attack(engine, 'resources/daemon.py');
    expect(run).toMatchObject({ outcome: 'completed', stdout: expect.stringContaining('left\n') });
    await vi.waitUntil(() => named('outliving') === 0, { timeout: atPace(30_000) });
    // In a kernel of its own it ends with that: leftovers.test.ts counts those.
    if (!nature.showsPrograms) return;
    // It would be found: one in a live session is, until that ends.
    const session = await engine.openSession();
    expect(await session.run(hostile('resources/daemon.py').code)).toMatchObject({ outcome: 'completed' });
    expect(named('outliving')).toBe(1);
    await session.close();
    await vi.waitUntil(() => named('outliving') === 0, { timeout: atPace(30_000) });
  });
});

describe('memory', attacking('limits'), () => {
  it('ends the program that takes too much, and says so', async () => {
    const run = await attack(engine, 'resources/memory-bomb.py');
    if (nature.tellsOfMemory)
      expect(run).toMatchObject({ outcome: 'completed', exitCode: 1, stderr: expect.stringContaining('MemoryError') });
    else expect(run).toMatchObject({ outcome: 'out_of_memory', exitCode: null });
  });

  it('may take a child and leave its parent', async () => {
    const run = await attack(engine, 'resources/memory-bomb-in-child.py');
    expect(run).toMatchObject({ outcome: 'completed', stdout: `child ended with ${nature.tellsOfMemory ? 1 : -9}\n` });
  });

  it('is limited in sockets, too, which the kernel may count apart', async () => {
    const before = socketMemory();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, socketMemory() - before);
    }, 5);
    const run = await attack(engine, 'resources/fill-sockets.py', { args: ['100'] });
    clearInterval(watch);
    expect(['completed', 'out_of_memory']).toContain(run.outcome);
    expect(most).toBeLessThan(testLimits.memoryBytes);
  });

  it.each(['pipes', 'local_sockets', 'messages', 'segments'])(
    'counts what the kernel holds for a program: %s',
    async (what) => {
      const run = await attack(engine, 'resources/fill-kernel-memory.py', { args: [what] });
      // Pipes end at a number of pages for each user; the others only with the memory.
      expect(run.outcome).toBe(what === 'pipes' && !nature.hasOwnPools ? 'completed' : 'out_of_memory');
      expect(run.usage.peakMemoryBytes).toBeLessThanOrEqual(testLimits.memoryBytes);
    },
  );

  it('is never used up by full file systems', async () => {
    const run = await attack(engine, 'resources/fill-everything-at-once.py');
    expect(run).toMatchObject({ outcome: 'completed', stdout: 'all full, still here\n' });
  });
});

describe('disk', attacking('limits'), () => {
  it('ends at the size of each file system', async () => {
    const run = await attack(engine, 'resources/fill-file-systems.py');
    expect(run.stdout).toBe('/mnt/data ENOSPC\n/tmp ENOSPC\n/dev/shm ENOSPC\n');
  });

  it('ends at a number of files', async () => {
    const run = await attack(engine, 'resources/exhaust-inodes.py');
    // In scratch space of a kernel of its own they end with the memory or the time.
    if (nature.hasOwnPools) expect(run.stdout).toMatch(/^\/mnt\/data ENOSPC\n(\/tmp ENOSPC\n)?(\/dev\/shm ENOSPC\n)?$/);
    else expect(run.stdout).toBe('/mnt/data ENOSPC\n/tmp ENOSPC\n/dev/shm ENOSPC\n');
  });

  it('holds no core dump', async () => {
    const run = await attack(engine, 'resources/dump-core.py');
    expect(run).toMatchObject({ outcome: 'completed', signal: 'SIGSEGV', files: {} });
  });
});

describe('output', attacking('limits'), () => {
  it.each(['resources/flood-stdout.py', 'resources/flood-stderr.py'])('is cut, then stopped: %s', async (path) => {
    const run = await attack(engine, path);
    expect(run).toMatchObject({ outcome: 'output_limit', truncated: true });
    expect(run.stdout.length + run.stderr.length).toBeLessThan(70_000);
  });
});

describe('the service', attacking('limits'), () => {
  it('does not pay for output by the byte', async () => {
    const memory = process.memoryUsage().rss;
    const start = process.cpuUsage();
    const run = await attack(engine, 'resources/write-byte-by-byte.py', { limits: { wallMs: 3000 } });
    const { user, system } = process.cpuUsage(start);
    expect(run).toMatchObject({ outcome: 'timed_out' });
    expect(run.stdout).toMatch(/^x+$/);
    // Hearing of each byte took half a processor and 50 MB a second.
    expect((user + system) / 1000).toBeLessThan(1000);
    expect(process.memoryUsage().rss - memory).toBeLessThan(64 * 1024 * 1024);
  });

  it('hears no claim of a program, which holds no pipe of claims: one that floods every pipe it finds ends at its time', async () => {
    const run = await attack(engine, 'resources/flood-claims.py', { limits: { wallMs: 3000 } });
    expect(run).toMatchObject({ outcome: 'timed_out', stdout: '' });
  });
});

describe('quotas', attacking('quotas'), () => {
  it('end for descriptors', attacking('limits'), async () => {
    expect(await attack(engine, 'resources/exhaust-descriptors.py')).toMatchObject({
      stdout: 'descriptors end at True\n',
    });
  });

  it('end for terminals, of which the whole host has one pool', async () => {
    const run = await attack(engine, 'resources/take-terminals.py');
    if (nature.hasOwnPools) expect(run.stdout).toMatch(/^terminals: \d+\n$/);
    else expect(run).toMatchObject({ outcome: 'completed', stdout: 'terminals: 16\n' });
  });

  it('that the kernel counts by user are out of reach', async () => {
    expectHeld(await attack(engine, 'resources/user-quotas.py'));
  });
});

describe('objects of the kernel', attacking('limits'), () => {
  it.each([
    'timers',
    'signals',
    'mappings',
    'memory_files',
    'watches',
    'locks',
    'semaphores',
    'zombies',
    'names',
    'directories',
  ])('end with the memory, or with a limit of their own: %s', async (what) => {
    const run = await attack(engine, 'resources/kernel-objects.py', { args: [what], limits: { wallMs: 30_000 } });
    expect(['completed', 'out_of_memory', 'killed', 'timed_out']).toContain(run.outcome);
    expect(run.usage.peakMemoryBytes).toBeLessThanOrEqual(testLimits.memoryBytes);
    // It did make some, and a limit is all that stopped it.
    if (run.outcome === 'completed')
      expect([run.stdout, run.stderr]).toEqual([expect.stringMatching(/^made [1-9]\d*\n$/), '']);
  });
});

describe('time', attacking('limits'), () => {
  it.each(['resources/ignore-signals.py', 'resources/close-everything-and-spin.py', 'resources/sleep-forever.sh'])(
    'ends for %s',
    async (path) => {
      expect(await attack(engine, path, short)).toMatchObject({ outcome: 'timed_out', signal: 'SIGKILL' });
    },
  );
});

/** Bytes in the internet sockets of the whole host. */
function socketMemory(): number {
  const lines = readFileSync('/proc/net/sockstat', 'utf8').matchAll(/^(?:TCP|UDP): .*\bmem (\d+)/gm);
  return 4096 * [...lines].reduce((sum, [, pages]) => sum + Number(pages), 0);
}

/** How many processes of this engine's sandboxes have given themselves this name. */
function named(name: string): number {
  return descendants(process.pid).filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/comm`, 'utf8') === `${name}\n`;
    } catch {
      return false; // It has ended meanwhile.
    }
  }).length;
}
