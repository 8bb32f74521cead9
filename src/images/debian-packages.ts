import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Progress, runCommand, SetupError } from '../host/index.ts';
import { findArchive } from './base-system.ts';
import { writeAptSettings } from './package-archives.ts';

export interface DebianPackagesOptions {
  /** Suite of Debian they come from. */
  readonly suite: string;
  /** As Debian calls it: `amd64`. */
  readonly architecture: string;
  /** A folder for apt's lists and for the packages; it may be removed afterwards. */
  readonly folder: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

const deadlineMs = 10 * 60_000;

/**
 * Downloads single packages of Debian and unpacks them side by side, without installing anything. apt checks them against the signed lists.
 * A name that is a pattern of dpkg (`linux-image-6*`) is not known here: `resolve` turns a package that only depends on another into that one.
 * @returns the folder they are unpacked in
 * @throws SetupError with what apt said
 */
export async function unpackPackages(names: readonly string[], options: DebianPackagesOptions): Promise<string> {
  const { suite, architecture, folder, progress, signal } = options;
  const { sources, aptSettings } = await findArchive(suite, progress, signal);
  const settings = writeAptSettings(join(folder, 'apt'), { architecture, sources, aptSettings, status: '' });
  const files = join(folder, 'packages');
  const unpacked = join(folder, 'unpacked');
  for (const path of [files, unpacked]) mkdirSync(path, { recursive: true });
  const run = async (command: string, args: readonly string[]) => {
    const { status, stdout, tail } = await runCommand(
      'env',
      [`--chdir=${files}`, `APT_CONFIG=${settings}`, 'LC_ALL=C.UTF-8', command, ...args],
      { name: command, deadlineMs, signal },
    );
    if (status !== 0) throw new SetupError(`Packages of Debian cannot be had (${names.join(', ')}):\n${tail}`);
    return stdout;
  };
  progress.phase('Reading package lists');
  await run('apt-get', ['-q', 'update']);
  const wanted: string[] = [];
  for (const name of names) wanted.push(resolved(name, await run('apt-cache', ['show', '--no-all-versions', name])));
  progress.phase(`Downloading ${wanted.join(', ')}`);
  // Without a sandbox of its own apt could not write into a folder that is ours alone.
  await run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', ...wanted]);
  for (const name of readdirSync(files).filter((file) => file.endsWith('.deb')))
    await run('dpkg-deb', ['--extract', join(files, name), unpacked]);
  writeFileSync(join(folder, 'names'), readdirSync(files).join('\n'));
  progress.end();
  return unpacked;
}

/** The image that a package like `linux-image-cloud-amd64` stands for: its one dependency of that kind. */
function resolved(name: string, shown: string): string {
  const depends = /^Depends: (.*)$/m.exec(shown)?.[1] ?? '';
  const meta = /^Section: (?:metapackages|kernel)$/m.test(shown) && /(?:^|, )(linux-image-\d[^ ,]*)/.exec(depends)?.[1];
  return meta || name;
}
