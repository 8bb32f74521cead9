import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, opendirSync, openSync, readSync } from 'node:fs';
import { keptMode, pathFault } from '../../../core/index.ts';
import { type FoundFile, isCache, type Listing } from '../../file-tree.ts';

/*
 * A walk by path would race with the program (rename a directory, put a link in its place) and read the host's files. This one
 * goes through directory descriptors: /proc/self/fd/<directory>/<name> resolves the descriptor, then one name that is never
 * followed when it is a link, so the walk cannot leave the workspace's file system.
 */
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/** For opening a name that the program may have replaced by anything. */
export const openFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/** Caches that a listing names. */
const maxCaches = 5;

/** Thrown by a strict walk that meets more entries than its limit. */
export class TooMany extends Error {}

/** sha256 of the first `size` bytes of a file. */
export function digestOf(fd: number, size: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(size, 1024 * 1024) || 1);
  for (let at = 0; at < size; ) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - at), at);
    if (count === 0) break;
    hash.update(buffer.subarray(0, count));
    at += count;
  }
  return hash.digest('hex');
}

/**
 * Lists the regular files and the empty folders below a directory descriptor, skipping caches, within bounds.
 * With `strict`, more entries than the limit throw TooMany instead of truncating.
 */
export function walk(root: number, limits: { entries: number; depth: number; strict?: boolean }): Listing {
  const files: FoundFile[] = [];
  const folders: string[] = [];
  const caches: string[] = [];
  let truncated = false;
  let left = limits.entries;

  const visit = (directory: number, prefix: string, depth: number): void => {
    const entries = opendirSync(`/proc/self/fd/${directory}`, { encoding: 'buffer' as BufferEncoding });
    try {
      for (let entry = entries.readSync(); entry; entry = entries.readSync()) {
        if (left-- <= 0) {
          if (limits.strict) throw new TooMany();
          truncated = true;
          return;
        }
        const bytes = entry.name as unknown as Buffer;
        const name = bytes.toString('utf8');
        const path = prefix + name;
        const at = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), bytes]);
        const stat = lstatSync(at, { bigint: true, throwIfNoEntry: false });
        if (!stat || !(stat.isFile() || stat.isDirectory())) continue;
        if (stat.isDirectory() && isCache(name)) {
          if (caches.length < maxCaches) caches.push(path);
          continue;
        }
        // A name that is not UTF-8 changes when it is decoded and encoded again.
        if (!Buffer.from(name, 'utf8').equals(bytes) || pathFault(path) || depth > limits.depth) {
          truncated = true;
          continue;
        }
        if (stat.isFile()) {
          files.push({ path, size: Number(stat.size), mode: keptMode(Number(stat.mode)), stamp: stampOf(stat) });
          continue;
        }
        const child = tryOpen(at);
        if (child === undefined) continue;
        const before = files.length + folders.length;
        try {
          visit(child, `${path}/`, depth + 1);
          if (files.length + folders.length === before) folders.push(path);
        } finally {
          closeSync(child);
        }
      }
    } finally {
      entries.closeSync();
    }
  };

  visit(root, '', 1);
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  folders.sort();
  caches.sort();
  return { files, folders, caches, truncated };
}

/** The change time is the kernel's: a program cannot set it. */
export function stampOf({ ino, ctimeNs, size }: { ino: bigint; ctimeNs: bigint; size: bigint }): string {
  return `${ino}:${ctimeNs}:${size}`;
}

function tryOpen(path: Buffer): number | undefined {
  try {
    return openSync(path, openFlags | O_DIRECTORY);
  } catch {
    return undefined;
  }
}
