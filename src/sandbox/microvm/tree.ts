import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DragomanError, keptMode, pathFault } from '../../core/index.ts';
import { cacheNames, type FileTree, type FoundFile, type Listing, type OpenFile } from '../file-tree.ts';
import type { MachinePort } from './port.ts';

const size = z.int().nonnegative();
const found = z.array(
  z.union([
    z.tuple([z.literal('file'), z.base64(), size, z.int(), z.string().max(100)]),
    z.tuple([z.enum(['folder', 'cache']), z.base64()]),
    z.tuple([z.literal('cut')]),
  ]),
);
const opened = z.tuple([size, z.int(), z.string().max(100)]).nullable();

const pieceBytes = 256 * 1024;
/** Caches that a listing names. */
const maxCaches = 5;

/** The workspace in a machine. What is told of it is hostile: it is counted and checked here, and contents are hashed here. */
export class MachineTree implements FileTree {
  readonly #port: MachinePort;
  #lastHandle = 0;

  constructor(port: MachinePort) {
    this.#port = port;
  }

  isLost(): boolean {
    return this.#port.hasEnded;
  }

  async list(limits: { readonly entries: number; readonly depth: number }): Promise<Listing> {
    const files: FoundFile[] = [];
    const folders: string[] = [];
    const caches: string[] = [];
    let truncated = false;
    const take = (value: unknown) => {
      for (const entry of found.parse(value)) {
        const path = entry[0] === 'cut' ? undefined : pathOf(entry[1]);
        if (path === undefined || files.length + folders.length >= limits.entries) truncated = true;
        else if (entry[0] === 'folder') folders.push(path);
        else if (entry[0] === 'cache') caches.push(path);
        else if (entry[0] === 'file') files.push({ path, size: entry[2], mode: keptMode(entry[3]), stamp: entry[4] });
      }
    };
    const { entries, depth } = limits;
    await this.#port.ask('list', { entries, depth, caches: cacheNames }, take);
    files.sort((a, b) => (a.path < b.path ? -1 : 1));
    return { files, folders: folders.sort(), caches: caches.sort().slice(0, maxCaches), truncated };
  }

  async open(path: string): Promise<OpenFile | undefined> {
    const handle = ++this.#lastHandle;
    const status = opened.parse(await this.#port.ask('open', { handle, path }));
    return status ? new MachineFile(this.#port, handle, status) : undefined;
  }
}

/** A valid workspace path that is UTF-8, else undefined. */
function pathOf(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  const path = bytes.toString('utf8');
  return Buffer.from(path, 'utf8').equals(bytes) && !pathFault(path) ? path : undefined;
}

class MachineFile implements OpenFile {
  readonly size: number;
  readonly mode: number;
  readonly stamp: string;
  readonly #port: MachinePort;
  readonly #handle: number;
  #isClosed = false;

  constructor(port: MachinePort, handle: number, [bytes, mode, stamp]: readonly [number, number, string]) {
    this.#port = port;
    this.#handle = handle;
    this.size = bytes;
    this.mode = keptMode(mode);
    this.stamp = stamp;
  }

  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of this.read()) hash.update(chunk);
    return hash.digest('hex');
  }

  async *read(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < this.size; ) {
      const bytes = Math.min(pieceBytes, this.size - at);
      const content = await this.#piece(at, bytes);
      if (content.length === 0) return;
      at += content.length;
      yield content.subarray(0, this.size - (at - content.length));
    }
  }

  async #piece(at: number, bytes: number): Promise<Buffer> {
    try {
      return await this.#port.askForContent('read', { handle: this.#handle, at, bytes });
    } catch (cause) {
      const message = 'The sandbox ended before the file was read.';
      throw this.#port.hasEnded ? new DragomanError('sandbox_unavailable', { message, cause }) : cause;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#port.hasEnded) this.#port.say('close', { handle: this.#handle });
  }
}
