import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProgram, runCommand } from './command.ts';
import { debianKeyring } from './mirrors.ts';
import { type OsRelease, parseOsRelease, usesApt } from './os-release.ts';
import type { Progress } from './progress.ts';
import { SetupError } from './setup-error.ts';

/** A package of the host's distribution that is needed and not there. */
export interface MissingPackage {
  name: string;
  why: string;
}

export interface HostNeeds {
  /** An image is to be built, not only run from. */
  build: boolean;
  /** The service has the superuser's rights. */
  superuser: boolean;
}

interface Requirement extends MissingPackage {
  present: () => boolean;
}

const bubblewrap: Requirement = {
  name: 'bubblewrap',
  why: 'makes the sandboxes',
  present: () => hasProgram('bwrap'),
};
const builders: Requirement[] = [
  { name: 'mmdebstrap', why: 'builds the image sandboxes run from', present: () => hasProgram('mmdebstrap') },
  {
    name: 'debian-archive-keyring',
    why: "checks that packages are Debian's",
    present: () => existsSync(debianKeyring),
  },
];
const uidmap: Requirement = {
  name: 'uidmap',
  why: 'lets an ordinary user build an image',
  present: () => hasProgram('newuidmap') && hasProgram('newgidmap'),
};

/** What the host still lacks; a few milliseconds. */
export function missingPackages({ build, superuser }: HostNeeds): MissingPackage[] {
  const requirements = [bubblewrap, ...(build ? builders : []), ...(build && !superuser ? [uidmap] : [])];
  return lacking(requirements);
}

/** The browser in which tests look at the pages. */
const browser: Requirement = {
  name: 'chromium',
  why: 'shows the pages to their tests',
  present: () => hasProgram('chromium'),
};

/** The database server that tests start. Debian has its programs in a folder of each version. */
const postgres: Requirement = {
  name: 'postgresql',
  why: 'keeps the records of tests',
  present: () => hasProgram('postgres') || existsSync('/usr/lib/postgresql'),
};

/** What virtual machines need. */
const machines: Requirement[] = [
  { name: 'qemu-system-x86', why: 'runs virtual machines', present: () => hasProgram('qemu-system-x86_64') },
  { name: 'squashfs-tools', why: 'packs the image for them', present: () => hasProgram('mksquashfs') },
];

/** What sandboxes in virtual machines need, and the host still lacks. */
export function missingForMachines(): MissingPackage[] {
  return lacking(machines);
}

/** What tests need besides, and the host still lacks. */
export function missingForTests(): MissingPackage[] {
  return lacking([browser, postgres, ...(process.arch === 'x64' ? machines : [])]);
}

function lacking(requirements: readonly Requirement[]): MissingPackage[] {
  return requirements.filter(({ present }) => !present()).map(({ name, why }) => ({ name, why }));
}

/** The host's distribution. */
export function hostRelease(): OsRelease {
  try {
    return parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return parseOsRelease('');
  }
}

export interface InstallOptions {
  superuser: boolean;
  /** There is a person at a terminal who can be asked for a password. */
  interactive: boolean;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

const lockDeadlineMs = 300_000;
const stepDeadlineMs = 900_000;
const aptOptions = [`-oDPkg::Lock::Timeout=${lockDeadlineMs / 1000}`, '-oDpkg::Use-Pty=0'];

/**
 * Installs packages with apt, through sudo when needed.
 * @throws SetupError naming the command to run by hand, when this host or user cannot
 */
export async function installPackages(missing: readonly MissingPackage[], options: InstallOptions): Promise<void> {
  const release = hostRelease();
  const names = missing.map(({ name }) => name);
  const list = missing.map(({ name, why }) => `  ${name}: ${why}`);
  if (!usesApt(release))
    throw new SetupError(
      [
        `${release.prettyName} is neither Debian nor Ubuntu: install these with its own package manager and start again:`,
        ...list,
      ].join('\n'),
    );
  const byHand = [
    'Run this and start again:',
    `  sudo apt-get update && sudo apt-get install --no-install-recommends -y ${names.join(' ')}`,
  ];
  if (!options.superuser && !hasProgram('sudo'))
    throw new SetupError(
      ['Packages are missing and only the superuser can install them:', ...list, ...byHand].join('\n'),
    );

  options.progress.note(['Installing packages of the operating system:', ...list].join('\n'));
  const sudo = options.interactive ? ['sudo'] : ['sudo', '-n'];
  const asRoot = [...(options.superuser ? [] : sudo), 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C.UTF-8'];
  const aptGet = async (phase: string, ...args: string[]) => {
    options.progress.phase(phase);
    const [command = '', ...rest] = [...asRoot, 'apt-get', ...aptOptions, ...args];
    const { status, tail } = await withLock(() =>
      runCommand(command, rest, {
        deadlineMs: stepDeadlineMs,
        interactive: options.interactive,
        signal: options.signal,
        onLine: (line) => options.progress.detail(line.trim().slice(0, 60)),
      }),
    );
    options.progress.end();
    return status === 0 ? undefined : tail;
  };
  // A part of the lists may fail to load (a third party's server is down) and the packages be there all the same.
  const updateFault = await aptGet('Reading package lists', 'update');
  const fault = await aptGet(`Installing ${names.join(', ')}`, 'install', '--no-install-recommends', '-y', ...names);
  if (fault !== undefined)
    throw new SetupError(
      [
        'Packages could not be installed:',
        ...list,
        '',
        ...(updateFault && updateFault !== fault ? [updateFault] : []),
        fault,
        '',
        ...byHand,
      ].join('\n'),
    );
}

/** `apt-get update` does not wait for its lock by itself. */
async function withLock<T extends { status: number | undefined; tail: string }>(run: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + lockDeadlineMs;
  for (;;) {
    const result = await run();
    if (result.status === 0 || !/Could not get lock|is held by process/.test(result.tail)) return result;
    if (performance.now() > deadline) return result;
    await sleep(1000);
  }
}
