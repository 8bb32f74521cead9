import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { isSuperuser } from '../core/index.ts';
import { installPackages, missingForMachines, type Progress, runCommand, SetupError } from '../host/index.ts';
import { makeOpenFolder } from './building-folder.ts';
import { unpackPackages } from './debian-packages.ts';
import { freeMiB } from './disk-space.ts';
import { debianArchitecture } from './image-definition.ts';
import { foreignRoot } from './setup.ts';

export interface MachineFilesOptions {
  /** They are kept in its folder `machines`. */
  readonly dataDir: string;
  readonly imageRoot: string;
  readonly imageId: string;
  readonly progress: Progress;
  /** There is a person at a terminal who can be asked for a password. */
  readonly interactive: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What small virtual machines are made of. */
export interface MachineFilesResult {
  readonly kernel: string;
  /** Paths of its modules, in the order in which they are loaded. */
  readonly modules: readonly string[];
  /** A program that is a shell and more, without libraries. */
  readonly shell: string;
  /** The image as squashfs. */
  readonly root: string;
  /** Changes with all of them. */
  readonly digest: string;
  /** For what is made of them. */
  readonly directory: string;
}

const suite = 'trixie';
/** By name, in their order. Those that the kernel has inside are no files. */
const moduleNames = [
  'virtio_ring',
  'virtio',
  'virtio_pci_legacy_dev',
  'virtio_pci_modern_dev',
  'virtio_pci',
  'virtio_blk',
  'virtio_console',
  'squashfs',
  'overlay',
];
const packDeadlineMs = 30 * 60_000;
const pollMs = 1000;

/**
 * Brings the host to where small virtual machines can run: QEMU from its packages, Debian's kernel for machines, the image packed as one
 * file. A few milliseconds when everything is there.
 * @throws SetupError with a message for the operator
 */
export async function machineFiles(options: MachineFilesOptions): Promise<MachineFilesResult> {
  const { dataDir, imageId, progress, interactive, signal } = options;
  if (process.arch !== 'x64') throw new SetupError('DRAGOMAN_ISOLATION=microvm needs a host of x86-64.');
  const folder = join(resolve(dataDir), 'machines');
  const root = join(folder, `${imageId}.sqfs`);
  const missing = missingForMachines();
  if (missing.length > 0) await installPackages(missing, { superuser: isSuperuser(), interactive, progress, signal });
  makeOpenFolder(resolve(dataDir), 0o711);
  makeOpenFolder(folder, 0o755);
  const kernel = keptKernel(folder) ?? (await fetchKernel(folder, options));
  if (!existsSync(root)) await pack(root, options);
  return described(folder, kernel, imageId);
}

/** What was set up before. @throws SetupError when something of it is missing */
export function presentMachineFiles(dataDir: string, imageRoot: string): MachineFilesResult {
  const folder = join(resolve(dataDir), 'machines');
  const { imageId } = foreignRoot(imageRoot, isSuperuser());
  const kernel = existsSync(folder) ? keptKernel(folder) : undefined;
  const result = kernel && described(folder, kernel, imageId);
  if (result && existsSync(result.root)) return result;
  throw new SetupError(
    'Virtual machines are not set up yet: the start does it (DRAGOMAN_ISOLATION=microvm npm start).',
  );
}

function described(folder: string, kernel: string, imageId: string): MachineFilesResult {
  const files = readdirSync(kernel);
  const modules = moduleNames.flatMap((name) => {
    const file = files.find((each) => each === `${name}.ko` || each === `${name}.ko.xz`);
    return file ? [join(kernel, file)] : [];
  });
  const digest = createHash('sha256')
    .update(JSON.stringify([imageId, basename(kernel), moduleNames]))
    .digest('hex');
  const root = join(folder, `${imageId}.sqfs`);
  return { kernel: join(kernel, 'vmlinuz'), modules, shell: join(kernel, 'busybox'), root, digest, directory: folder };
}

function keptKernel(folder: string): string | undefined {
  const found = readdirSync(folder).find((name) => name.startsWith('kernel-'));
  return found && join(folder, found);
}

/** Makes the folder with Debian's kernel for machines. */
async function fetchKernel(folder: string, { progress, signal }: MachineFilesOptions): Promise<string> {
  const making = mkdtempSync(join(folder, '.making-'));
  try {
    const architecture = debianArchitecture(process.arch);
    const names = [`linux-image-cloud-${architecture}`, 'busybox-static'];
    const unpacked = await unpackPackages(names, { suite, architecture, folder: making, progress, signal });
    const made = join(making, 'made');
    mkdirSync(made, { mode: 0o755 });
    const image = filesBelow(join(unpacked, 'boot')).find((path) => basename(path).startsWith('vmlinuz-'));
    if (!image) throw new SetupError('The package of the kernel for virtual machines has no kernel in it.');
    const wanted = filesBelow(unpacked).filter((path) =>
      moduleNames.some((name) => new RegExp(`^${name}\\.ko(\\.xz)?$`).test(basename(path))),
    );
    for (const path of wanted) copyFileSync(path, join(made, basename(path)));
    copyFileSync(image, join(made, 'vmlinuz'));
    const shell = filesBelow(unpacked).find((path) => path.endsWith('bin/busybox'));
    if (!shell) throw new SetupError('The package busybox-static has no busybox in it.');
    copyFileSync(shell, join(made, 'busybox'));
    const target = join(folder, `kernel-${basename(image).slice('vmlinuz-'.length)}`);
    renameSync(made, target);
    return target;
  } finally {
    progress.end();
    rmSync(making, { recursive: true, force: true });
  }
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** lz4 is the quickest to read where the processor is emulated. */
async function pack(root: string, { imageRoot, progress, signal }: MachineFilesOptions): Promise<void> {
  const making = `${root}.making`;
  rmSync(making, { force: true });
  progress.phase('Packing the image for virtual machines');
  const timer = setInterval(() => {
    const size = statSync(making, { throwIfNoEntry: false })?.size ?? 0;
    progress.detail(`${Math.round(size / (1024 * 1024))} MiB`);
  }, pollMs);
  try {
    const args = [imageRoot, making, '-comp', 'lz4', '-no-xattrs', '-no-progress', '-noappend', '-all-root'];
    const { status, tail } = await runCommand('mksquashfs', args, {
      name: 'mksquashfs',
      deadlineMs: packDeadlineMs,
      signal,
    });
    if (status !== 0) {
      const free = freeMiB(root);
      throw new SetupError(`The image could not be packed for virtual machines (${free} MiB are free):\n${tail}`);
    }
    renameSync(making, root);
  } finally {
    clearInterval(timer);
    progress.end();
    rmSync(making, { force: true });
  }
}
