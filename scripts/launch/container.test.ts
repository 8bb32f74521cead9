import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { containerIds, delegate, describeContainer } from './container.mjs';

const all = '         0          0 4294967295\n';
const pod = '         0    1000000      65536\n';
const capability = (...bits: number[]) => bits.reduce((set, bit) => set | (1n << BigInt(bit)), 0n);
const [chown, setgid, setuid, sysAdmin] = [0, 6, 7, 21];
const docker = { uid: 0, capabilities: capability(chown, setgid, setuid), uidMap: all, gidMap: all };

it('takes high ids where the container has all ids', () => {
  const range = { first: 2_000_000_000, count: 65_536 };
  expect(containerIds(docker)).toEqual({ service: 10_001, uids: range, gids: range });
});

it('takes the ids after the service where the container has few', () => {
  const range = { first: 10_002, count: 55_534 };
  expect(containerIds({ ...docker, uidMap: pod, gidMap: pod })).toEqual({ service: 10_001, uids: range, gids: range });
});

it.each([
  ['for an ordinary user', { uid: 1000 }],
  ['for root with the power of the host', { capabilities: capability(setgid, setuid, sysAdmin) }],
  ['for root without SETUID', { capabilities: capability(setgid) }],
  ['where the container has too few ids', { uidMap: '0 100000 10010\n' }],
  ['where the service has no id', { gidMap: '0 100000 1000\n' }],
])('finds nothing %s', (_, difference) => {
  expect(containerIds({ ...docker, ...difference })).toBeUndefined();
});

it('can describe this process', () => {
  expect(describeContainer()).toMatchObject({ uid: process.getuid!(), capabilities: expect.any(BigInt) });
});

/** Folders that stand for control groups, with these files in them. */
function cgroups(files: Readonly<Record<string, string>>): string {
  const mount = mkdtempSync(join(tmpdir(), 'fake-cgroups-'));
  onTestFinished(() => rmSync(mount, { recursive: true }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(mount, file, '..'), { recursive: true });
    writeFileSync(join(mount, file), text);
  }
  return mount;
}

describe.runIf(process.getuid!() === 0)('the control group of a container', () => {
  const owner = (path: string) => statSync(path).uid;

  it('of version 2 goes to the service, its limits do not, and its processes move into a leaf', () => {
    const files = ['cgroup.procs', 'cgroup.threads', 'cgroup.subtree_control', 'memory.max'];
    const mount = cgroups(
      Object.fromEntries(files.map((file) => [`docker/c1/${file}`, file === 'cgroup.procs' ? '1\n7\n' : ''])),
    );
    const group = join(mount, 'docker/c1');
    mkdirSync(join(group, 'dragoman.server'));
    delegate(10_001, undefined, { membership: '0::/docker/c1\n', mount });
    expect(readFileSync(join(group, 'dragoman.server/cgroup.procs'), 'utf8')).toBe('7');
    expect([group, ...files.map((file) => join(group, file))].map(owner)).toEqual([10_001, 10_001, 10_001, 10_001, 0]);
    expect(owner(join(group, 'dragoman.server'))).toBe(10_001);
  });

  it('of version 2 may be the root of its own namespace', () => {
    const mount = cgroups({ 'cgroup.procs': '', 'cgroup.subtree_control': '' });
    delegate(10_001, undefined, { membership: '0::/\n', mount });
    expect(owner(mount)).toBe(10_001);
    expect(existsSync(join(mount, 'dragoman.server'))).toBe(true);
  });

  it('of version 1 goes to the service in every hierarchy, without the files in it', () => {
    const mount = cgroups({ 'memory/docker/c1/memory.limit_in_bytes': '', 'cpu,cpuacct/docker/c1/cpu.shares': '' });
    const membership = '5:memory:/docker/c1\n4:cpu,cpuacct:/docker/c1\n1:name=systemd:/docker/c1\n0::/docker/c1\n';
    delegate(10_001, undefined, { membership, mount });
    expect(owner(join(mount, 'memory/docker/c1'))).toBe(10_001);
    expect(owner(join(mount, 'cpu,cpuacct/docker/c1'))).toBe(10_001);
    expect(owner(join(mount, 'memory/docker/c1/memory.limit_in_bytes'))).toBe(0);
  });

  it('that is read-only, or not there, changes nothing', () => {
    const mount = cgroups({ other: '' });
    expect(() => delegate(10_001, join(mount, 'none'), { membership: '0::/docker/c1\n', mount })).not.toThrow();
  });
});
