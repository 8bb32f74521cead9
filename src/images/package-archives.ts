import { createHash } from 'node:crypto';
import {
  appendFileSync,
  createReadStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Progress, runCommand, SetupError } from '../host/index.ts';
import { followBootstrap } from './bootstrap-progress.ts';
import type { ImageDefinition } from './image-definition.ts';

export interface ArchiveOptions {
  /** Where downloads are kept until an image is whole. */
  downloads: string;
  /** Lines of a `sources.list`. */
  sources: readonly string[];
  /** Settings for apt, besides our own. */
  aptSettings: readonly string[];
  /** A root with packages in it, when only what is missing there is wanted. Then all of that must be had. */
  installedIn?: string | undefined;
  /** What apt prints is added to it. */
  logFile: string;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

const deadlineMs = 45 * 60_000;

/**
 * Downloads the Debian packages of an image into a folder that outlives the build: what is there already is not fetched again, and
 * what is there by half is fetched to its end. apt checks what it fetches against the signed package lists, but of a file it finds
 * only the size: here each must have the digest of those lists, or it is fetched anew.
 * @returns the folder; packages may be missing from it, which mmdebstrap then fetches itself
 * @throws SetupError when called off, or when packages for `installedIn` are missing
 */
export async function fetchPackages(definition: ImageDefinition, options: ArchiveOptions): Promise<string> {
  const { progress, signal, logFile } = options;
  const base = join(options.downloads, 'apt');
  const archives = join(base, 'archives');
  const nothing = join(base, 'nothing');
  for (const folder of [archives, nothing]) mkdirSync(join(folder, 'partial'), { recursive: true });
  const { sources, aptSettings, installedIn } = options;
  const settings = writeAptSettings(base, {
    architecture: definition.target.architecture,
    sources,
    aptSettings,
    status: installedIn ? readFileSync(join(installedIn, 'var/lib/dpkg/status'), 'utf8') : '',
  });
  const follow = followBootstrap(progress);
  const apt = (...words: string[]) =>
    runCommand('env', [`APT_CONFIG=${settings}`, 'LC_ALL=C.UTF-8', 'apt-get', '--yes', '-q', ...words], {
      name: 'apt-get',
      deadlineMs,
      signal,
      onLine(line) {
        appendFileSync(logFile, `${line}\n`);
        follow(line);
      },
    });
  const packages = options.installedIn ? definition.packages : packagesOf(definition);
  const partly = (tail: string) => {
    if (options.installedIn)
      throw new SetupError(`The packages of the image ${definition.name} cannot be had:\n${tail}`);
    return archives;
  };

  progress.phase('Reading package lists');
  const update = await apt('update');
  if (update.status !== 0) return partly(update.tail);
  // With an empty folder for archives it names every one, those that are there as well.
  const list = ['-o', `Dir::Cache::archives=${nothing}`, '-o', 'Acquire::ForceHash=SHA256', '--print-uris'];
  const listed = await apt('install', ...list, ...packages);
  if (listed.status !== 0) return partly(listed.tail);
  progress.phase('Checking the packages that are there');
  await removeOthers(archives, digestsOf(listed.stdout));
  progress.phase('Downloading packages');
  const got = await apt('install', '--download-only', ...packages);
  progress.end();
  if (got.status !== 0) return partly(got.tail);
  return archives;
}

export interface AptSettings {
  readonly architecture: string;
  /** Lines of a `sources.list`. */
  readonly sources: readonly string[];
  /** Settings for apt, besides our own. */
  readonly aptSettings: readonly string[];
  /** Of dpkg: what is installed. */
  readonly status: string;
}

/**
 * A place of its own for everything apt reads and writes, so that the host's packages and settings play no part.
 * @returns the path for `APT_CONFIG`
 */
export function writeAptSettings(base: string, { architecture, sources, aptSettings, status }: AptSettings): string {
  for (const folder of ['etc/preferences.d', 'etc/sources.list.d', 'etc/apt.conf.d', 'lists/partial', 'dpkg'])
    mkdirSync(join(base, folder), { recursive: true });
  writeFileSync(join(base, 'dpkg/status'), status);
  writeFileSync(join(base, 'etc/sources.list'), sources.map((line) => `${line}\n`).join(''));
  const place = (name: string, path: string) => `Dir::${name} "${join(base, path)}"`;
  const file = join(base, 'settings');
  const lines = [
    ...[place('Etc', 'etc'), place('State', ''), place('State::lists', 'lists'), place('State::status', 'dpkg/status')],
    ...[place('Cache', ''), place('Cache::archives', 'archives')],
    ...[`APT::Architecture "${architecture}"`, `APT::Architectures { "${architecture}"; }`],
    ...['Acquire::Languages "none"', 'APT::Install-Recommends "false"', 'APT::Get::AllowUnauthenticated "false"'],
    ...aptSettings,
  ];
  writeFileSync(file, lines.map((line) => `${line};\n`).join(''));
  return file;
}

/** What mmdebstrap asks apt for, in its steps. */
function packagesOf({ suite, target, packages }: ImageDefinition): string[] {
  const release = `?or(?archive(^${suite}$),?codename(^${suite}$))`;
  const essential = `?narrow(${release},?architecture(${target.architecture}),?essential)`;
  const required = `?narrow(${release},?architecture(${target.architecture}),?priority(required))`;
  return [essential, required, ...packages];
}

/** Digests by file name, from what apt prints: `'uri' name size SHA256:digest`. */
function digestsOf(printed: string): Map<string, string> {
  const lines = printed.matchAll(/^'[^']+' (\S+\.deb) \d+ SHA256:([0-9a-f]{64})$/gm);
  return new Map([...lines].map(([, name, digest]) => [name!, digest!]));
}

/** Removes what is not wanted any more, and what is not what it should be. */
async function removeOthers(archives: string, digests: ReadonlyMap<string, string>): Promise<void> {
  for (const name of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const path = join(archives, name);
    const hash = createHash('sha256');
    if (digests.has(name) && statSync(path).isFile()) await pipeline(createReadStream(path), hash);
    if (hash.digest('hex') !== digests.get(name)) rmSync(path, { recursive: true });
  }
}
