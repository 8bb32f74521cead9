import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import {
  hostRelease,
  mirrorCandidates,
  mirrorSettings,
  type Progress,
  reachableSources,
  readAptSources,
  runCommand,
  SetupError,
} from '../host/index.ts';
import { bootstrap } from './bootstrap.ts';
import { acquireBuildLock } from './build-lock.ts';
import {
  type BuildingFolder,
  makeBuildingFolder,
  removeBuildingFolder,
  removeLeftovers,
  removeTemporary,
  temporaryParent,
} from './building-folder.ts';
import { freeMiB, neededMiB } from './disk-space.ts';
import { equipRoot } from './equip-root.ts';
import type { ImageDefinition } from './image-definition.ts';
import { type ImageManifest, readImageManifest } from './image-manifest.ts';
import { mountPoints, surveyRoot } from './image-root.ts';
import { fetchPackages } from './package-archives.ts';
import { checkSandboxes, smokeTest } from './smoke.ts';

export interface BuildOptions {
  /** Where images are kept. */
  imagesDir: string;
  /** The Node binary that is copied into the image. */
  nodeBinary: string;
  superuser: boolean;
  progress: Progress;
  signal?: AbortSignal | undefined;
}

const shortDeadlineMs = 60_000;
const flushDeadlineMs = 300_000;

/**
 * Builds an image and puts it in its place, whole or not at all; one builder at a time, the others wait and find it done.
 * @throws SetupError saying what is in the way; the log of the build stays beside the images
 */
export async function buildImage(definition: ImageDefinition, options: BuildOptions): Promise<ImageManifest> {
  const { imagesDir, progress, superuser, signal } = options;
  const image = `${definition.name}-${definition.hash}`;
  const place = join(imagesDir, image);
  // Kept until an image is whole: a build that was interrupted goes on from there.
  const downloads = join(imagesDir, '.downloads');
  const lock = await acquireBuildLock(imagesDir, progress, signal);
  let building: BuildingFolder | undefined;
  try {
    const existing = readImageManifest(place);
    if (existing) return existing;
    const since = performance.now();
    await removeLeftovers(imagesDir);
    // A folder of that name without a manifest is not of our making, or somebody took parts of it away.
    rmSync(place, { recursive: true, force: true });
    for (const folder of superuser ? [imagesDir] : [imagesDir, temporaryParent]) checkSpace(folder, definition);
    if (!superuser) checkSubordinateIds();
    await checkSandboxes({ superuser, signal });
    progress.note(
      `Building the image ${definition.name} (${definition.description}): once, some minutes and ${definition.expectedMiB} MiB.`,
    );
    progress.phase('Looking for a Debian archive');
    const sources = await reachableSources(
      mirrorCandidates(readAptSources('/etc/apt'), hostRelease()),
      definition.suite,
      signal,
    );
    const { stdout } = await runCommand('apt-config', ['dump', 'Acquire'], { deadlineMs: shortDeadlineMs, signal });

    building = makeBuildingFolder(imagesDir, image, superuser);
    const { path, temporaryDir } = building;
    const logFile = join(imagesDir, `${image}.log`);
    writeFileSync(logFile, '', { mode: 0o644 });
    const root = join(path, 'rootfs');
    const aptSettings = mirrorSettings(stdout);
    await bootstrap(definition, {
      root,
      sources,
      aptSettings,
      archives: await fetchPackages(definition, { downloads, sources, aptSettings, logFile, progress, signal }),
      mode: temporaryDir ? { superuser: false, temporaryDir } : { superuser: true },
      logFile,
      progress,
      signal,
    });
    if (temporaryDir) await removeTemporary(temporaryDir);
    finishRoot(root, options.nodeBinary);
    const leftOut = await equipRoot(definition, { folder: path, downloads, logFile, progress, signal });
    const sizeBytes = surveyRoot(root);
    const versions = await smokeTest(definition, path, progress, { superuser, signal, leftOut });
    const manifest: ImageManifest = {
      name: definition.name,
      hash: definition.hash,
      suite: definition.suite,
      architecture: definition.target.architecture,
      versions,
      packageCount: countPackages(root),
      sizeBytes,
      leftOut,
      builtAt: new Date().toISOString(),
      buildMs: Math.round(performance.now() - since),
    };
    await publish(path, place, manifest, progress);
    progress.note(
      `The image ${image} is ready: ${manifest.packageCount} packages, ${mib(sizeBytes)} MiB, ${Math.round(manifest.buildMs / 1000)} s.`,
    );
    if (leftOut.length > 0)
      progress.note(`Left out: packages of ${leftOut.join(' and ')}. To try again, remove ${place} and start again.`);
    rmSync(downloads, { recursive: true, force: true });
    noteOlderImages(imagesDir, definition, progress);
    return manifest;
  } finally {
    progress.end();
    if (building) await removeBuildingFolder(building.path);
    lock.release();
  }
}

/** A namespace of users needs a range of ids that are the user's to give away. */
function checkSubordinateIds(): void {
  const { username, uid } = userInfo();
  const lacking = ['/etc/subuid', '/etc/subgid'].filter((file) => {
    const lines = fileLines(file);
    return !lines.some((line) => line.startsWith(`${username}:`) || line.startsWith(`${uid}:`));
  });
  if (lacking.length === 0) return;
  throw new SetupError(
    [
      `To build an image without the superuser's rights, ${username} needs a range of ids in ${lacking.join(' and ')}.`,
      'Run this and start again:',
      `  sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}`,
    ].join('\n'),
  );
}

function checkSpace(folder: string, definition: ImageDefinition): void {
  const free = freeMiB(folder);
  const needed = neededMiB(definition);
  if (free < needed)
    throw new SetupError(
      `Building the image ${definition.name} takes up to ${needed} MiB, and ${folder} has ${free} MiB left. Make room and start again.`,
    );
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

function countPackages(root: string): number {
  const status = fileLines(join(root, 'var/lib/dpkg/status'));
  return status.filter((line) => line === 'Status: install ok installed').length;
}

/** The rename is what makes an image: everything is on disk before it, so that losing power cannot leave an image of holes. */
async function publish(path: string, place: string, manifest: ImageManifest, progress: Progress): Promise<void> {
  progress.phase('Writing the image to disk');
  rmSync(join(path, 'smoke'), { recursive: true });
  rmSync(join(path, 'temporary-folder'), { force: true });
  writeFileSync(join(path, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`, { mode: 0o644 });
  await runCommand('sync', ['--file-system', path], { deadlineMs: flushDeadlineMs });
  renameSync(path, place);
  progress.end();
}

function noteOlderImages(imagesDir: string, { name, hash }: ImageDefinition, progress: Progress): void {
  const older = readdirSync(imagesDir).filter(
    (entry) =>
      entry.startsWith(`${name}-`) && entry !== `${name}-${hash}` && statSync(join(imagesDir, entry)).isDirectory(),
  );
  if (older.length > 0)
    progress.note(
      `Older images can be removed when nothing runs from them: ${older.map((it) => join(imagesDir, it)).join(' ')}`,
    );
}

function fileLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

const mib = (bytes: number) => Math.round(bytes / 1024 ** 2);
