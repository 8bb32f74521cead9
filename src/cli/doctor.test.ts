import { describe, expect, test } from 'vitest';
import { lackIn, remedy } from './advice.ts';
import { type HostFacts, hostKind } from './surroundings.ts';

const bare: HostFacts = {
  inKubernetes: false,
  hasDockerFile: false,
  hasPodmanFile: false,
  container: '',
  kernel: 'Linux version 6.12.0 (debian-kernel@lists.debian.org)',
};

test.each([
  [{}, 'host'],
  [{ hasDockerFile: true }, 'docker'],
  [{ container: 'docker' }, 'docker'],
  [{ hasPodmanFile: true, container: 'podman' }, 'podman'],
  [{ inKubernetes: true, hasDockerFile: true }, 'kubernetes'],
  [{ container: 'lxc' }, 'lxc'],
  [{ container: 'lxc-libvirt' }, 'lxc'],
  [{ kernel: 'Linux version 5.15.90.1-microsoft-standard-WSL2' }, 'wsl2'],
  [{ kernel: 'Linux version 4.4.0-19041-Microsoft (Microsoft@Microsoft.com)' }, 'wsl1'],
])('a host with %j is %s', (facts, kind) => {
  expect(hostKind({ ...bare, ...facts })).toBe(kind);
});

describe('the text of a failure', () => {
  test.each([
    ['bwrap: No permissions to create a new namespace, likely because the kernel does not allow …', 'namespaces'],
    ['unshare: unshare failed: Operation not permitted', 'namespaces'],
    ["cannot be made: bwrap: Can't mount proc on /proc: Operation not permitted", 'proc'],
    ['cannot be made: spawnSync bwrap EPERM', 'capabilities'],
    [
      'the namespaces isolation cannot be set up: no cgroup of controller freezer may be written by user 10001',
      'cgroups',
    ],
    ['the cgroup /sys/fs/cgroup is not delegated to user 0 (EROFS)', 'cgroups'],
    ['AppArmor', 'apparmor'],
    ['the namespaces isolation cannot be set up: the disk is full', undefined],
  ])('%s', (text, lack) => {
    expect(lackIn(text)).toBe(lack);
  });
});

test('the remedy is the option of the host in question', () => {
  expect(remedy('proc', 'docker')).toBe('--security-opt systempaths=unconfined');
  expect(remedy('proc', 'kubernetes')).toContain('procMount: Unmasked');
  expect(remedy('cgroups', 'wsl2')).toContain('systemd=true');
});
