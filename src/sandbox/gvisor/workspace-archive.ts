import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { childEnvironment } from '../../core/index.ts';
import { namespacesOf } from './runsc.ts';

const keptErrorBytes = 500;

/**
 * Writes everything in a sandbox's workspace to a file: links, holes and what is no file of the session as well, because programs that are
 * restored have it open. The archiver works in the sandbox's namespaces as its user. Call it while nothing inside runs.
 * @throws Error with what tar said
 */
export function archiveWorkspace(hostPid: number, data: string, file: string, signal: AbortSignal): Promise<void> {
  // gVisor has sockets of its own, which are no files here.
  return tar(hostPid, ['--create', '--sparse', '--format=gnu', `--directory=${data}`, '.'], { to: file }, signal);
}

/** Fills an empty workspace from such a file. @throws Error with what tar said */
export function unpackWorkspace(hostPid: number, data: string, file: string, signal: AbortSignal): Promise<void> {
  const settings = ['--extract', '--preserve-permissions', '--delay-directory-restore', '--numeric-owner'];
  return tar(hostPid, [...settings, `--directory=${data}`], { from: file }, signal);
}

async function tar(
  hostPid: number,
  words: readonly string[],
  { from, to }: { readonly from?: string; readonly to?: string },
  signal: AbortSignal,
): Promise<void> {
  const input = from === undefined ? 'ignore' : openSync(from, 'r');
  const output = to === undefined ? 'ignore' : openSync(to, 'wx', 0o600);
  const child = spawn('nsenter', [...namespacesOf(hostPid), '--', 'tar', ...words, '--file=-'], {
    stdio: [input, output, 'pipe'],
    cwd: '/',
    env: childEnvironment('run'),
    signal,
    killSignal: 'SIGKILL',
  });
  for (const fd of [input, output]) if (typeof fd === 'number') closeSync(fd);
  let said = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-keptErrorBytes);
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const code = await promise;
  if (code !== 0) throw new Error(`the workspace could not be archived: ${said.trim() || `tar ended with ${code}`}`);
}
