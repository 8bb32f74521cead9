import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Progress, runCommand, SetupError } from '../host/index.ts';
import { followBootstrap } from './bootstrap-progress.ts';
import type { ImageDefinition } from './image-definition.ts';

export interface EquipOptions {
  /** The image's folder while it is built, with the root in `rootfs`. */
  folder: string;
  /** Where downloads are kept until an image is whole. */
  downloads: string;
  progress: Progress;
  signal?: AbortSignal | undefined;
  /** What the steps print is added to it. */
  logFile: string;
  /** A folder of Debian packages that the root, which has Debian's tools already, gets first. */
  archives?: string | undefined;
}

/** Where packages come from that an image can do without. */
export type LeftOut = 'python' | 'npm';

const fetchDeadlineMs = 15 * 60_000;
const prepareDeadlineMs = 40 * 60_000;

/**
 * What no Debian package brings: packages from PyPI and npm, each archive checked against the digest the definition has for it,
 * and what is prepared in the finished root. Where an index cannot be reached, its packages are left out.
 * @returns whose packages were left out
 * @throws SetupError when something was had but cannot be used
 */
export async function equipRoot(definition: ImageDefinition, options: EquipOptions): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = [];
  if (options.archives) await installArchives(definition, options.archives, options);
  if (definition.python && !(await installPython(definition, definition.python, options))) leftOut.push('python');
  if (definition.npm && !(await installNpm(definition.npm, options))) leftOut.push('npm');
  for (const [target, text] of Object.entries(definition.files ?? {})) {
    const path = join(options.folder, 'rootfs', target);
    mkdirSync(dirname(path), { recursive: true });
    // Of a layer, a file that is there belongs to the image below, too.
    rmSync(path, { force: true });
    writeFileSync(path, text);
  }
  if (definition.prepare) await prepare(definition, definition.prepare, options);
  return leftOut;
}

/** Debian packages with their scripts, without a network. */
async function installArchives(definition: ImageDefinition, archives: string, options: EquipOptions): Promise<void> {
  const { progress } = options;
  progress.phase('Installing packages');
  const dpkg = [
    ...['dpkg', '--force-unsafe-io'],
    ...definition.exclude.map((pattern) => `--path-exclude=${pattern}`),
    ...definition.include.map((pattern) => `--path-include=${pattern}`),
  ];
  const program =
    'umask 022; "$@" --unpack /tmp/archives/*.deb && "$@" --configure --pending && rm -rf /var/log/* /var/cache/ldconfig';
  const { status, tail } = await inRoot(
    [
      ...['--setenv', 'DEBIAN_FRONTEND', 'noninteractive', '--ro-bind', archives, '/tmp/archives'],
      ...['--', 'sh', '-c', program, 'sh', ...dpkg],
    ],
    { ...options, onLine: followBootstrap(progress) },
    prepareDeadlineMs,
  );
  if (status !== 0) throw new SetupError(`The packages of the image ${definition.name} cannot be installed:\n${tail}`);
}

/**
 * Runs in the new root, so that what is chosen is for its Python, with the host's settings for pip. Archives that an interrupted
 * build fetched whole are not fetched again.
 */
async function installPython(definition: ImageDefinition, requirements: string, options: EquipOptions) {
  const { folder, downloads, progress } = options;
  progress.phase('Downloading Python packages from PyPI');
  writeFileSync(join(folder, 'requirements.txt'), requirements);
  const archives = join(downloads, 'wheels');
  mkdirSync(archives, { recursive: true });
  const pins = [...requirements.matchAll(/^[\w.-]+==/gm)].length;
  const pip = (...args: string[]) =>
    inRoot(
      [
        ...['--share-net', '--ro-bind-try', '/etc/resolv.conf', '/etc/resolv.conf'],
        ...['--ro-bind-try', '/etc/ssl/certs', '/etc/ssl/certs', '--ro-bind-try', '/etc/hosts', '/etc/hosts'],
        ...[
          '--bind',
          archives,
          '/tmp/archives',
          '--ro-bind',
          join(folder, 'requirements.txt'),
          '/tmp/requirements.txt',
        ],
        ...['--ro-bind-try', '/etc/pip.conf', '/tmp/global/pip/pip.conf', '--setenv', 'XDG_CONFIG_DIRS', '/tmp/global'],
        ...['--ro-bind-try', join(homedir(), '.config/pip/pip.conf'), '/tmp/user/pip/pip.conf'],
        ...['--ro-bind-try', join(homedir(), '.pip/pip.conf'), '/tmp/.pip/pip.conf'],
        ...['--setenv', 'XDG_CONFIG_HOME', '/tmp/user'],
        ...['--', 'sh', '-c', 'umask 022; exec "$@"', 'pip', 'python3', '-m', 'pip'],
        ...args,
      ],
      { ...options, onLine: followPip(pins, progress) },
      fetchDeadlineMs,
    );
  const common = [
    ...['--require-hashes', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check', '--no-cache-dir'],
    ...['--requirement=/tmp/requirements.txt', '--progress-bar=off'],
  ];
  const got = await pip('download', ...common, '--dest=/tmp/archives', '--retries=2');
  if (got.status !== 0) {
    // A wrong digest is no matter of reach.
    if (/hash/i.test(got.tail)) throw new SetupError(`pip refuses what it was given:\n${got.tail}`);
    // A layer without its packages would be the image below under another name.
    if (definition.on) throw new SetupError(`The packages of the image ${definition.name} cannot be had:\n${got.tail}`);
    progress.note(`PyPI could not be reached; its packages are left out:\n${lastLine(got.tail)}`);
    return false;
  }
  progress.phase('Installing Python packages');
  const place = [
    '--break-system-packages',
    '--ignore-installed',
    '--root-user-action=ignore',
    '--no-warn-script-location',
    '--no-compile',
  ];
  const put = await pip('install', ...common, ...place, '--no-index', '--find-links=/tmp/archives');
  rmSync(join(folder, 'requirements.txt'));
  if (put.status !== 0) throw new SetupError(`The Python packages cannot be installed:\n${put.tail}`);
  return true;
}

/** The host's npm fetches and checks, running nothing of the packages; programs find them from any folder, being at the root. */
async function installNpm(npm: NonNullable<ImageDefinition['npm']>, options: EquipOptions): Promise<boolean> {
  const { folder, downloads, progress, signal } = options;
  progress.phase('Installing npm packages');
  const place = join(folder, 'npm');
  mkdirSync(place);
  writeFileSync(join(place, 'package.json'), npm.manifest);
  writeFileSync(join(place, 'package-lock.json'), npm.lock);
  const args = [
    'ci',
    '--ignore-scripts',
    '--omit=dev',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--no-bin-links',
  ];
  const { status, tail } = await runCommand(
    'npm',
    ['--prefix', place, ...args, '--cache', join(downloads, 'npm'), '--fetch-retries=1'],
    { deadlineMs: fetchDeadlineMs, signal, onLine: into(options) },
  );
  if (status !== 0) {
    if (!/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONN|network|E[45]\d\d/.test(tail))
      throw new SetupError(`npm refuses what it was given:\n${tail}`);
    progress.note(`npm's registry could not be reached; its packages are left out:\n${lastLine(tail)}`);
    return false;
  }
  const modules = join(folder, 'rootfs', 'node_modules');
  rmSync(modules, { recursive: true, force: true });
  cpSync(join(place, 'node_modules'), modules, { recursive: true });
  // What was asked for, beside what that brought along.
  writeFileSync(join(modules, '.package.json'), npm.manifest);
  rmSync(place, { recursive: true });
  await runCommand('chmod', ['-R', 'a+rX', modules], { deadlineMs: fetchDeadlineMs, signal });
  return true;
}

async function prepare(definition: ImageDefinition, program: string, options: EquipOptions): Promise<void> {
  const { folder, progress } = options;
  progress.phase('Preparing compilers');
  const path = join(folder, 'prepare.sh');
  writeFileSync(path, program);
  const script = ['--ro-bind', path, '/tmp/prepare.sh', '--', 'sh', '-c', 'umask 022; exec sh /tmp/prepare.sh'];
  const { status, tail } = await inRoot(script, options, prepareDeadlineMs);
  rmSync(path);
  if (status !== 0) throw new SetupError(`The image ${definition.name} cannot be prepared:\n${tail}`);
}

/**
 * Runs a command in the root as its superuser, with nothing of the host but what is bound, its environment (proxies, settings of
 * pip) and, where asked for, its network.
 */
function inRoot(
  words: readonly string[],
  options: EquipOptions & { onLine?: (line: string) => void },
  deadlineMs: number,
) {
  const { folder, signal } = options;
  const environment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', HOME: '/tmp', LANG: 'C.UTF-8' };
  return runCommand(
    'bwrap',
    [
      ...['--unshare-all', '--die-with-parent', '--new-session', '--uid', '0', '--gid', '0'],
      ...['PYTHONPATH', 'PYTHONHOME', 'NODE_OPTIONS', 'TMPDIR'].flatMap((name) => ['--unsetenv', name]),
      ...Object.entries(environment).flatMap(([name, value]) => ['--setenv', name, value]),
      ...[
        '--bind',
        join(folder, 'rootfs'),
        '/',
        '--proc',
        '/proc',
        '--dev',
        '/dev',
        '--tmpfs',
        '/tmp',
        '--chdir',
        '/tmp',
      ],
      ...words,
    ],
    {
      deadlineMs,
      signal,
      onLine(line) {
        into(options)(line);
        options.onLine?.(line);
      },
    },
  );
}

/** Tells which package pip is at, and how many it has been through. */
function followPip(total: number, progress: Progress): (line: string) => void {
  let at = 0;
  return (line) => {
    const [, name] = /^(?:Collecting|Processing) (\S+)/.exec(line) ?? [];
    const [, archive, size] = /^\s+Downloading (\S+) \((.*)\)/.exec(line) ?? [];
    if (name) progress.detail(`${++at} of ${total}, ${name.split('/').at(-1)!.split(/[-=]/)[0]}`);
    else if (archive) progress.detail(`${at} of ${total}, ${archive.split('-')[0]} (${size})`);
  };
}

const into =
  ({ logFile }: EquipOptions) =>
  (line: string) =>
    appendFileSync(logFile, `${line}\n`);

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';
