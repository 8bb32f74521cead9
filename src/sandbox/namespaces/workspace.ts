import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, opendirSync, openSync, read, readSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { pathFault } from '../../core/index.ts';
import type { Workspace, WorkspaceContent, WorkspaceFile, WorkspaceListing } from '../port.ts';
import { collectorThread } from './collector.ts';

/*
 * Everything here goes through directory descriptors: /proc/self/fd/<directory>/<name> resolves the descriptor, then one name
 * that is never followed when it is a link. A walk by path would race with the program (rename a directory, put a link there)
 * and read the host's files; this one cannot leave the workspace's file system.
 */
const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const openFlags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/** A tree of up to this many entries is walked at once; a larger one in the collector's thread. */
const inlineEntries = 24;
const inlineDigestBytes = 64 * 1024;

/** Thrown inside a walk that takes longer than its caller wants to wait. */
class TooMany extends Error {}

const tmpfsMagic = 0x01021994;

/**
 * Opens the workspace of a sandbox that says it is confined and has nothing of a user in it yet.
 * @throws Error when what is mounted there is not the sandbox's own file system
 */
export function openWorkspace(hostPid: number): DescriptorWorkspace {
  const fd = openSync(`/proc/${hostPid}/root/mnt/data`, O_RDONLY | O_DIRECTORY);
  if (statfsSync(`/proc/self/fd/${fd}`).type !== tmpfsMagic) {
    closeSync(fd);
    throw new Error('the workspace is not a file system of its own');
  }
  return new DescriptorWorkspace(fd);
}

export class DescriptorWorkspace implements Workspace {
  readonly #fd: number;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  async list(limits: { entries: number; depth: number }): Promise<WorkspaceListing> {
    try {
      return walk(this.#fd, { ...limits, entries: Math.min(limits.entries, inlineEntries), strict: true });
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      return collectorThread().list(this.#fd, limits);
    }
  }

  async open(path: string): Promise<WorkspaceContent | undefined> {
    const segments = path.split('/');
    const name = segments.pop()!;
    let directory = this.#fd;
    try {
      for (const segment of segments) {
        const next = openSync(`/proc/self/fd/${directory}/${segment}`, openFlags | O_DIRECTORY);
        if (directory !== this.#fd) closeSync(directory);
        directory = next;
      }
      const fd = openSync(`/proc/self/fd/${directory}/${name}`, openFlags);
      const stat = fstatSync(fd);
      if (stat.isFile()) return new DescriptorContent(fd, stat.size);
      closeSync(fd);
      return undefined;
    } catch (error) {
      // Gone, a link, unreadable: to the service it is no file.
      if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
      throw error;
    } finally {
      if (directory !== this.#fd) closeSync(directory);
    }
  }

  /** Lets go of the directory; without it the file system ends with the sandbox. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

const readAsync = promisify(read);

class DescriptorContent implements WorkspaceContent {
  readonly size: number;
  readonly #fd: number;
  #closed = false;

  constructor(fd: number, size: number) {
    this.#fd = fd;
    this.size = size;
  }

  async digest(): Promise<string> {
    return this.size <= inlineDigestBytes
      ? digestOf(this.#fd, this.size)
      : collectorThread().digest(this.#fd, this.size);
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.size; ) {
      const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, this.size - at));
      const { bytesRead } = await readAsync(this.#fd, buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

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
 * Lists the regular files below a directory descriptor, skipping hidden directories and Python's caches, within bounds.
 * With `strict`, more entries than the bound throw instead of truncating.
 */
export function walk(root: number, limits: { entries: number; depth: number; strict?: boolean }): WorkspaceListing {
  const files: WorkspaceFile[] = [];
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
        if (stat.isDirectory() && (name.startsWith('.') || name === '__pycache__')) continue;
        // A name that is not UTF-8 does not survive the round trip.
        if (!Buffer.from(name, 'utf8').equals(bytes) || pathFault(path) || depth > limits.depth) {
          truncated = true;
          continue;
        }
        if (stat.isFile()) {
          files.push({ path, size: Number(stat.size), stamp: `${stat.ino}:${stat.ctimeNs}:${stat.size}` });
          continue;
        }
        const child = tryOpen(at);
        if (child === undefined) continue;
        try {
          visit(child, `${path}/`, depth + 1);
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
  return { files, truncated };
}

function tryOpen(path: Buffer): number | undefined {
  try {
    return openSync(path, openFlags | O_DIRECTORY);
  } catch {
    return undefined;
  }
}
