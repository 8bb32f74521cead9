import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { type CgroupTree, openCgroups } from '../../src/sandbox/linux/cgroup/index.ts';
import { guestFiles } from '../../src/sandbox/linux/guest-files.ts';
import { PipeLink } from '../../src/sandbox/linux/pipes/link.ts';
import { seccompProgram } from '../../src/sandbox/linux/seccomp/index.ts';
import type { Zygote } from '../../src/sandbox/namespaces/zygote.ts';
import { ZygoteFamily } from '../../src/sandbox/namespaces/zygote-family.ts';
import type { ExitStatus } from '../../src/sandbox/port.ts';
import { startEngine } from '../support/engine.ts';
import { imageRoot, nativeDir } from '../support/image.ts';
import { attacking, hostile } from './attack.ts';

const limits = { memoryBytes: 384 << 20, processes: 64, cpus: 1 };
const own = new RegExp(`dragoman\\.${process.pid}\\.`);
/** Directories of the groups of this process' sandboxes. */
const groups = () => globSync('/sys/fs/cgroup/**/dragoman.*/*/').filter((path) => own.test(path));

describe('a control group is handed on', attacking('leftovers'), () => {
  let tree: CgroupTree;
  let child: ChildProcess | undefined;
  beforeEach(async () => {
    tree = await openCgroups(process.getuid!());
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    await tree.close();
  });

  /** Starts a program in a group. */
  async function enter(name: string, program: string): Promise<ChildProcess> {
    child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'ignore'] });
    for (const group of groups().filter((path) => path.endsWith(`/${name}`)))
      writeFileSync(`${group}/cgroup.procs`, String(child.pid));
    return child;
  }

  it('never while a process is in it, which is killed', async () => {
    const group = tree.take(limits);
    const process = await enter(group.name, 'process.stdin.resume()');
    const exited = once(process, 'exit');
    await group.place({ pid: process.pid!, confined: Promise.resolve() }).catch(() => {});
    await group.release();
    expect((await exited)[1]).toBe('SIGKILL');
    const next = tree.take(limits);
    expect(next.name).not.toBe(group.name);
    await next.release();
  });

  it('never when nothing was in it: what was to enter it may still do so', async () => {
    const group = tree.take(limits);
    await group.release();
    const next = tree.take(limits);
    expect(next.name).not.toBe(group.name);
    await next.release();
  });
});

it(
  'what a sandbox used, and how it was killed, is not told of the next one in its group',
  attacking('limits'),
  async () => {
    const engine = await startEngine();
    try {
      const run = (code: string) => engine.run('python', code);
      const { code } = hostile('resources/memory-bomb.py');
      for (let round = 0; round < 4; round++) {
        expect(await run(code)).toMatchObject({ outcome: 'out_of_memory' });
        const small = await run('print(1)');
        expect(small).toMatchObject({ outcome: 'completed', exitCode: 0 });
        expect(small.usage.peakMemoryBytes).toBeLessThan(64 << 20);
        expect(small.usage.cpuMs).toBeLessThan(5000);
      }
      for (let each = 0; each < 30; each++) await run('print(1)');
      // Groups are used again: 38 programs and the sandboxes that wait have not made as many.
      const names = groups().map((path) => Number(path.split('/').at(-1)));
      expect(Math.max(...names)).toBeLessThan(38);
    } finally {
      await engine.close();
    }
  },
);

it('a fork that cannot enter its group never says that it is ready', attacking('limits'), async () => {
  const path = (folder: string) => fileURLToPath(new URL(`../../${folder}`, import.meta.url));
  const empty = mkdtempSync(join(tmpdir(), 'no-groups-'));
  const family = new ZygoteFamily({
    templates: [{ name: 'light', imports: [], warm: null }],
    imageRoot: await imageRoot(),
    files: guestFiles({ guestDir: path('guest'), nativeDir: await nativeDir(), runtimesDir: path('runtimes') }),
    seccomp: seccompProgram(process.arch as 'x64' | 'arm64'),
    users: undefined,
    entrances: [empty],
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    onEnd() {},
  });
  const [zygote] = family.zygotes as [Zygote];
  await zygote.loaded;
  try {
    const { promise: exited, resolve } = Promise.withResolvers<ExitStatus>();
    const sizes = {
      workspaceBytes: 1 << 20,
      workspaceFiles: 100,
      tmpBytes: 1 << 20,
      shmBytes: 1 << 20,
      openFiles: 256,
    };
    const spawned = await zygote.spawn(newId(), { user: undefined, group: '1', sizes }, resolve).catch((error) => {
      // It may be gone before its pipes are opened: then its end is this error.
      expect(error).toMatchObject({ code: 'sandbox_unavailable' });
    });
    if (spawned) {
      expect(await exited).toEqual({ code: 97, signal: null });
      const link = new PipeLink(
        spawned,
        () => expect.unreachable(),
        () => {},
      );
      const claim = vi.fn();
      const said: string[] = [];
      link.listen({ stdout() {}, stderr: (chunk) => said.push(Buffer.from(chunk).toString()), claim });
      await link.ended;
      expect(claim).not.toHaveBeenCalled();
      expect(said.join('')).toContain('1/tasks: No such file or directory');
      link.close();
    }
    expect(readdirSync(empty)).toEqual([]);
  } finally {
    await family.close();
    rmSync(empty, { recursive: true });
  }
});
