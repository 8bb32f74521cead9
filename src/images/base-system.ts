import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import {
  hostRelease,
  mirrorCandidates,
  mirrorSettings,
  type Progress,
  reachableSources,
  readAptSources,
  runCommand,
} from '../host/index.ts';
import { bootstrap } from './bootstrap.ts';
import { type BuildingFolder, removeTemporary } from './building-folder.ts';
import type { ImageDefinition } from './image-definition.ts';
import { mountPoints } from './image-root.ts';
import { fetchPackages } from './package-archives.ts';

export interface BaseSystemOptions {
  building: BuildingFolder;
  /** The Node binary that is copied into the image. */
  nodeBinary: string;
  /** Where downloads are kept until an image is whole. */
  downloads: string;
  /** What apt and mmdebstrap print is added to it. */
  logFile: string;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

const configDeadlineMs = 60_000;

/**
 * Makes the root file system of an image out of Debian packages and Node, in a folder that does not exist yet.
 * @throws SetupError when the archive or a package cannot be had, with the end of the log
 */
export async function makeBaseSystem(
  definition: ImageDefinition,
  root: string,
  { building, nodeBinary, downloads, logFile, progress, signal }: BaseSystemOptions,
): Promise<void> {
  const { sources, aptSettings } = await findArchive(definition.suite, progress, signal);
  const archives = await fetchPackages(definition, { downloads, sources, aptSettings, logFile, progress, signal });
  const { temporaryDir } = building;
  const mode = temporaryDir ? ({ superuser: false, temporaryDir } as const) : ({ superuser: true } as const);
  await bootstrap(definition, { root, sources, aptSettings, archives, mode, logFile, progress, signal });
  if (temporaryDir) await removeTemporary(temporaryDir);
  finishRoot(root, nodeBinary);
}

/**
 * Fetches the Debian packages that a layer adds to its root, with what they need that is not there.
 * @returns a folder that holds these packages and no others; undefined when the layer has none
 * @throws SetupError when they cannot be had
 */
export async function fetchLayerPackages(
  definition: ImageDefinition,
  root: string,
  { downloads, logFile, progress, signal }: Pick<BaseSystemOptions, 'downloads' | 'logFile' | 'progress' | 'signal'>,
): Promise<string | undefined> {
  if (definition.packages.length === 0) return undefined;
  const archive = await findArchive(definition.suite, progress, signal);
  return fetchPackages(definition, { ...archive, installedIn: root, downloads, logFile, progress, signal });
}

/** Where Debian packages come from, and apt's settings for the way there. */
export async function findArchive(suite: string, progress: Progress, signal: AbortSignal | undefined) {
  progress.phase('Looking for a Debian archive');
  const candidates = mirrorCandidates(readAptSources('/etc/apt'), hostRelease());
  const sources = await reachableSources(candidates, suite, signal);
  const { stdout } = await runCommand('apt-config', ['dump', 'Acquire'], { deadlineMs: configDeadlineMs, signal });
  return { sources, aptSettings: mirrorSettings(stdout) };
}

/** Device nodes, which a sandbox has of its own; what the package managers leave behind. */
const emptied = ['dev', 'run', 'tmp', 'var/cache/apt', 'var/lib/apt/lists'];

/** What is the same for every image and can only be done when the package managers are through. */
function finishRoot(root: string, nodeBinary: string): void {
  for (const path of emptied.flatMap((folder) => entries(root, folder))) rmSync(path, { recursive: true, force: true });
  for (const folder of mountPoints) mkdirSync(join(root, folder), { recursive: true });
  copyFileSync(nodeBinary, join(root, 'usr/local/bin/node'));
  chmodSync(join(root, 'usr/local/bin/node'), 0o755);
}

const entries = (root: string, folder: string) =>
  readdirSync(join(root, folder)).map((name) => join(root, folder, name));
