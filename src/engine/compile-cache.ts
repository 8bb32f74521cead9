import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { chmod, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** The key, and the sum of the content: what a name stands for never changes. */
const name = /^([0-9a-f]{64})-([0-9a-f]{64})-([0-9a-f]{8})$/;
/** The program that was just compiled runs before it is written. */
const writeAfterMs = 20;
/** How often the time of a use is written, which orders the entries of the next start. */
const markEveryMs = 60_000;
/** Of the programs used last, which need not be read again; a larger one is not worth the room. */
const memoryBytes = 32 * 1024 * 1024;
const maxMemoryEntryBytes = memoryBytes / 4;

/** A program on disk. */
interface Entry {
  readonly name: string;
  readonly size: number;
  /** When its last use was written, in milliseconds since the epoch. */
  readonly markedAt: number;
  /** This process has written it or compared it with its sum. */
  readonly isWhole: boolean;
}

/** A program as a file of the folder, which stays there until it is released. */
export interface KeptProgram {
  readonly name: string;
  readonly size: number;
  /** Call it once. */
  release(): void;
  /** Loses the program, which could not be used as it is. */
  discard(): void;
}

/**
 * Compiled programs on disk, the last ones in memory too, both bounded by share. Losing one costs a compilation, so nothing here
 * throws once it has started.
 */
export class CompileCache {
  /**
   * The folder with the files of the programs and nothing else. It lies in one that no other user may enter; who is given a descriptor of
   * it can read a file whose name it knows, and list none.
   */
  readonly programsDir: string;
  readonly #options: CompileCacheOptions;
  /** What is on disk. */
  readonly #entries: FairStore<Entry>;
  readonly #recent = new FairStore<Uint8Array>({
    maxEntries: Number.POSITIVE_INFINITY,
    maxBytes: memoryBytes,
    ttlMs: Number.POSITIVE_INFINITY,
  });
  /** How often files are held, by name. */
  readonly #held = new Map<string, number>();
  /** Files to be removed once nobody holds them. */
  readonly #unwanted = new Set<string>();
  #writes = 0;
  /** The last change of each file that is being written or removed, by name: they follow one another. */
  readonly #changing = new Map<string, Promise<void>>();

  constructor(options: CompileCacheOptions) {
    this.#options = options;
    this.programsDir = join(options.directory, 'programs');
    this.#entries = new FairStore({
      maxEntries: Number.POSITIVE_INFINITY,
      maxBytes: options.maxBytes,
      ttlMs: Number.POSITIVE_INFINITY,
      onDrop: (entry) => this.#remove(entry.name),
    });
  }

  /** Finds what is there and removes what a killed server left half written. */
  start(): void {
    const { directory } = this.#options;
    makeDirectories(this.programsDir, 0o700);
    chmodSync(directory, 0o700);
    chmodSync(this.programsDir, 0o711);
    const strangers = readdirSync(directory).map((name) => join(directory, name));
    for (const path of strangers) if (path !== this.programsDir) rmSync(path, { recursive: true, force: true });
    const found: { key: CompileKey; entry: Entry; used: number }[] = [];
    for (const file of readdirSync(this.programsDir)) {
      const path = this.#pathOf(file);
      const stat = statSync(path);
      const key = keyOf(file);
      const entry = { name: file, size: stat.size, markedAt: 0, isWhole: false };
      if (key && stat.isFile()) found.push({ key, entry, used: stat.mtimeMs });
      else rmSync(path, { recursive: true, force: true });
    }
    for (const { key, entry } of found.sort((a, b) => a.used - b.used)) this.#note(key, entry);
  }

  /** The program kept under a key, if its file is known to be whole. */
  hold(key: CompileKey): KeptProgram | undefined {
    const kept = this.#entries.get(storeKey(key));
    if (!kept?.isWhole) return undefined;
    this.#use(key, kept);
    const { name, size } = kept;
    this.#held.set(name, (this.#held.get(name) ?? 0) + 1);
    return { name, size, release: () => this.#release(name), discard: () => this.#lose(key, name) };
  }

  /** The program kept under a key; undefined when there is none or it is not whole. */
  async get(key: CompileKey): Promise<Uint8Array | undefined> {
    const kept = this.#entries.get(storeKey(key));
    const recent = this.#recent.get(storeKey(key));
    if (recent) {
      this.#remember(key, recent);
      if (kept) this.#use(key, kept);
      return recent;
    }
    if (!kept) return undefined;
    try {
      const program = await readFile(this.#pathOf(kept.name));
      if (program.length !== kept.size || nameOf(key, program) !== kept.name) throw new Error('it is not whole');
      this.#remember(key, program);
      this.#use(key, { ...kept, isWhole: true });
      return program;
    } catch (error) {
      this.#options.logger.warn({ key: key.source, error: String(error) }, 'a compiled program was lost');
      this.#lose(key, kept.name);
      await this.#settled();
      return undefined;
    }
  }

  /** Keeps a program: at hand at once, on disk soon. */
  put(key: CompileKey, program: Uint8Array): void {
    if (program.length > this.#options.maxBytes) return;
    this.#remember(key, program);
    const name = nameOf(key, program);
    this.#change(name, async () => {
      await sleep(writeAfterMs);
      await this.#write(key, name, program);
    });
  }

  /** Waits until everything is on disk. */
  async close(): Promise<void> {
    await this.#settled();
  }

  async #settled(): Promise<void> {
    while (this.#changing.size > 0) await Promise.all(this.#changing.values());
  }

  /** @param work never rejects */
  #change(name: string, work: () => Promise<void>): void {
    const changing = (this.#changing.get(name) ?? Promise.resolve()).then(work).finally(() => {
      if (this.#changing.get(name) === changing) this.#changing.delete(name);
    });
    this.#changing.set(name, changing);
  }

  /** Atomically. */
  async #write(key: CompileKey, name: string, program: Uint8Array): Promise<void> {
    const path = this.#pathOf(name);
    const unfinished = `${path}.${this.#writes++}.unfinished`;
    try {
      await writeFile(unfinished, program, { mode: 0o600, flag: 'wx' });
      await chmod(unfinished, 0o444);
      await rename(unfinished, path);
      this.#note(key, { name, size: program.length, markedAt: Date.now(), isWhole: true });
    } catch (error) {
      this.#options.logger.warn({ key: key.source, error: String(error) }, 'a compiled program was not kept');
      await rm(unfinished, { force: true }).catch(() => {});
    }
  }

  /** Marks it as the one used last, here and for the next start. */
  #use(key: CompileKey, kept: Entry): void {
    const now = Date.now();
    const isDue = now - kept.markedAt >= markEveryMs;
    this.#note(key, isDue ? { ...kept, markedAt: now } : kept);
    if (isDue) void utimes(this.#pathOf(kept.name), now / 1000, now / 1000).catch(() => {});
  }

  #remember(key: CompileKey, program: Uint8Array): void {
    if (program.length <= maxMemoryEntryBytes) this.#recent.set(storeKey(key), program, program.length);
  }

  #note(key: CompileKey, entry: Entry): void {
    const before = this.#entries.get(storeKey(key));
    this.#entries.set(storeKey(key), entry, entry.size);
    if (before && before.name !== entry.name) this.#remove(before.name);
  }

  #lose(key: CompileKey, name: string): void {
    if (this.#entries.get(storeKey(key))?.name === name) this.#entries.delete(storeKey(key));
    this.#recent.delete(storeKey(key));
    this.#remove(name);
  }

  /** Removes a file, if it is held with its last release; unless it is kept again by then. */
  #remove(name: string): void {
    if (this.#held.has(name)) {
      this.#unwanted.add(name);
      return;
    }
    this.#change(name, async () => {
      if (this.#entries.get(storeKey(keyOf(name)!))?.name !== name)
        await rm(this.#pathOf(name), { force: true }).catch(() => {});
    });
  }

  #release(name: string): void {
    const others = this.#held.get(name)! - 1;
    if (others > 0) this.#held.set(name, others);
    else this.#held.delete(name);
    if (others === 0 && this.#unwanted.delete(name)) this.#remove(name);
  }

  #pathOf(name: string): string {
    return join(this.programsDir, name);
  }
}

function nameOf({ owner, source }: CompileKey, program: Uint8Array): string {
  return `${owner}-${source}-${crc32(program).toString(16).padStart(8, '0')}`;
}

function keyOf(file: string): CompileKey | undefined {
  const [, owner, source] = name.exec(file) ?? [];
  return owner && source ? { owner, source } : undefined;
}

function storeKey({ owner, source }: CompileKey): FairKey {
  return { tenant: '', principalId: owner, id: source };
}
