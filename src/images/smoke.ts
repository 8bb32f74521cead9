import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandResult, type Progress, runCommand, SetupError } from '../host/index.ts';
import type { LeftOut } from './equip-root.ts';
import type { ImageDefinition } from './image-definition.ts';

/** Whom sandboxes run as here: `nobody` when the service has the superuser's rights, else the service's own user. */
export interface SandboxUser {
  superuser: boolean;
  signal?: AbortSignal | undefined;
}

const deadlineMs = 120_000;
const nobody = 65534;

/**
 * Whether this host lets bubblewrap make a sandbox at all; asked before a minute goes into an image.
 * @throws SetupError with bubblewrap's words and the usual reasons
 */
export async function checkSandboxes(user: SandboxUser): Promise<void> {
  const { status, tail } = await bubblewrap(['--ro-bind', '/', '/', '--proc', '/proc', '--', '/bin/true'], user);
  if (status === 0) return;
  throw new SetupError(
    [
      'bubblewrap cannot make a sandbox on this host:',
      `  ${tail}`,
      'It needs unprivileged user namespaces. Usual reasons, and what allows them:',
      '  Ubuntu 23.10 and later: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
      '  hardened kernels: sysctl -w kernel.unprivileged_userns_clone=1; sysctl -w user.max_user_namespaces=10000',
      '  a container: a seccomp profile that allows clone, unshare and mount, and an unmasked /proc',
    ].join('\n'),
  );
}

/**
 * Runs the smoke programs of an image as a sandbox would: root read-only, no network, an unprivileged user.
 * @param folder the image's folder, with the root in `rootfs`
 * @returns the versions the definition asks for
 * @throws SetupError naming the program and what it printed
 */
export async function smokeTest(
  definition: ImageDefinition,
  folder: string,
  progress: Progress,
  user: SandboxUser & { leftOut: readonly LeftOut[] },
): Promise<Record<string, string>> {
  const programs = join(folder, 'smoke');
  mkdirSync(programs);
  for (const { file, text } of definition.smoke) writeFileSync(join(programs, file), text, { mode: 0o644 });
  progress.phase('Trying the image');
  for (const { file, run, needs } of definition.smoke) {
    if (needs && user.leftOut.includes(needs)) continue;
    progress.detail(file);
    const { status, tail } = await inImage(folder, [...run, `/opt/dragoman/${file}`], user);
    if (status !== 0) throw new SetupError(`The image ${definition.name} fails its smoke program ${file}:\n${tail}`);
  }
  const versions: Record<string, string> = {};
  for (const [name, command] of Object.entries(definition.versions)) {
    progress.detail(`version of ${name}`);
    const { stdout, tail } = await inImage(folder, command, user);
    const version = /\d+(\.\d+)+/.exec(stdout)?.[0];
    if (!version) throw new SetupError(`The image ${definition.name} does not tell its version of ${name}:\n${tail}`);
    versions[name] = version;
  }
  progress.end();
  return versions;
}

function inImage(folder: string, command: readonly string[], user: SandboxUser): Promise<CommandResult> {
  const environment = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/mnt/data',
    LANG: 'C.UTF-8',
    XDG_CACHE_HOME: '/tmp/.cache',
    XDG_CONFIG_HOME: '/tmp/.config',
  };
  return bubblewrap(
    [
      ...['--clearenv', ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value])],
      ...['--ro-bind', join(folder, 'rootfs'), '/', '--ro-bind', join(folder, 'smoke'), '/opt/dragoman'],
      ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/mnt/data', '--chdir', '/mnt/data'],
      ...['--uid', '1000', '--gid', '1000', '--hostname', 'sandbox', '--', ...command],
    ],
    user,
  );
}

function bubblewrap(args: readonly string[], { superuser, signal }: SandboxUser): Promise<CommandResult> {
  return runCommand('bwrap', ['--unshare-all', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', ...args], {
    deadlineMs,
    signal,
    ...(superuser && { uid: nobody, gid: nobody }),
  });
}
