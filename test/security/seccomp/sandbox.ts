import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type SeccompArch, seccompProgram } from '../../../src/sandbox/linux/seccomp/index.ts';
import { imageRoot } from '../../support/image.ts';

export const arch = process.arch as SeccompArch;

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of the image under the filter in a bubblewrap sandbox: its files read-only, namespaces of its own, no
 * capabilities, no rights of root's.
 */
export async function runFiltered(command: readonly string[], stdin = ''): Promise<Result> {
  const child = spawn('bwrap', [...walls(await imageRoot()), '--', ...command], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
    ...(process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}),
  });
  const exit = once(child, 'close') as Promise<[number | null]>;
  const output = Promise.all([text(child.stdout!), text(child.stderr!)]);
  feed(child, 3, seccompProgram(arch));
  feed(child, 0, stdin);
  const [[code], [stdout, stderr]] = await Promise.all([exit, output]);
  return { code, stdout, stderr };
}

// The image rather than the host: its programs are there for anyone, wherever the project lies.
const walls = (root: string) => [
  ...['--unshare-all', '--cap-drop', 'ALL', '--die-with-parent', '--new-session', '--hostname', 'sandbox'],
  ...[
    '--ro-bind',
    root,
    '/',
    '--proc',
    '/proc',
    '--dev',
    '/dev',
    '--tmpfs',
    '/dev/shm',
    '--tmpfs',
    '/tmp',
    '--chdir',
    '/tmp',
  ],
  ...['--clearenv', '--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--setenv', 'HOME', '/tmp'],
  ...['--seccomp', '3'],
];

function feed(child: ChildProcess, fd: number, content: string | Buffer): void {
  const stream = child.stdio[fd] as Writable;
  // A program may end without having read everything; its exit status says so.
  stream.on('error', () => {});
  stream.end(content);
}
