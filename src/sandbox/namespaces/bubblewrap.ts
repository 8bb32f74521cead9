import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackendOptions } from '../options.ts';

/** A host file to be copied into the base sandbox. */
export interface GuestFile {
  readonly source: string;
  readonly target: string;
  readonly isProgram: boolean;
}

/** The guest's own code and the runtimes' helpers, by where they appear inside. */
export function guestFiles({ guestDir, nativeDir, runtimesDir }: GuestFolders): GuestFile[] {
  return [
    ...filesOf(guestDir, '/opt/dragoman/guest').filter(({ source }) => !source.startsWith(join(guestDir, 'native'))),
    ...['helper.so', 'zygote'].map((name) => ({
      source: join(nativeDir, name),
      target: `/opt/dragoman/native/${name}`,
      isProgram: true,
    })),
    ...filesOf(runtimesDir, '/opt/dragoman/runtimes'),
  ];
}

/** See BackendOptions. */
type GuestFolders = Pick<BackendOptions, 'guestDir' | 'nativeDir' | 'runtimesDir'>;

function filesOf(dir: string, target: string): GuestFile[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => {
      const source = join(entry.parentPath, entry.name);
      const isProgram = (statSync(source).mode & 0o111) !== 0;
      return { source, target: target + source.slice(dir.length), isProgram };
    });
}

const environment: Readonly<Record<string, string>> = {
  HOME: '/mnt/data',
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  TERM: 'dumb',
  // Models that know Anthropic's tool look for files there.
  INPUT_DIR: '/mnt/data',
  OUTPUT_DIR: '/mnt/data',
  MPLBACKEND: 'Agg',
  // The workspace is for the user's files alone.
  XDG_CACHE_HOME: '/tmp/.cache',
  XDG_CONFIG_HOME: '/tmp/.config',
  // A second thread must not exist when the zygote forks; programs may raise these for themselves.
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  JE_ARROW_MALLOC_CONF: 'background_thread:false',
  PYTHONDONTWRITEBYTECODE: '1',
  // An installer that answers without a network.
  PYTHONPATH: '/opt/dragoman/runtimes/python/path',
};
const path = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

/** The environment of a zygote and of everything that is forked from it. */
export function guestEnvironment(
  files: readonly { readonly target: string; readonly isProgram: boolean }[],
): Readonly<Record<string, string>> {
  return { PATH: [...programFolders(files), path].join(':'), ...environment };
}

/**
 * The arguments that make the base sandbox: the image read-only as root, new namespaces of every kind, no network, nothing of
 * the host's environment. Files arrive through descriptors, so the sandbox user needs no access to where they are kept.
 */
export function baseArguments(base: {
  readonly imageRoot: string;
  /** bubblewrap writes the zygote's host pid here as JSON. */
  readonly infoFd: number;
  /** A user namespace with a range of users, which the zygote may then give to its sandboxes; else one with its user alone. */
  readonly usersFd: number | undefined;
  readonly files: readonly { target: string; fd: number; isProgram: boolean }[];
  readonly command: readonly string[];
}): string[] {
  const { imageRoot, infoFd, usersFd, files, command } = base;
  const users =
    usersFd === undefined
      ? ['--unshare-user']
      : ['--userns', String(usersFd), '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID'];
  return [
    ...[...users, '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    // Every sandbox would inherit the host's name from its zygote.
    ...['--hostname', 'sandbox'],
    ...['--uid', '1000', '--gid', '1000', '--die-with-parent', '--new-session', '--as-pid-1'],
    ...['--info-fd', String(infoFd), '--clearenv'],
    ...Object.entries(guestEnvironment(files)).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--ro-bind', imageRoot, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/opt/dragoman'],
    // The workspace by the name that clients of E2B know, where the image has a place for it.
    ...(existsSync(join(imageRoot, 'home')) ? ['--tmpfs', '/home', '--symlink', '/mnt/data', '/home/user'] : []),
    ...files.flatMap(({ target, fd, isProgram }) => [
      ...['--perms', isProgram ? '0555' : '0444', '--file', String(fd), target],
    ]),
    // bubblewrap leaves its own tmpfs writable: a way from sandbox to sandbox, and to replace /dev/null. The zygote needs its
    // /tmp; every sandbox covers it with its own.
    ...(existsSync(join(imageRoot, 'home')) ? ['--remount-ro', '/home'] : []),
    ...['--remount-ro', '/opt/dragoman', '--remount-ro', '/dev', '--chdir', '/'],
    '--',
    ...command,
  ];
}

/** Folders of programs that languages bring along; they come before those of the image. */
function programFolders(files: readonly { target: string; isProgram: boolean }[]): string[] {
  const programs = files.filter(({ target, isProgram }) => isProgram && target.startsWith('/opt/dragoman/runtimes/'));
  return [...new Set(programs.map(({ target }) => dirname(target)))].sort();
}
