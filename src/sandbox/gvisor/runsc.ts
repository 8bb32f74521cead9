import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { promisify } from 'node:util';
import { childEnvironment } from '../../core/index.ts';

const run = promisify(execFile);
const deadlineMs = 10_000;

/** A gVisor program, and what this version of it can do. */
export interface Runsc {
  readonly path: string;
  /** Names this build: its version, size and time. */
  readonly version: string;
  /** Restores memory while the sandbox runs already. */
  readonly restoresInBackground: boolean;
}

/** The name of the one sandbox that a gVisor has. */
export const sandboxName = 'sandbox';

/** Asks a gVisor program what it is. @throws Error when it is none, or one that is too old */
export async function examineRunsc(path: string): Promise<Runsc> {
  const ask = async (...words: string[]) => {
    const { stdout, stderr } = await run(path, words, { timeout: deadlineMs, env: childEnvironment('run') });
    return stdout + stderr;
  };
  const { size, mtimeMs } = statSync(path);
  const version = /^runsc version (.*)$/m.exec(await ask('--version'))?.[1];
  if (version === undefined) throw new Error(`${path} is not runsc`);
  const checkpoint = await ask('help', 'checkpoint');
  if (!checkpoint.includes('-compression'))
    throw new Error(`${path} (${version}) is too old: runsc of July 2024 or later is needed`);
  const restore = await ask('help', 'restore');
  return {
    path,
    version: `${version} ${size} ${Math.round(mtimeMs)}`,
    restoresInBackground: restore.includes('-background'),
  };
}

/** @throws Error without a program of the host that writes and reads checkpoints: sessions would lose what they hold */
export async function requirePrograms(): Promise<void> {
  const missing = (name: string) => (cause: Error) => {
    throw new Error(`${name} cannot be run: ${cause.message}`, { cause });
  };
  const ask = (name: string) => run(name, ['--version'], { timeout: deadlineMs, env: childEnvironment('run') });
  await Promise.all(['nsenter', 'tar'].map((name) => ask(name).catch(missing(name))));
}

/** What every call has in common. `folder`: where the launcher has put the sandbox's own files. */
function common({ path }: Runsc, folder: string): string[] {
  return [
    ...[path, `--root=${folder}/state`, '--platform=systrap', '--network=none', '--ignore-cgroups'],
    // Nothing is written beside the image, and the guest opens the named pipes of its `io`.
    ...['--overlay2=none', '--host-fifo=open'],
  ];
}

/** Starts a sandbox from its beginning. */
export function runCommand(runsc: Runsc, folder: string, bundle: string): string[] {
  return [...common(runsc, folder), 'run', `-bundle=${bundle}`, sandboxName];
}

/** Starts a sandbox as a copy of a checkpoint. */
export function restoreCommand(runsc: Runsc, folder: string, bundle: string, checkpoint: string): string[] {
  const background = runsc.restoresInBackground ? ['-background'] : [];
  return [
    ...[...common(runsc, folder), 'restore', `-bundle=${bundle}`, `-image-path=${checkpoint}`],
    ...[...background, sandboxName],
  ];
}

/**
 * Writes a checkpoint of a sandbox, from outside its namespaces. The sandbox goes on: its end would be the end of its namespaces, and of the
 * program that writes, which may not have finished.
 * @throws Error with what runsc said
 */
export async function writeCheckpoint(
  runsc: Runsc,
  folder: string,
  hostPid: number,
  target: string,
  signal?: AbortSignal,
): Promise<void> {
  const command = [
    ...common(runsc, folder),
    ...['checkpoint', `-image-path=${target}`, '-compression=none', '-leave-running', sandboxName],
  ];
  await run('nsenter', [...namespacesOf(hostPid), '--', ...command], {
    timeout: 60_000,
    killSignal: 'SIGKILL',
    env: childEnvironment('run'),
    cwd: '/',
    signal,
  });
}

/** Arguments of nsenter: the namespaces of a sandbox's gVisor. */
export function namespacesOf(hostPid: number): string[] {
  // Only root may change its user and groups there; who is not root is the sandbox's user already.
  const asUser = process.getuid!() === 0 ? [] : ['--preserve-credentials'];
  return ['-t', String(hostPid), '-U', ...asUser, '-m', '-p', '-n', '-i', '-u'];
}
