import { type BigIntStats, closeSync, constants, fstatSync, openSync, read, readSync, statfsSync } from 'node:fs';
import { promisify } from 'node:util';
import { keptMode } from '../../../core/index.ts';
import { type FileTree, type Listing, type OpenFile, TreeWorkspace } from '../../file-tree.ts';
import { collectorThread } from './collector.ts';
import { digestOf, openFlags, stampOf, TooMany, walk } from './walk.ts';

const { O_RDONLY, O_DIRECTORY } = constants;

/** A tree of up to this many entries is walked on the event loop, a larger one in the collector's thread. */
const inlineEntries = 24;
/** What is read and digested on the event loop. */
const inlineBytes = 64 * 1024;

const tmpfsMagic = 0x01021994;
/** What a tmpfs says of a directory with nothing in it; each name in it adds to this. */
const emptySize = 40;

/**
 * Opens the workspace of a sandbox that has claimed `ready` and has nothing of a user in it yet.
 * @param path where the host finds it
 * @throws Error when what is mounted there is not the sandbox's own file system
 */
export function openWorkspace(path: string): DescriptorWorkspace {
  const fd = openSync(path, O_RDONLY | O_DIRECTORY);
  if (statfsSync(`/proc/self/fd/${fd}`).type !== tmpfsMagic) {
    closeSync(fd);
    throw new Error('the workspace is not a file system of its own');
  }
  return new DescriptorWorkspace(fd);
}

/** A workspace that is a tmpfs of its own, held by a descriptor of its root. */
export class DescriptorWorkspace extends TreeWorkspace {
  readonly #tree: DescriptorTree;

  constructor(fd: number) {
    const tree = new DescriptorTree(fd);
    super(tree);
    this.#tree = tree;
  }

  /** Bytes that its files take. */
  usedBytes(): number {
    return this.#tree.usedBytes();
  }

  /** Closes the root directory; without it the file system ends with the sandbox. Idempotent. */
  close(): void {
    this.#tree.close();
  }
}

class DescriptorTree implements FileTree {
  readonly #fd: number;
  #closed = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  usedBytes(): number {
    const { blocks, bfree, bsize } = statfsSync(`/proc/self/fd/${this.#fd}`);
    return (blocks - bfree) * bsize;
  }

  isEmpty(): boolean {
    return fstatSync(this.#fd).size === emptySize;
  }

  async list(limits: { entries: number; depth: number }): Promise<Listing> {
    if (limits.entries <= inlineEntries) return walk(this.#fd, limits);
    try {
      return walk(this.#fd, { ...limits, entries: inlineEntries, strict: true });
    } catch (error) {
      if (!(error instanceof TooMany)) throw error;
      return collectorThread().list(this.#fd, limits);
    }
  }

  async open(path: string): Promise<OpenFile | undefined> {
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
      const stat = fstatSync(fd, { bigint: true });
      if (stat.isFile()) return new DescriptorFile(fd, stat);
      closeSync(fd);
      return undefined;
    } catch (error) {
      // Gone, a link or unreadable: not a file of the workspace.
      if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
      throw error;
    } finally {
      if (directory !== this.#fd) closeSync(directory);
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }
}

const readAsync = promisify(read);

class DescriptorFile implements OpenFile {
  readonly size: number;
  readonly mode: number;
  readonly stamp: string;
  readonly #fd: number;
  #closed = false;

  constructor(fd: number, stat: BigIntStats) {
    this.#fd = fd;
    this.size = Number(stat.size);
    this.mode = keptMode(Number(stat.mode));
    this.stamp = stampOf(stat);
  }

  async digest(): Promise<string> {
    return this.size <= inlineBytes ? digestOf(this.#fd, this.size) : collectorThread().digest(this.#fd, this.size);
  }

  async *read(): AsyncGenerator<Uint8Array> {
    // It is memory: a thread would take longer.
    if (this.size <= inlineBytes) {
      const buffer = Buffer.allocUnsafe(this.size);
      const count = readSync(this.#fd, buffer, 0, buffer.length, 0);
      if (count > 0) yield buffer.subarray(0, count);
      return;
    }
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
