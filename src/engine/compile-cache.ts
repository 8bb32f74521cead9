import { readdirSync, rmSync, statSync } from 'node:fs';
import { readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type FairKey, FairStore, type Logger, makeDirectories } from '../core/index.ts';

export interface CompileCacheOptions {
  /** A folder of its own, which no sandbox sees. */
  readonly directory: string;
  /** Of all programs together; where there is no room, the owner of the most loses those it has not used for longest. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

/** Which program: a file name is made of both. */
export interface CompileKey {
  /** Hash of the owner, in hexadecimal. */
  readonly owner: string;
  /** Hash of everything the program was made of, in hexadecimal. */
  readonly source: string;
}

const name = /^([0-9a-f]{64})-([0-9a-f]{64})$/;
/** How often the time of a use is written, which orders the entries of the next start. */
const markEveryMs = 60_000;
/** Of the programs used last, which need not be read again; a larger one is not worth the room. */
const memoryBytes = 32 * 1024 * 1024;
const maxMemoryEntryBytes = memoryBytes / 4;

/** A program on disk. */
interface Entry {
  readonly path: string;
  readonly size: number;
  /** When its last use was written, in milliseconds since the epoch. */
  readonly markedAt: number;
}

/**
 * Compiled programs on disk, the last ones in memory too, both bounded by share. Losing one costs a compilation, so nothing here
 * throws once it has started.
 */
export class CompileCache {
  readonly #options: CompileCacheOptions;
  /** What is on disk. */
  readonly #entries: FairStore<Entry>;
  readonly #recent = new FairStore<Uint8Array>({
    maxEntries: Number.POSITIVE_INFINITY,
    maxBytes: memoryBytes,
    ttlMs: Number.POSITIVE_INFINITY,
  });
  #writes = 0;
  /** Files being written and removed. */
  readonly #changing = new Set<Promise<void>>();

  constructor(options: CompileCacheOptions) {
    this.#options = options;
    this.#entries = new FairStore({
      maxEntries: Number.POSITIVE_INFINITY,
      maxBytes: options.maxBytes,
      ttlMs: Number.POSITIVE_INFINITY,
      onDrop: ({ path }) => this.#change(rm(path, { force: true }).catch(() => {})),
    });
  }

  /** Finds what is there and removes what a killed server left half written. */
  start(): void {
    const { directory } = this.#options;
    makeDirectories(directory, 0o700);
    const found: { key: CompileKey; size: number; used: number }[] = [];
    for (const entry of readdirSync(directory)) {
      const path = join(directory, entry);
      const stat = statSync(path);
      const [, owner, source] = name.exec(entry) ?? [];
      if (owner && source && stat.isFile()) found.push({ key: { owner, source }, size: stat.size, used: stat.mtimeMs });
      else rmSync(path, { recursive: true, force: true });
    }
    for (const { key, size } of found.sort((a, b) => a.used - b.used)) this.#note(key, size, 0);
  }

  /** The program kept under a key; undefined when there is none or it is not whole. */
  async get(key: CompileKey): Promise<Uint8Array | undefined> {
    const kept = this.#entries.get(storeKey(key));
    const recent = this.#recent.get(storeKey(key));
    if (recent) {
      this.#use(key, kept, recent);
      return recent;
    }
    if (!kept) return undefined;
    try {
      const bytes = await readFile(kept.path);
      const program = bytes.subarray(4);
      if (bytes.length !== kept.size || bytes.readUInt32BE(0) !== crc32(program)) throw new Error('it is not whole');
      this.#use(key, kept, program);
      return program;
    } catch (error) {
      this.#options.logger.warn({ key: key.source, error: String(error) }, 'a compiled program was lost');
      this.#entries.delete(storeKey(key));
      await rm(kept.path, { force: true }).catch(() => {});
      return undefined;
    }
  }

  /** Keeps a program: at hand at once, on disk soon. */
  put(key: CompileKey, program: Uint8Array): void {
    if (program.length + 4 > this.#options.maxBytes) return;
    this.#remember(key, program);
    this.#change(this.#write(key, program));
  }

  /** Waits until everything is on disk. */
  async close(): Promise<void> {
    while (this.#changing.size > 0) await Promise.all(this.#changing);
  }

  #change(work: Promise<void>): void {
    const changing = work.finally(() => this.#changing.delete(changing));
    this.#changing.add(changing);
  }

  /** Atomically. */
  async #write(key: CompileKey, program: Uint8Array): Promise<void> {
    const path = this.#pathOf(key);
    const sum = Buffer.allocUnsafe(4);
    sum.writeUInt32BE(crc32(program));
    const unfinished = `${path}.${this.#writes++}.unfinished`;
    try {
      await writeFile(unfinished, Buffer.concat([sum, program]), { mode: 0o600, flag: 'wx' });
      await rename(unfinished, path);
      this.#note(key, program.length + 4, Date.now());
    } catch (error) {
      this.#options.logger.warn({ key: key.source, error: String(error) }, 'a compiled program was not kept');
      await rm(unfinished, { force: true }).catch(() => {});
    }
  }

  /** Marks it as the one used last, here and for the next start. */
  #use(key: CompileKey, kept: Entry | undefined, program: Uint8Array): void {
    this.#remember(key, program);
    if (!kept) return;
    const now = Date.now();
    const isDue = now - kept.markedAt >= markEveryMs;
    this.#note(key, kept.size, isDue ? now : kept.markedAt);
    if (isDue) void utimes(kept.path, now / 1000, now / 1000).catch(() => {});
  }

  #remember(key: CompileKey, program: Uint8Array): void {
    if (program.length <= maxMemoryEntryBytes) this.#recent.set(storeKey(key), program, program.length);
  }

  #note(key: CompileKey, size: number, markedAt: number): void {
    this.#entries.set(storeKey(key), { path: this.#pathOf(key), size, markedAt }, size);
  }

  #pathOf({ owner, source }: CompileKey): string {
    return join(this.#options.directory, `${owner}-${source}`);
  }
}

function storeKey({ owner, source }: CompileKey): FairKey {
  return { tenant: '', principalId: owner, id: source };
}
