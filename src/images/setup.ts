import { createHash } from 'node:crypto';
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isSuperuser } from '../core/index.ts';
import { installPackages, type MissingPackage, missingPackages, type Progress, SetupError } from '../host/index.ts';
import { freeMiB, neededMiB } from './disk-space.ts';
import { debianArchitecture, type ImageDefinition, readImageDefinition } from './image-definition.ts';
import { type ImageManifest, readImageManifest } from './image-manifest.ts';
import { checkForeignRoot, checkReachable } from './image-root.ts';

export interface SetupOptions {
  /** Images are kept in its folder `images`. */
  dataDir: string;
  /**
   * The name of an image definition (`core`), `auto` for `full` where the disk has room for it and `core` elsewhere, or a path
   * to a root made elsewhere. A path has a slash in it.
   */
  image: string;
  /** The folder that holds one folder for each image definition. */
  definitionsDir: string;
  /** The Node that goes into images: its binary and its version, as `v24.1.0`. */
  node: { binary: string; version: string };
  progress: Progress;
  /** There is a person at a terminal who can be asked for a password. */
  interactive: boolean;
  /** Ends a build or an installation under way; the call fails. */
  signal?: AbortSignal;
}

export interface SetupResult {
  /** The root file system sandboxes run from: an absolute path. */
  imageRoot: string;
  /** Changes whenever the content does; `core-0123456789ab` or `root-0123456789ab`. */
  imageId: string;
  /** What is known of the image; undefined for a root made elsewhere. */
  manifest: ImageManifest | undefined;
}

/**
 * Brings the host to where sandboxes can run: installs missing packages of the operating system, builds the image. A few
 * milliseconds when everything is there.
 * @throws SetupError with a message for the operator
 */
export async function setup(options: SetupOptions): Promise<SetupResult> {
  const superuser = isSuperuser();
  if (options.image.includes('/')) {
    await install(missingPackages({ build: false, superuser }), superuser, options);
    return foreignRoot(resolve(options.image), superuser);
  }
  const imagesDir = join(resolve(options.dataDir), 'images');
  const definition = chooseDefinition(options, imagesDir);
  const folder = join(imagesDir, `${definition.name}-${definition.hash}`);
  const existing = readImageManifest(folder);
  await install(missingPackages({ build: !existing, superuser }), superuser, options);
  if (!existing) {
    // Most starts need none of it.
    const { makeOpenFolder } = await import('./building-folder.ts');
    try {
      makeOpenFolder(resolve(options.dataDir), 0o711);
      makeOpenFolder(imagesDir, 0o755);
    } catch (error) {
      throw new SetupError(`the data directory ${options.dataDir} cannot be used: ${(error as Error).message}`);
    }
    if (superuser) checkReachable(imagesDir);
  }
  const manifest = existing ?? (await build());
  if (superuser) checkReachable(join(folder, 'rootfs'));
  return { imageRoot: join(folder, 'rootfs'), imageId: `${manifest.name}-${manifest.hash}`, manifest };

  async function build(): Promise<ImageManifest> {
    const { buildImage } = await import('./image-build.ts');
    const { progress, node, signal } = options;
    return buildImage(definition, { imagesDir, nodeBinary: node.binary, superuser, progress, signal });
  }
}

async function install(missing: MissingPackage[], superuser: boolean, options: SetupOptions): Promise<void> {
  if (missing.length === 0) return;
  const { interactive, progress, signal } = options;
  await installPackages(missing, { superuser, interactive, progress, signal });
}

function chooseDefinition(options: SetupOptions, imagesDir: string): ImageDefinition {
  const target = { architecture: debianArchitecture(process.arch), nodeVersion: options.node.version };
  const named = (image: string) => readImageDefinition(definitionFolder({ ...options, image }), target);
  if (options.image !== 'auto') return named(options.image);
  const full = named('full');
  if (readImageManifest(join(imagesDir, `${full.name}-${full.hash}`))) return full;
  const needed = neededMiB(full);
  const free = freeMiB(imagesDir);
  if (free >= needed) return full;
  const core = named('core');
  options.progress.note(
    `The image full would take up to ${needed} MiB while it is built, and ${imagesDir} has ${free} MiB: taking core (${core.description}).`,
  );
  return core;
}

function definitionFolder({ definitionsDir, image }: SetupOptions): string {
  const names = readdirSync(definitionsDir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  if (names.includes(image)) return join(definitionsDir, image);
  throw new SetupError(
    `DRAGOMAN_IMAGE is ${image}, which is neither an image (${names.join(', ')}) nor a path, which would have a slash in it.`,
  );
}

/** What is known of a root directory. @throws SetupError when it cannot be one of sandboxes */
export function foreignRoot(path: string, superuser: boolean): SetupResult {
  checkForeignRoot(path);
  const imageRoot = realpathSync(path);
  if (superuser) checkReachable(imageRoot);
  const manifest = readImageManifest(dirname(imageRoot));
  if (manifest) return { imageRoot, imageId: `${manifest.name}-${manifest.hash}`, manifest };
  // Not a digest of everything, which would take minutes: what packages and programs come and go with.
  const marks = ['.', 'usr/bin', 'usr/lib', 'usr/local/bin', 'var/lib/dpkg/status'].map((part) => {
    const found = statSync(join(imageRoot, part), { throwIfNoEntry: false });
    return found ? [part, found.ino, found.size, found.mtimeMs] : [part];
  });
  const hash = createHash('sha256')
    .update(JSON.stringify([imageRoot, marks]))
    .digest('hex')
    .slice(0, 12);
  return { imageRoot, imageId: `root-${hash}`, manifest: undefined };
}
