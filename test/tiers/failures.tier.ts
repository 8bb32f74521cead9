import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { openFor } from '../support/cells.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { nativeClient } from '../support/native.ts';
import { descendants, kill } from '../support/processes.ts';
import { startServer } from '../support/server.ts';
import { ann, startSessions } from '../support/sessions.ts';
import { atPace, testTier } from '../support/tier.ts';
import { kernels } from '../support/tier-processes.ts';

/*
 * What holds a sandbox in a tier is a program of the host's, and programs fail. Whatever one does, its run ends in words and in time, its neighbours
 * go on, and nothing is left over.
 */
const tier = testTier();
let engine: TestEngine;
beforeAll(async () => {
  // Nothing is parked: each kernel is that of a sandbox the test has made.
  engine = await startEngine({ limits: { wallMs: atPace(60_000) }, poolSize: 0 });
});
afterAll(() => engine?.close());

/** Kernels that have begun since, once they are there. */
async function begunSince(before: readonly number[]): Promise<number[]> {
  return vi.waitFor(() => {
    const found = kernels().filter((pid) => !before.includes(pid));
    expect(found.length).toBeGreaterThan(0);
    return found;
  }, atPace(1000));
}

async function answers(): Promise<void> {
  await vi.waitFor(async () => expect((await engine.run('bash', 'echo 42')).stdout).toBe('42\n'), {
    timeout: atPace(120_000),
  });
}

describe('the kernel of a sandbox', () => {
  it('that is killed under a session costs its next cell the variables alone, and its neighbour nothing', async () => {
    const neighbour = await openFor(engine);
    await neighbour.run('kept = 41');
    const before = kernels();
    const session = await openFor(engine);
    await session.run('x = 1');
    const own = await begunSince(before);
    const running = session.start('import time; print("begun", flush=True); time.sleep(60)', {
      onEvent: ({ type }) => {
        if (type === 'stdout') kill(...own);
      },
    });
    expect(await running.done.then(({ outcome }) => outcome)).toBe('killed');
    expect(session.session.ended).toBe(true);
    expect(await neighbour.run('kept + 1')).toMatchObject({ outcome: 'completed', value: '42' });
    await vi.waitFor(() => expect(kernels().filter((pid) => own.includes(pid))).toEqual([]), atPace(1000));
  });

  it('that does not answer is ended at the limit of time, and the run says so', {
    timeout: atPace(180_000),
  }, async () => {
    const run = engine.run('bash', 'echo begun; sleep 100', {
      limits: { wallMs: 5000 },
      onEvent({ type }) {
        if (type === 'stdout') for (const pid of kernels()) process.kill(pid, 'SIGSTOP');
      },
    });
    expect(await run).toMatchObject({ outcome: 'timed_out', stdout: 'begun\n' });
    // Those that were parked stand still as well, and are found out by who gets them.
    kill(...kernels());
    await answers();
  });

  it('that does not answer when its cell is over is killed, and the session says that it ended', {
    timeout: atPace(180_000),
  }, async () => {
    const session = await openFor(engine);
    await session.run('x = 1');
    const running = session.start('import time; print("begun", flush=True); time.sleep(1)', {
      limits: { wallMs: 8000 },
      onEvent({ type }) {
        if (type === 'stdout') for (const pid of kernels()) process.kill(pid, 'SIGSTOP');
      },
    });
    const { outcome } = await running.done;
    expect(['timed_out', 'killed']).toContain(outcome);
    await vi.waitUntil(() => session.session.ended, { timeout: atPace(30_000) });
    kill(...kernels());
    await answers();
  });
});

describe('a service', () => {
  const groupsOf = (pid: number) => globSync(`/sys/fs/cgroup/**/dragoman.${pid}.*`);

  it('that is killed takes its sandboxes along, and the next one sweeps what is left', {
    timeout: atPace(240_000),
  }, async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-killed-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const first = await startServer({ dataDir });
    const api = nativeClient(first);
    const id = await api.session();
    await api.cell(id, 'x = 1\nopen("kept.txt", "w").write("kept")');
    const running = api.cell(id, 'while True: pass').catch(() => 'gone');
    await vi.waitUntil(() => kernels(first.pid).length > 0, { timeout: atPace(60_000) });
    const all = descendants(first.pid).map(({ pid }) => pid);
    await first.kill();
    expect(await running).toBe('gone');
    await vi.waitFor(() => expect(all.filter(isAlive)).toEqual([]), { timeout: atPace(30_000) });
    const second = await startServer({ dataDir });
    try {
      await vi.waitUntil(() => groupsOf(first.pid).length === 0, { timeout: atPace(30_000) });
      const after = await nativeClient({ url: second.url, key: first.key }).cell(id, 'print(open("kept.txt").read())');
      expect(after).toMatchObject({ outcome: 'completed', stdout: 'kept\n' });
    } finally {
      await second.stop();
    }
    await vi.waitFor(() => expect(groupsOf(second.pid)).toEqual([]), { timeout: atPace(30_000) });
    // Everything of a sandbox is mounted for its own namespaces alone.
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(dataDir);
  });

  it.runIf(process.getuid!() === 0)(
    'whose disk is full while it makes a template says so, and leaves nothing half made',
    {
      timeout: atPace(240_000),
    },
    async () => {
      const small = mkdtempSync(join(tmpdir(), 'dragoman-full-'));
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=711', 'tmpfs', small]);
      try {
        const started = startEngine({ keptIn: small });
        await expect(started).rejects.toMatchObject({ message: expect.stringMatching(/./) });
        await vi.waitFor(() => expect(halfMade(small)).toEqual([]), { timeout: atPace(10_000) });
      } finally {
        execFileSync('umount', ['-l', small]);
        rmSync(small, { recursive: true, force: true });
      }
      await answers();
    },
  );

  it.runIf(process.getuid!() === 0)(
    'whose disk is full while it writes a session keeps its variables, and nothing half written',
    { timeout: atPace(180_000) },
    async () => {
      const kept = mkdtempSync(join(tmpdir(), 'dragoman-full-'));
      // Users of sandboxes pass through it.
      chmodSync(kept, 0o711);
      const saved = join(kept, 'saved');
      mkdirSync(saved);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=711', 'tmpfs', saved]);
      const own = await startEngine({ keptIn: kept, poolSize: 0 });
      try {
        const sessions = await startSessions(own);
        const { id } = await sessions.sessions.create(ann, {});
        await sessions.run(id, 'import os; x = 41; y = os.urandom(8 << 20)');
        const states = await sessions.states.save(ann, id);
        expect(states.find(({ kernel }) => kernel === '*')?.state).not.toBe('saved');
        expect(filesBelow(saved)).toEqual([]);
        const { result } = await sessions.run(id, 'x + 1');
        expect(result.outputs.at(-1)?.bundle['text/plain']).toBe('42');
      } finally {
        await own.close();
        execFileSync('umount', ['-l', saved]);
        rmSync(kept, { recursive: true, force: true });
      }
    },
  );

  function filesBelow(folder: string): string[] {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  }

  function halfMade(folder: string): string[] {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /making|memory$|\.img$/.test(name),
    );
  }
});

function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

it('is about a tier that has kernels of its own', () => {
  expect(tier).not.toBe('namespaces');
});
