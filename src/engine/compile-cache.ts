import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Logger } from '../core/index.ts';

export interface CompileCacheOptions {
  /** A folder of its own, which no sandbox sees. */
  readonly directory: string;
  /** Bytes of all programs together; the least recently used are removed first. */
  readonly maxBytes: number;
  readonly logger: Logger;
}

const name = /^[0-9a-f]{64}$/;
/** Bytes of recently used programs that stay in memory. A larger program is read from disk each time. */
const memoryBytes = 32 * 1024 * 1024;
const maxMemoryEntryBytes = memoryBytes / 4;

/**
 * Compiled programs on disk, recent ones also in memory. Losing one costs only a compilation, so nothing here throws after the
 * start.
 */
export class CompileCache {
  readonly #options: CompileCacheOptions;
  /** Sizes by key, least recently used first. */
  readonly #entries = new Map<string, number>();
  /** Least recently used first. */
  readonly #recent = new Map<string, Uint8Array>();
  #bytes = 0;
  #recentBytes = 0;
  #writes = 0;
  readonly #writing = new Set<Promise<void>>();

  constructor(options: CompileCacheOptions) {
    this.#options = options;
  }

  /** Finds the programs on disk, and removes files that a killed server left half written. */
  start(): void {
    const { directory } = this.#options;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const found: { key: string; size: number; used: number }[] = [];
    for (const entry of readdirSync(directory)) {
      const path = join(directory, entry);
      const stat = statSync(path);
      if (name.test(entry) && stat.isFile()) found.push({ key: entry, size: stat.size, used: stat.mtimeMs });
      else rmSync(path, { recursive: true, force: true });
    }
    for (const { key, size } of found.sort((a, b) => a.used - b.used)) this.#note(key, size);
    void this.#evict();
  }

  /** The program of a key; undefined when it is missing or damaged. */
  async get(key: string): Promise<Uint8Array | undefined> {
    const size = this.#entries.get(key);
    const recent = this.#recent.get(key);
    if (recent) {
      this.#use(key, size, recent);
      return recent;
    }
    if (size === undefined) return undefined;
    const path = join(this.#options.directory, key);
    try {
      const kept = await readFile(path);
      const program = kept.subarray(4);
      if (kept.length !== size || kept.readUInt32BE(0) !== crc32(program)) throw new Error('it is not whole');
      this.#use(key, size, program);
      return program;
    } catch (error) {
      this.#options.logger.warn({ key, error: String(error) }, 'a compiled program was lost');
      this.#forget(key);
      await rm(path, { force: true }).catch(() => {});
      return undefined;
    }
  }

  /** Stores a program: in memory at once, on disk soon after. */
  put(key: string, program: Uint8Array): void {
    if (program.length + 4 > this.#options.maxBytes) return;
    this.#remember(key, program);
    const writing = this.#write(key, program).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  /** Waits until everything is on disk. */
  async close(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** Atomically. */
  async #write(key: string, program: Uint8Array): Promise<void> {
    const { directory, logger } = this.#options;
    const sum = Buffer.allocUnsafe(4);
    sum.writeUInt32BE(crc32(program));
    const unfinished = join(directory, `${key}.${this.#writes++}.unfinished`);
    try {
      await writeFile(unfinished, Buffer.concat([sum, program]), { mode: 0o600, flag: 'wx' });
      await rename(unfinished, join(directory, key));
      this.#note(key, program.length + 4);
      await this.#evict();
    } catch (error) {
      logger.warn({ key, error: String(error) }, 'a compiled program was not kept');
      await rm(unfinished, { force: true }).catch(() => {});
    }
  }

  async #evict(): Promise<void> {
    for (const key of this.#entries.keys()) {
      if (this.#bytes <= this.#options.maxBytes) return;
      this.#forget(key);
      await rm(join(this.#options.directory, key), { force: true }).catch(() => {});
    }
  }

  /** Marks a program as the most recently used, also for the next start. */
  #use(key: string, size: number | undefined, program: Uint8Array): void {
    this.#remember(key, program);
    if (size === undefined) return;
    this.#note(key, size);
    const now = Date.now() / 1000;
    void utimes(join(this.#options.directory, key), now, now).catch(() => {});
  }

  #remember(key: string, program: Uint8Array): void {
    if (program.length > maxMemoryEntryBytes) return;
    this.#recentBytes += program.length - (this.#recent.get(key)?.length ?? 0);
    this.#recent.delete(key);
    this.#recent.set(key, program);
    for (const [oldest, { length }] of this.#recent) {
      if (this.#recentBytes <= memoryBytes) return;
      this.#recent.delete(oldest);
      this.#recentBytes -= length;
    }
  }

  #note(key: string, size: number): void {
    this.#forget(key);
    this.#entries.set(key, size);
    this.#bytes += size;
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key) ?? 0;
    this.#entries.delete(key);
  }
}
