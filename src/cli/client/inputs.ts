import { createReadStream, existsSync, fstatSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Session } from '#client';
import type { Work } from './command.ts';
import { CommandError } from './command-error.ts';
import { shown } from './terminal.ts';

/** A file of this machine and where it goes: `data.csv`, or `data.csv:in/renamed.csv`. */
interface LocalFile {
  readonly local: string;
  readonly path: string;
}

/** @throws CommandError for a name that no file of a session can have */
export function localFileOf(given: string): LocalFile {
  const colon = given.lastIndexOf(':');
  // A file whose own name has a colon is meant as it is.
  const renamed = colon > 0 && given.slice(colon + 1) !== '' && !existsSync(given);
  const local = renamed ? given.slice(0, colon) : given;
  const path = renamed ? given.slice(colon + 1) : basename(given);
  if (path.split('/').some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new CommandError(`${shown(path)} is no path in a session: it is relative, with "/" between names.`);
  return { local, path };
}

/** Puts files into a session, as streams. */
export async function putFiles(
  session: Session,
  given: readonly string[],
  { terminal, signal }: Pick<Work, 'terminal' | 'signal'>,
): Promise<void> {
  for (const { local, path } of given.map(localFileOf)) {
    const { size } = await readable(local);
    await session.files.put(
      path,
      streamOf(local, size, (share) => terminal.status(`Sending ${shown(local)}: ${share}`)),
      {
        signal,
      },
    );
  }
}

/** @throws CommandError for a file that is none */
export async function readable(path: string): Promise<{ size: number }> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(error.code === 'ENOENT' ? `There is no file ${shown(path)}.` : error.message);
  });
  if (!stats.isFile()) throw new CommandError(`${shown(path)} is no file.`);
  return stats;
}

export function streamOf(path: string, size: number, tell: (share: string) => void): ReadableStream<Uint8Array> {
  let sent = 0;
  const counted = createReadStream(path, { highWaterMark: 256 * 1024 }).on('data', (piece) => {
    sent += piece.length;
    if (size > 8 * 1024 * 1024) tell(`${Math.floor((sent / size) * 100)} %`);
  });
  return Readable.toWeb(counted) as ReadableStream<Uint8Array>;
}

/** What stands in front of the command in a pipe, or in the file it reads from; undefined for a terminal and `/dev/null`. */
export async function pipedInput({ terminal }: Pick<Work, 'terminal'>): Promise<string | undefined> {
  const stats = standardInput();
  // Pipes of Node are sockets.
  if (!stats?.isFIFO() && !stats?.isFile() && !stats?.isSocket()) return undefined;
  const slow = setTimeout(() => terminal.status('Reading standard input; --no-stdin runs without it'), 1500);
  try {
    return await text(process.stdin);
  } finally {
    clearTimeout(slow);
  }
}

/** Whether standard input brings anything: a pipe, a file, or a person at a terminal. */
export function hasInput(): boolean {
  const stats = standardInput();
  return process.stdin.isTTY || (stats !== undefined && (stats.isFIFO() || stats.isFile() || stats.isSocket()));
}

/** A closed descriptor has nothing to read. */
function standardInput() {
  try {
    return fstatSync(0);
  } catch {
    return undefined;
  }
}
