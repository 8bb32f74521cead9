import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { guestEnvironment } from '../linux/guest-files.ts';

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
