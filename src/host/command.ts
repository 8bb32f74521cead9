import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { childEnvironment } from '../core/index.ts';
import { SetupError } from './setup-error.ts';

export interface CommandOptions {
  /** What a message calls it, when the command is not what it runs. */
  name?: string;
  /** After this many milliseconds the command is ended, and the call fails. */
  deadlineMs: number;
  /** Run as this user and group; only the superuser may. */
  uid?: number | undefined;
  gid?: number | undefined;
  /** Every line of both streams, as it comes. */
  onLine?: ((line: string) => void) | undefined;
  /** Gives the command the terminal's input, so that it can ask for a password. */
  interactive?: boolean | undefined;
  /** Ends the command, and the call fails. */
  signal?: AbortSignal | undefined;
}

export interface CommandResult {
  /** The exit status; undefined after a signal. */
  status: number | undefined;
  stdout: string;
  /** The last lines of both streams together, for a message about a failure. */
  tail: string;
}

const keptLines = 30;
const keptCharacters = 1 << 20;
const graceMs = 10_000;

/**
 * Runs a command to its end.
 * @throws SetupError when it cannot be started, does not end in time or is called off
 */
export function runCommand(command: string, args: readonly string[], options: CommandOptions): Promise<CommandResult> {
  const name = options.name ?? command;
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>();
  const child = spawn(command, args, {
    stdio: [options.interactive ? 'inherit' : 'ignore', 'pipe', 'pipe'],
    cwd: '/',
    env: childEnvironment('fetch'),
    ...(options.uid !== undefined && { uid: options.uid }),
    ...(options.gid !== undefined && { gid: options.gid }),
  });
  const streams = [child.stdout as Readable, child.stderr as Readable];
  let stdout = '';
  const tail: string[] = [];
  for (const stream of streams)
    createInterface({ input: stream }).on('line', (line) => {
      if (stream === child.stdout && stdout.length < keptCharacters) stdout += `${line}\n`;
      tail.push(line);
      if (tail.length > keptLines) tail.shift();
      options.onLine?.(line);
    });

  let stopped: string | undefined;
  let force: NodeJS.Timeout | undefined;
  const stop = (reason: string) => {
    stopped ??= reason;
    child.kill('SIGTERM');
    force ??= setTimeout(() => {
      child.kill('SIGKILL');
      // What the command started may live on and hold the other ends.
      for (const stream of streams) stream.destroy();
    }, graceMs);
  };
  const deadline = setTimeout(() => stop(`did not end within ${options.deadlineMs / 1000} s`), options.deadlineMs);
  const abort = () => stop('was interrupted');
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted) abort();
  const settle = () => {
    clearTimeout(deadline);
    clearTimeout(force);
    options.signal?.removeEventListener('abort', abort);
  };
  child.on('error', (cause) => {
    settle();
    reject(new SetupError(`${name} could not be run: ${cause.message}`, cause));
  });
  child.on('close', (status) => {
    settle();
    if (stopped) reject(new SetupError(`${name} ${stopped} and was stopped.`));
    else resolve({ status: status ?? undefined, stdout, tail: tail.join('\n') });
  });
  return promise;
}

const programFolders = ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** Whether the host has a program, in the folders where distributions and administrators put them. */
export function hasProgram(name: string): boolean {
  return programFolders.some((folder) => existsSync(`${folder}/${name}`));
}
