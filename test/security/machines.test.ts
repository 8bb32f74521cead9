import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { hasProgram } from '../../src/host/index.ts';
import { findIsolation } from '../../src/sandbox/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { imageRoot, machineFilesOf, nativeDir } from '../support/image.ts';
import { input } from '../support/input.ts';
import { kill } from '../support/processes.ts';
import { attacking } from './attack.ts';

const isPossible = process.arch === 'x64' && hasProgram('qemu-system-x86_64') && hasProgram('mksquashfs');
if (!isPossible)
  console.warn('There is no qemu-system-x86 or squashfs-tools, so what needs a virtual machine is skipped');

/** Processes of QEMU that this process or a child of it has started. */
function machines(): number[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const isMachine = readFileSync(`/proc/${name}/comm`, 'latin1').startsWith('qemu-system');
      return isMachine && isOurs(Number(name)) ? [Number(name)] : [];
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

describe.runIf(isPossible)('sandboxes in virtual machines', attacking('virtual', 'microvm'), () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine({ isolation: 'microvm', limits: { wallMs: 60_000 } });
    // Their templates are made when they are first asked for.
    for (const language of ['python', 'bash']) await engine.run(language, '');
  }, 300_000);
  afterAll(() => engine?.close());

  it('run a program that has files and leaves some', async () => {
    const code = 'open("out.txt", "w").write(open("in.txt").read().upper())\nprint(6 * 7)';
    const run = await engine.run('python', code, { inputs: [input('in.txt', 'words')] });
    expect(run).toMatchObject({ stdout: '42\n', outcome: 'completed', exitCode: 0 });
    expect(run.files['out.txt']?.toString()).toBe('WORDS');
  });

  it('never agree with another copy of their template', async () => {
    const code = `import os, random, time, uuid, json, tempfile
print(json.dumps([random.random(), uuid.uuid4().hex, os.urandom(8).hex(), tempfile.mktemp(), time.time()]))`;
    const answers: unknown[][] = [];
    for (let each = 0; each < 3; each++) answers.push(JSON.parse((await engine.run('python', code)).stdout));
    for (let value = 0; value < 4; value++) expect(new Set(answers.map((all) => all[value])).size).toBe(3);
    // The clock of a copy stands where its template's stood until it is set.
    for (const all of answers) expect(Math.abs(Date.now() / 1000 - (all[4] as number))).toBeLessThan(60);
  });

  it('see a kernel, devices and a network of their own', async () => {
    const code = 'uname -r; ls /dev; cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /proc/1/environ; id -u; ls /sys';
    const { stdout } = await engine.run('bash', code);
    const host = spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim();
    expect(stdout.split('\n')[0]).not.toBe(host);
    expect(stdout).not.toMatch(/vda|vport|sda/);
    expect(stdout).toMatch(/^ *lo$/m);
    expect(stdout).not.toMatch(/eth0|ens/);
    expect(stdout).toMatch(/^1000$/m);
  });

  it('are answered at their limits of memory, processes and time', async () => {
    const memory = await engine.run('python', 'x = b"x" * (900 << 20)\nprint(len(x))', {
      limits: { memoryBytes: 128 << 20 },
    });
    expect(memory.outcome).toBe('out_of_memory');
    const forks = `import os
made = 0
try:
    while made < 500:
        if os.fork() == 0: os.execv('/bin/sleep', ['sleep', '30'])
        made += 1
except OSError as error: print(made < 60, error.strerror)`;
    const processes = await engine.run('python', forks, { limits: { processes: 40 } });
    expect(processes.stdout).toContain('True Resource temporarily unavailable');
    const time = await engine.run('bash', 'while :; do :; done', { limits: { wallMs: 3000 } });
    expect(time.outcome).toBe('timed_out');
  });

  it('run as users without rights, each in namespaces of its own, with a filter of system calls', async () => {
    const call = new AbortController();
    const run = engine.run('bash', 'echo begun; sleep 50', { signal: call.signal });
    const [machine] = await vi.waitFor(() => {
      const found = machines();
      expect(found.length).toBeGreaterThan(0);
      return found;
    }, 30_000);
    const status = readFileSync(`/proc/${machine}/status`, 'latin1');
    expect(/^CapEff:\t(\S+)$/m.exec(status)?.[1]).toBe('0000000000000000');
    expect(/^Seccomp:\t(\d)$/m.exec(status)?.[1]).toBe('2');
    expect(/^NoNewPrivs:\t(\d)$/m.exec(status)?.[1]).toBe('1');
    if (process.getuid!() === 0) expect(Number(/^Uid:\t(\d+)/m.exec(status)?.[1])).toBeGreaterThan(1000);
    for (const kind of ['net', 'mnt', 'pid', 'ipc', 'user'])
      expect(readlinkSync(`/proc/${machine}/ns/${kind}`)).not.toBe(readlinkSync(`/proc/self/ns/${kind}`));
    call.abort();
    expect((await run).outcome).toBe('cancelled');
  });

  it('that are killed end the run in words, and leave nothing in its way', async () => {
    const run = engine.run('bash', 'echo begun; sleep 50', {
      onEvent({ type }) {
        if (type === 'stdout') kill(...machines());
      },
    });
    expect(await run).toMatchObject({ outcome: 'killed', stdout: 'begun\n' });
    expect(await engine.run('bash', 'echo again')).toMatchObject({ outcome: 'completed', stdout: 'again\n' });
  });

  it('are refused in words where their users cannot enter the folder of their files', async ({ skip }) => {
    if (process.getuid!() !== 0) skip('they have our own user');
    const closed = mkdtempSync(join(tmpdir(), 'dragoman-closed-'));
    const directory = join(closed, 'machines');
    mkdirSync(directory);
    const folder = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
    const backend = findIsolation('microvm').create({
      imageRoot: await imageRoot(),
      nativeDir: await nativeDir(),
      guestDir: folder('guest'),
      runtimesDir: folder('runtimes'),
      templates: [],
      sandboxUid: 2_000_000_000,
      machine: { ...(await machineFilesOf()), directory },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    });
    await expect(backend.start()).rejects.toThrow(`cannot enter ${closed}: run "chmod o+x ${closed}"`);
    rmSync(closed, { recursive: true });
  });

  it('leave no process when the engine ends', async () => {
    await engine.close();
    await expect.poll(() => machines()).toEqual([]);
  });
});
