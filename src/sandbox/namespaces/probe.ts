import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { childEnvironment, isSuperuser } from '../../core/index.ts';
import type { HostCheck, HostReport } from '../host-report.ts';
import { cgroupHost, readBoundFault } from '../linux/cgroup/index.ts';
import { sharedKernel } from '../linux/shared-kernel.ts';
import { firstSandboxUser, outsideUser, ownUserMap } from '../linux/user-map.ts';
import { kvm } from '../microvm/kvm.ts';

/**
 * Asks the host, without changing it. The last word is the start of the backend itself, which makes a real sandbox.
 * @param wantedUser the first user of sandboxes, where root may choose
 */
export function probeNamespaces(wantedUser: number): HostReport {
  const sandboxUsers = chooseUsers(wantedUser);
  const checks = [
    kernel(),
    bubblewrap(),
    namespaces(typeof sandboxUsers === 'number' ? sandboxUsers : undefined),
    appArmor(),
    users(sandboxUsers),
    seccomp(),
    cgroups(),
    diskReads(),
    ...sharedKernel(),
    kvm(),
  ];
  return { checks, usable: checks.every((check) => check.state !== 'missing') };
}

function diskReads(): HostCheck {
  const fault = readBoundFault();
  return {
    name: 'disk reads',
    state: fault ? 'absent' : 'present',
    detail: fault
      ? `${fault}: a program that reads the image without pause slows the uploads of others`
      : 'what all sandboxes together read from the disk is bounded by DRAGOMAN_DISK_READ_BYTES',
  };
}

function kernel(): HostCheck {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  const recent = major > 5 || (major === 5 && minor >= 10);
  return {
    name: 'kernel',
    state: recent ? 'present' : 'missing',
    detail: `Linux ${release()} (5.10 or later is needed)`,
  };
}

function bubblewrap(): HostCheck {
  const { stdout, error } = spawnSync('bwrap', ['--version'], {
    encoding: 'utf8',
    env: childEnvironment('run'),
    timeout: 5000,
  });
  if (error) return { name: 'bubblewrap', state: 'missing', detail: 'not installed: apt-get install bubblewrap' };
  return { name: 'bubblewrap', state: 'present', detail: stdout.trim() };
}

/** Tries the real thing: every namespace, then a user namespace within, as the sandbox user. */
function namespaces(uid: number | undefined): HostCheck {
  const user = uid === undefined ? {} : { uid, gid: uid };
  const { status, stderr, error } = spawnSync(
    'bwrap',
    [
      '--unshare-all',
      '--ro-bind',
      '/',
      '/',
      '--proc',
      '/proc',
      'unshare',
      '--user',
      '--pid',
      '--fork',
      '--net',
      'true',
    ],
    { encoding: 'utf8', env: childEnvironment('run'), timeout: 10_000, cwd: '/', ...user },
  );
  const name = 'user namespaces';
  if (status === 0) return { name, state: 'present', detail: 'nested user, pid and network namespaces can be made' };
  return { name, state: 'missing', detail: `cannot be made: ${(error?.message ?? stderr.trim()) || `exit ${status}`}` };
}

function appArmor(): HostCheck {
  const name = 'AppArmor';
  if (readOr('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', '0') !== '1') {
    return { name, state: 'present', detail: 'does not restrict user namespaces' };
  }
  const detail =
    'restricts user namespaces: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for bwrap';
  return { name, state: 'missing', detail };
}

/** The first user of sandboxes; undefined when all are the service's own user, an Error when root lacks what it takes. */
function chooseUsers(wanted: number): number | undefined | Error {
  if (process.getuid!() !== 0) return undefined;
  try {
    return firstSandboxUser(ownUserMap(), wanted);
  } catch (error) {
    return error as Error;
  }
}

/** The kernel keeps some quotas by user, so each sandbox should have a user of its own. That takes root, or a range of users. */
function users(first: number | undefined | Error): HostCheck {
  const name = 'sandbox users';
  if (first instanceof Error) return { name, state: 'missing', detail: first.message };
  if (first !== undefined) {
    const whose = isSuperuser() ? '' : ', of the range in /etc/subuid';
    return {
      name,
      state: 'present',
      detail: `every sandbox gets its own, from ${outsideUser(ownUserMap(), first)} on${whose}`,
    };
  }
  const shared = 'pages of pipes, descriptors in flight and epoll registrations are counted together';
  const remedy =
    'for one each, install uidmap and give it a range with usermod --add-subuids and --add-subgids, or start it as root';
  const closed = 'watches, keys, queues and larger pipes are refused by seccomp';
  return {
    name,
    state: 'absent',
    detail: `all sandboxes run as the service's user (${remedy}): ${closed}; ${shared}`,
  };
}

function seccomp(): HostCheck {
  const actions = readOr('/proc/sys/kernel/seccomp/actions_avail', '');
  const state = actions.includes('errno') && actions.includes('kill_process') ? 'present' : 'missing';
  return { name: 'seccomp', state, detail: actions ? `filters with ${actions}` : 'the kernel has no seccomp filters' };
}

function cgroups(): HostCheck {
  const name = 'cgroups';
  const host = cgroupHost();
  if (host.version === undefined) return { name, state: 'missing', detail: 'no memory controller is mounted' };
  if (host.version === 1) return { name, state: 'present', detail: `version 1: ${[...host.v1.keys()].join(', ')}` };
  const { mount, path } = host.v2!;
  const controllers = readOr(`${mount}${path === '/' ? '' : path}/cgroup.controllers`, 'none');
  return { name, state: 'present', detail: `version 2 at ${path}: ${controllers}` };
}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return fallback;
  }
}
