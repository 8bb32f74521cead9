import { createHash } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSuperuser } from '../core/index.ts';
import { hasProgram, installPackages, type Progress, runCommand, SetupError } from '../host/index.ts';

export interface NativeHelperOptions {
  /** The sources: `guest/native`. */
  readonly sourceDir: string;
  /** The root of sandboxes, whose compiler is used where it has one. */
  readonly imageRoot: string;
  /** Folders in which it is looked for, after the one that the image is in. It is made in the last one. */
  readonly places: readonly string[];
  readonly progress: Progress;
  /** There is a person at a terminal who can be asked for a password. */
  readonly interactive: boolean;
  /** Do not install a compiler. */
  readonly asItIs?: boolean;
  /** Names of compilers, the best one first. */
  readonly compilers?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

const compileDeadlineMs = 120_000;
const results = ['helper.so', 'node.so', 'zygote', 'launcher'];

/**
 * The folder with the compiled helper: the code that forks sandboxes and shuts them in. It uses no library, so one result serves every
 * image, and it is made again only when its source has changed. A few milliseconds when it is there.
 * @throws SetupError saying what to install where there is no compiler
 */
export async function nativeHelper(options: NativeHelperOptions): Promise<string> {
  const { sourceDir, imageRoot, places } = options;
  const digest = digestOf(sourceDir);
  const shipped = join(sourceDir, 'built');
  if (existsSync(join(shipped, 'digest')) && readFileSync(join(shipped, 'digest'), 'utf8').trim() === digest)
    return shipped;
  const name = `native-${process.arch}-${digest.slice(0, 12)}`;
  const found = [dirname(dirname(imageRoot)), ...places].map((folder) => join(folder, name)).find(isTrusted);
  return found ?? (await make(places.at(-1)!, name, options));
}

/** Of the sources; build.sh makes the same. */
function digestOf(sourceDir: string): string {
  const hash = createHash('sha256');
  const files = readdirSync(sourceDir).filter((name) => /\.(?:c|h|sh)$/.test(name));
  for (const name of files.sort()) hash.update(readFileSync(join(sourceDir, name)));
  return hash.digest('hex');
}

function isWhole(folder: string): boolean {
  return results.every((name) => existsSync(join(folder, name)));
}

/** A folder above an image may be open to other users of this host: what they have put there is not run. */
function isTrusted(folder: string): boolean {
  return [folder, ...results.map((name) => join(folder, name))].every((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    return found && !found.isSymbolicLink() && [0, process.getuid!()].includes(found.uid) && (found.mode & 0o022) === 0;
  });
}

/** The rename is what makes it. */
async function make(place: string, name: string, options: NativeHelperOptions): Promise<string> {
  // As an image would make them; most starts need none of it.
  const { makeOpenFolder } = await import('./building-folder.ts');
  makeOpenFolder(dirname(place), 0o711);
  makeOpenFolder(place, 0o755);
  const folder = mkdtempSync(join(place, '.native-'));
  options.progress.phase('Compiling the helper that forks sandboxes');
  try {
    await compile(folder, options);
    for (const result of results) chmodSync(join(folder, result), 0o555);
    chmodSync(folder, 0o755);
    const target = join(place, name);
    if (!isTrusted(target)) renameSync(folder, target);
    return target;
  } finally {
    options.progress.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** By the image's compiler or by the host's, the first that can; where there is none, after one has been installed. */
async function compile(folder: string, options: NativeHelperOptions): Promise<void> {
  const { imageRoot, progress, interactive, asItIs, compilers = ['gcc', 'cc', 'clang'], signal } = options;
  const faults: string[] = [];
  const attempt = async (argv: readonly string[], where: string) => {
    const run = await runCommand(argv[0]!, argv.slice(1), { deadlineMs: compileDeadlineMs, signal });
    if (run.status === 0 && isWhole(folder)) return true;
    faults.push(`${where}: ${run.tail}`);
    return false;
  };
  const inside = compilers.find((name) => lstatSync(join(imageRoot, 'usr/bin', name), { throwIfNoEntry: false }));
  if (inside && (await attempt(inImage(inside, folder, options), "the image's compiler"))) return;
  const onHost = async () => {
    const found = compilers.find(hasProgram);
    if (!found) return false;
    return attempt(['sh', join(options.sourceDir, 'build.sh'), found, folder], "the host's compiler");
  };
  if (await onHost()) return;
  if (faults.length === 0 && !asItIs) {
    const gcc = { name: 'gcc', why: 'compiles the helper that forks sandboxes' };
    await installPackages([gcc], { superuser: isSuperuser(), interactive, progress, signal });
    if (await onHost()) return;
  }
  throw new SetupError(
    faults.length > 0
      ? `The helper that forks sandboxes cannot be compiled:\n${faults.join('\n')}`
      : 'The helper that forks sandboxes must be compiled once, and neither the image nor this host has a C compiler: install gcc ("sudo apt-get install gcc") and start again.',
  );
}

/** Without a network, and with nothing of the host but the sources and the folder of the results. */
function inImage(compiler: string, folder: string, { sourceDir, imageRoot }: NativeHelperOptions): string[] {
  return [
    ...['bwrap', '--unshare-all', '--die-with-parent', '--new-session', '--clearenv'],
    ...['--setenv', 'PATH', '/usr/bin:/bin', '--ro-bind', imageRoot, '/', '--proc', '/proc', '--dev', '/dev'],
    ...['--tmpfs', '/tmp', '--ro-bind', sourceDir, '/tmp/source', '--bind', folder, '/tmp/built', '--chdir', '/tmp'],
    ...['--', 'sh', '/tmp/source/build.sh', compiler, '/tmp/built'],
  ];
}
