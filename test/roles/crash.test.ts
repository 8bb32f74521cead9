import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { startServer } from '../support/server.ts';

describe('the engine survives the death of', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine.close());

  const marked = 'import time\nprint("running", flush=True)\ntime.sleep(20)\n# marked';

  /** Kills whatever `choose` picks once a program runs; says how the program ended. */
  async function killWhileRunning(choose: (sandbox: number, zygote: number) => number) {
    const running = engine.run('python', marked);
    const sandbox = await found(() => sandboxRunning());
    process.kill(choose(sandbox, parentOf(sandbox)), 'SIGKILL');
    return running;
  }

  it('a sandbox’s first process', async () => {
    const run = await killWhileRunning((sandbox) => sandbox);
    expect(run).toMatchObject({ outcome: 'killed', signal: 'SIGKILL', stdout: 'running\n' });
    expect(await engine.run('python', 'print(1)')).toMatchObject({ stdout: '1\n' });
  });

  it('a zygote, which another replaces', async () => {
    const run = await killWhileRunning((_, zygote) => zygote);
    expect(run).toMatchObject({ outcome: 'killed', signal: 'SIGKILL', stdout: 'running\n' });
    expect(await healed()).toMatchObject({ outcome: 'completed', stdout: '1\n' });
  });

  it('bubblewrap, with which its zygote ends', async () => {
    const run = await killWhileRunning((_, zygote) => parentOf(zygote));
    expect(run).toMatchObject({ outcome: 'killed' });
    expect(await healed()).toMatchObject({ outcome: 'completed', stdout: '1\n' });
  });

  /** A request may meet the moment without a zygote; the next ones must not. */
  async function healed() {
    for (let tries = 0; ; tries++) {
      try {
        return await engine.run('python', 'print(1)');
      } catch (error) {
        expect(error).toMatchObject({ code: 'sandbox_unavailable', retryable: true });
        if (tries === 60) throw error;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    }
  }
});

it('refuses a database that is not one, and leaves it alone', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-corrupt-'));
  const file = join(dataDir, 'dragoman.db');
  writeFileSync(file, 'this is no database, whatever its name may be. '.repeat(100));
  const before = readFileSync(file);
  await expect(startServer({ dataDir })).rejects.toThrow(/dragoman\.db cannot be used/);
  expect(readFileSync(file)).toEqual(before);
  rmSync(dataDir, { recursive: true });
});

/** The first process of the sandbox whose program runs: the program itself, or the init above it. */
function sandboxRunning(): number | undefined {
  // Parked sandboxes wait in read() on their command pipe; a program that runs sleeps.
  const program = descendants(process.pid).find(
    (pid) => innerPid(pid) !== undefined && text(`/proc/${pid}/wchan`).includes('nanosleep'),
  );
  let first = program;
  while (first !== undefined && innerPid(first) !== 1) first = innerPid(parentOf(first)) && parentOf(first);
  return first;
}

/** The pid of a process within its sandbox; undefined for one that is in none. */
function innerPid(pid: number): number | undefined {
  const levels = /^NSpid:\s+(.*)$/m.exec(text(`/proc/${pid}/status`))?.[1]?.split(/\s+/) ?? [];
  return levels.length === 3 ? Number(levels[2]) : undefined;
}

async function found<T>(look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 800; tries++) {
    const value = look();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never appeared');
}

function descendants(pid: number): number[] {
  let tasks: string[] = [];
  try {
    tasks = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended meanwhile.
  }
  const children = tasks.flatMap((task) =>
    text(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean).map(Number),
  );
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)/m.exec(text(`/proc/${pid}/status`))![1]);
}

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
