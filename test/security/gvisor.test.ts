import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEngine, type TestEngine, testLimits } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { kill } from '../support/processes.ts';
import { attacking } from './attack.ts';

/** Processes below this one that are a kernel in user space: gVisor calls them so in their first word. */
function kernels(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isKernel = readFileSync(`/proc/${name}/cmdline`, 'latin1').startsWith('runsc-sandbox');
      return isKernel && isOurs(Number(name)) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

function isOurs(pid: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === process.pid) return true;
    at = Number(/^PPid:\t(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, 'latin1'))?.[1] ?? 0);
  }
  return false;
}

/** How many processors the control groups of a process leave it, on either version. */
function sharesOf(pid: number): number[] {
  const files = readFileSync(`/proc/${pid}/cgroup`, 'latin1')
    .split('\n')
    .flatMap((line) => {
      const path = line.split(':')[2];
      return path?.includes('/dragoman.')
        ? [`/sys/fs/cgroup/cpu${path}/cpu.cfs_quota_us`, `/sys/fs/cgroup${path}/cpu.max`]
        : [];
    });
  return [...new Set(files)]
    .filter((file) => existsSync(file))
    .map((file) => Number.parseInt(readFileSync(file, 'latin1'), 10) / 100_000);
}

describe('sandboxes of gVisor', attacking('gvisor', 'gvisor'), () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine({ isolation: 'gvisor' });
  }, 300_000);
  afterAll(() => engine?.close());

  it('show another kernel than the host, and nothing of the host', async () => {
    const { stdout } = await engine.run(
      'python',
      'import os, platform; print(platform.release(), os.getuid(), os.path.exists("/proc/kallsyms"), os.listdir("/sys/class/net") if os.path.exists("/sys/class/net") else [])',
    );
    const [release, user, symbols] = stdout.split(' ');
    expect(release).not.toBe(readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim());
    expect([user, symbols]).toEqual(['1000', 'False']);
  });

  it('run as a host user that no other sandbox has at that time', { skip: process.getuid!() !== 0 }, async () => {
    const users = new Set<string>();
    const sessions = await Promise.all([engine.openSession(), engine.openSession()]);
    try {
      await Promise.all(sessions.map((session) => session.run('1')));
      for (const pid of kernels()) users.add(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]!);
      // A gVisor has several processes of that name, all of its own user.
      expect(users.size).toBeGreaterThanOrEqual(2);
      expect(users.has('0')).toBe(false);
    } finally {
      await Promise.all(sessions.map((session) => session.close()));
    }
  });

  it('agree in no random number, id or key with another copy of the same checkpoint', async () => {
    const code = `
import os, random, uuid, numpy, tempfile, secrets, time
print(random.random(), numpy.random.random(), numpy.random.default_rng().random(), uuid.uuid4(), uuid.uuid1(), os.urandom(8).hex(),
  secrets.token_hex(8), next(tempfile._get_candidate_names()))
assert abs(time.time() - ${Date.now() / 1000}) < 120`;
    const runs = [await engine.run('python', code), await engine.run('python', code)];
    expect(runs).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
    const [one, other] = runs.map(({ stdout }) => stdout.trim().split(' '));
    expect(one!.filter((value) => other!.includes(value))).toEqual([]);
    const sessions = await Promise.all([engine.openSession(), engine.openSession()]);
    try {
      const cells = await Promise.all(
        sessions.map((session) => session.run('import random, numpy; [random.random(), numpy.random.random()]')),
      );
      expect(cells[0]!.value).not.toEqual(cells[1]!.value);
    } finally {
      await Promise.all(sessions.map((session) => session.close()));
    }
  });

  it('answer bombs of memory and of processes inside', async () => {
    const memory = await engine.run('python', 'x = bytearray(2 << 30)');
    expect(memory.stderr).toContain('MemoryError');
    const processes = await engine.run(
      'python',
      `import os, time
n = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        n += 1
except OSError as error:
    print(n < 40, error.errno)`,
      { limits: { processes: 40 } },
    );
    expect(processes).toMatchObject({ outcome: 'completed', stdout: 'True 11\n' });
  });

  it('have no more of the processor than their limits say, once they are made', async () => {
    const session = await engine.openSession();
    try {
      // Those that are being made have more.
      await eventually(() => {
        const shares = kernels().map(sharesOf);
        expect(shares.length).toBeGreaterThan(0);
        expect(shares.flat().filter((share) => share !== testLimits.cpus)).toEqual([]);
        expect(shares).not.toContainEqual([]);
      });
    } finally {
      await session.close();
    }
  });

  it('hide their pipes to the service from programs', async () => {
    const { stdout } = await engine.run(
      'python',
      `import os
for name in ('claims', 'saved', 'given'):
    try:
        os.open('/opt/dragoman/io/' + name, os.O_RDWR)
        print('opened', name)
    except OSError as error:
        print(error.errno)
print(sum(os.readlink(f'/proc/1/fd/{fd}').endswith('claims') for fd in os.listdir('/proc/1/fd')) if os.access('/proc/1/fd', os.R_OK) else 0)`,
    );
    expect(stdout).toBe('2\n2\n2\n0\n');
  });

  it('whose kernel is killed end with an outcome, and leave nothing over', async () => {
    const run = engine.run('python', 'import time; print("begun", flush=True); time.sleep(60)', {
      onEvent: () => {
        kill(...kernels());
      },
    });
    expect(await run).toMatchObject({ outcome: 'killed', exitCode: null });
    // Sandboxes that were being made were killed as well.
    await eventually(async () => expect((await engine.run('python', 'print(6 * 7)')).stdout).toBe('42\n'));
    await engine.close();
    await eventually(() => expect(kernels()).toEqual([]));
    expect(existsSync(`/sys/fs/cgroup/memory/dragoman.${process.pid}`)).toBe(false);
  });
});
