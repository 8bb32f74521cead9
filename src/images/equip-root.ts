import { appendFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Progress, runCommand, SetupError } from '../host/index.ts';
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
}

/** Where packages come from that an image can do without. */
export type LeftOut = 'python' | 'npm';

const fetchDeadlineMs = 15 * 60_000;
const prepareDeadlineMs = 20 * 60_000;

/**
 * What no Debian package brings: packages from PyPI and npm, each archive checked against the digest the definition has for it,
 * and what is prepared in the finished root. Where an index cannot be reached, its packages are left out.
 * @returns whose packages were left out
 * @throws SetupError when something was had but cannot be used
 */
export async function equipRoot(definition: ImageDefinition, options: EquipOptions): Promise<LeftOut[]> {
  const leftOut: LeftOut[] = [];
  if (definition.python && !(await installPython(definition.python, options))) leftOut.push('python');
  if (definition.npm && !(await installNpm(definition.npm, options))) leftOut.push('npm');
  for (const [target, text] of Object.entries(definition.files ?? {})) {
    const path = join(options.folder, 'rootfs', target);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  if (definition.prepare) await prepare(definition, definition.prepare, options);
  return leftOut;
}

/** Runs in the new root, so that what is chosen is for its Python, with the host's settings for pip. */
async function installPython(requirements: string, options: EquipOptions): Promise<boolean> {
  const { folder, downloads, progress } = options;
  progress.phase('Installing Python packages from PyPI');
  writeFileSync(join(folder, 'requirements.txt'), requirements);
  const cache = join(downloads, 'pip');
  mkdirSync(cache, { recursive: true });
  const pip = (...args: string[]) =>
    inRoot(
      [
        ...['--share-net', '--ro-bind-try', '/etc/resolv.conf', '/etc/resolv.conf'],
        ...['--ro-bind-try', '/etc/ssl/certs', '/etc/ssl/certs', '--ro-bind-try', '/etc/hosts', '/etc/hosts'],
        ...['--bind', cache, '/tmp/pip-cache', '--ro-bind', join(folder, 'requirements.txt'), '/tmp/requirements.txt'],
        ...['--ro-bind-try', '/etc/pip.conf', '/tmp/global/pip/pip.conf', '--setenv', 'XDG_CONFIG_DIRS', '/tmp/global'],
        ...['--ro-bind-try', join(homedir(), '.config/pip/pip.conf'), '/tmp/user/pip/pip.conf'],
        ...['--ro-bind-try', join(homedir(), '.pip/pip.conf'), '/tmp/.pip/pip.conf'],
        ...['--setenv', 'XDG_CONFIG_HOME', '/tmp/user'],
        ...['--', 'sh', '-c', 'umask 022; exec "$@"', 'pip', 'python3', '-m', 'pip'],
        ...args,
      ],
      options,
      fetchDeadlineMs,
    );
  const common = ['--require-hashes', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
  const files = ['--cache-dir=/tmp/pip-cache', '--requirement=/tmp/requirements.txt'];
  const got = await pip('download', ...common, ...files, '--dest=/tmp/archives', '--retries=2', '--quiet');
  if (got.status !== 0) {
    // A wrong digest is no matter of reach.
    if (/hash/i.test(got.tail)) throw new SetupError(`pip refuses what it was given:\n${got.tail}`);
    progress.note(`PyPI could not be reached; its packages are left out:\n${lastLine(got.tail)}`);
    return false;
  }
  const place = ['--break-system-packages', '--root-user-action=ignore', '--no-warn-script-location', '--no-compile'];
  const put = await pip('install', ...common, ...files, ...place, '--quiet');
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
function inRoot(words: readonly string[], options: EquipOptions, deadlineMs: number) {
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
    { deadlineMs, signal, onLine: into(options) },
  );
}

const into =
  ({ logFile }: EquipOptions) =>
  (line: string) =>
    appendFileSync(logFile, `${line}\n`);

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1) ?? '';
