import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { type Progress, runCommand, SetupError } from '../host/index.ts';
import { followBootstrap } from './bootstrap-progress.ts';
import type { ImageDefinition } from './image-definition.ts';

export interface BootstrapOptions {
  /** A folder that does not exist yet. */
  root: string;
  /** Lines of a `sources.list`. */
  sources: readonly string[];
  /** Settings for apt, besides the builder's own. */
  aptSettings: readonly string[];
  /** A folder with packages that need not be fetched. */
  archives: string;
  /** With the superuser's rights, or in a user namespace with the temporary files in this folder. */
  mode: { superuser: true } | { superuser: false; temporaryDir: string };
  /** Where everything the builder prints goes. */
  logFile: string;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

const deadlineMs = 45 * 60_000;

/**
 * Makes a Debian root with mmdebstrap.
 * @throws SetupError with the end of the log
 */
export async function bootstrap(definition: ImageDefinition, options: BootstrapOptions): Promise<void> {
  const log = createWriteStream(options.logFile, { mode: 0o644, flags: 'a' });
  const follow = followBootstrap(options.progress);
  const [command, ...args] = bootstrapCommand(definition, options);
  const { status, tail } = await runCommand(command, args, {
    name: 'The build of the image',
    deadlineMs,
    signal: options.signal,
    onLine(line) {
      log.write(`${line}\n`);
      follow(line);
    },
  }).finally(() => {
    options.progress.end();
    log.end();
  });
  await finished(log);
  if (status !== 0)
    throw new SetupError(
      `The image ${definition.name} could not be built. The end of ${options.logFile}:\n\n${tail}\n\nStart again to try again.`,
    );
}

/** The whole command line. Each process of it ends when the one that started it does, however that ends. */
export function bootstrapCommand(
  definition: ImageDefinition,
  {
    root,
    sources,
    aptSettings,
    archives,
    mode,
  }: Pick<BootstrapOptions, 'root' | 'sources' | 'aptSettings' | 'archives' | 'mode'>,
): [command: string, ...args: string[]] {
  const environment = ['env', 'LC_ALL=C.UTF-8', '--unset=NODE_OPTIONS', '--unset=PYTHONPATH', '--unset=PYTHONHOME'];
  const builder = [
    ...['mmdebstrap', '--verbose', '--variant=minbase', `--architectures=${definition.target.architecture}`],
    `--include=${definition.packages.join(',')}`,
    ...['Acquire::Languages "none"', 'APT::Install-Recommends "false"', ...aptSettings].map((it) => `--aptopt=${it}`),
    // The image is flushed to disk once, when it is whole, not after each package.
    '--dpkgopt=force-unsafe-io',
    ...definition.exclude.map((pattern) => `--dpkgopt=path-exclude=${pattern}`),
    ...definition.include.map((pattern) => `--dpkgopt=path-include=${pattern}`),
    // mmdebstrap wants no packages in its way that it did not fetch, unless it is told.
    '--skip=download/empty',
    '--setup-hook=mkdir -p "$1/var/cache/apt/archives"',
    `--setup-hook=sync-in '${archives.replaceAll("'", "'\\''")}' /var/cache/apt/archives`,
    ...(['essential', 'customize'] as const).flatMap((at) =>
      definition.hooks[at] === '' ? [] : [`--${at}-hook=${definition.hooks[at]}`],
    ),
  ];
  if (mode.superuser) {
    // Namespaces of its own: nothing it mounts is seen outside, and nothing it starts outlives it.
    const apart = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const build = [...builder, '--mode=root', definition.suite, root, ...sources];
    return ['setpriv', '--pdeathsig', 'KILL', ...environment, ...apart, ...build];
  }
  // In a user namespace files belong to users of its own, whom the service could neither be nor remove afterwards: the root
  // passes through a tape archive and comes out as the service's own.
  const follow = ['setpriv', '--pdeathsig', 'TERM'] as const;
  const unpack =
    'set -o pipefail; mkdir "$0"; "$@" | tar --extract --directory "$0" --preserve-permissions --no-same-owner --exclude="./dev/*"';
  const build = [...builder, '--mode=unshare', '--format=tar', definition.suite, '-', ...sources];
  return [...follow, ...environment, `TMPDIR=${mode.temporaryDir}`, 'bash', '-c', unpack, root, ...follow, ...build];
}
