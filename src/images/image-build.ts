import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Progress, SetupError } from '../host/index.ts';
import { fetchLayerPackages, makeBaseSystem } from './base-system.ts';
import { acquireBuildLock } from './build-lock.ts';
import { makeBuildingFolder, removeBuildingFolder, removeLeftovers, temporaryParent } from './building-folder.ts';
import { freeMiB, neededMiB } from './disk-space.ts';
import { equipRoot } from './equip-root.ts';
import type { ImageDefinition } from './image-definition.ts';
import { type ImageManifest, readImageManifest } from './image-manifest.ts';
import { surveyRoot } from './image-root.ts';
import { fingerprint, linkRoot } from './linked-root.ts';
import { noteOlderImages, publish } from './publish.ts';
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

/**
 * Builds an image and puts it in its place, whole or not at all; one builder at a time, the others wait and find it done. A layer
 * lies on an image of its own: that one is built first, and stays, if it is not there.
 * @throws SetupError saying what is in the way; the log of the build stays beside the images
 */
export async function buildImage(definition: ImageDefinition, options: BuildOptions): Promise<ImageManifest> {
  const { imagesDir, progress, signal } = options;
  const lock = await acquireBuildLock(imagesDir, progress, signal);
  try {
    return await build(definition, options);
  } finally {
    progress.end();
    lock.release();
  }
}

/** Only the holder of the build lock calls this. */
async function build(definition: ImageDefinition, options: BuildOptions): Promise<ImageManifest> {
  const { imagesDir, progress, superuser, signal } = options;
  const place = placeOf(definition, imagesDir);
  const existing = readImageManifest(place);
  if (existing) return existing;
  const base = definition.on && (await build(definition.on, options));
  const since = performance.now();
  progress.phase('Removing what an interrupted build left');
  await removeLeftovers(imagesDir);
  progress.end();
  // A folder of that name without a manifest is not an image: it was made by hand, or parts of it were removed.
  rmSync(place, { recursive: true, force: true });
  await checkHost(definition, options);
  progress.note(
    `Building the image ${definition.name} (${definition.description}): once, some minutes and ${definition.expectedMiB} MiB.`,
  );
  const image = `${definition.name}-${definition.hash}`;
  const building = makeBuildingFolder(imagesDir, image, superuser);
  try {
    const { path } = building;
    const root = join(path, 'rootfs');
    // Kept until an image is whole: a build that was interrupted goes on from there.
    const downloads = join(imagesDir, '.downloads');
    const logFile = join(imagesDir, `${image}.log`);
    writeFileSync(logFile, '', { mode: 0o644 });
    const common = { downloads, logFile, progress, signal };
    let archives: string | undefined;
    let below: { root: string; before: string } | undefined;
    if (definition.on) {
      const baseRoot = join(placeOf(definition.on, imagesDir), 'rootfs');
      archives = await fetchLayerPackages(definition, baseRoot, common);
      below = { root: baseRoot, before: fingerprint(baseRoot) };
      await linkRoot(baseRoot, root, progress, signal);
    } else await makeBaseSystem(definition, root, { ...common, building, nodeBinary: options.nodeBinary });
    const leftOut = await equipRoot(definition, { folder: path, archives, ...common });
    if (below && fingerprint(below.root) !== below.before)
      throw new SetupError(`The image ${below.root} was changed by the layer on it. Remove it and start again.`);
    const sizeBytes = surveyRoot(root);
    const versions = await smokeTest(definition, path, progress, { superuser, signal, leftOut });
    const manifest: ImageManifest = {
      name: definition.name,
      hash: definition.hash,
      suite: definition.suite,
      architecture: definition.target.architecture,
      versions: { ...base?.versions, ...versions },
      packageCount: countPackages(root),
      sizeBytes,
      ...(base && { on: `${base.name}-${base.hash}`, addedBytes: sizeBytes - base.sizeBytes }),
      leftOut: [...new Set([...(base?.leftOut ?? []), ...leftOut])],
      builtAt: new Date().toISOString(),
      buildMs: Math.round(performance.now() - since),
    };
    await publish(path, place, manifest, progress);
    progress.note(
      `The image ${image} is ready: ${manifest.packageCount} packages, ${mib(sizeBytes)} MiB${base ? `, of which ${mib(sizeBytes - base.sizeBytes)} MiB are not shared with ${base.name}` : ''}, ${Math.round(manifest.buildMs / 1000)} s.`,
    );
    if (leftOut.length > 0)
      progress.note(`Left out: packages of ${leftOut.join(' and ')}. To try again, remove ${place} and start again.`);
    rmSync(downloads, { recursive: true, force: true });
    noteOlderImages(imagesDir, definition, progress);
    return manifest;
  } finally {
    progress.end();
    // The next build removes what is left; what went wrong here is not what the caller has to hear of.
    await removeBuildingFolder(building.path).catch((error: Error) => progress.note(error.message));
  }
}

const placeOf = ({ name, hash }: ImageDefinition, imagesDir: string) => join(imagesDir, `${name}-${hash}`);

/** Asks for what would fail late: room on the disk, ids of a user namespace, sandboxes. */
async function checkHost(
  definition: ImageDefinition,
  { imagesDir, superuser, signal }: Pick<BuildOptions, 'imagesDir' | 'superuser' | 'signal'>,
): Promise<void> {
  const viaTemporary = !superuser && !definition.on;
  for (const folder of viaTemporary ? [imagesDir, temporaryParent] : [imagesDir]) checkSpace(folder, definition);
  if (viaTemporary) checkSubordinateIds();
  await checkSandboxes({ superuser, signal });
}

/** A user namespace needs a range of ids that belongs to the user. */
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

function countPackages(root: string): number {
  const status = fileLines(join(root, 'var/lib/dpkg/status'));
  return status.filter((line) => line === 'Status: install ok installed').length;
}

function fileLines(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

const mib = (bytes: number) => Math.round(bytes / 1024 ** 2);
