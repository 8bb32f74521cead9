import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';

/** More than the longest of the files that are read this way. */
const buffer = Buffer.allocUnsafe(16_384);

/**
 * The threads in a group of version 1, one a line, up to the size of a buffer. Opened each time: the kernel may repeat to an open file
 * what it said of its threads a second ago.
 */
export function tasksOf(group: string): string {
  const fd = openSync(`${group}/tasks`, constants.O_RDONLY);
  try {
    return buffer.toString('latin1', 0, readSync(fd, buffer)).trimEnd();
  } finally {
    closeSync(fd);
  }
}

/** A file of a control group that is used often: it is opened by its first use and stays open until `close`. */
export class ControlFile {
  readonly #path: string;
  readonly #flags: number;
  #fd: number | undefined;

  /** `writable`: also to be written, where the kernel lets it. */
  constructor(path: string, writable = false) {
    this.#path = path;
    this.#flags = writable ? constants.O_RDWR : constants.O_RDONLY;
  }

  /** What it says now, without the trailing newline. */
  read(): string {
    const size = readSync(this.#open(), buffer, 0, buffer.length, 0);
    return buffer.toString('latin1', 0, size).trimEnd();
  }

  /** One of its `key value` lines; 0 where there is none. */
  readKey(key: string): number {
    for (const line of this.read().split('\n')) {
      if (line.startsWith(`${key} `)) return Number(line.slice(key.length + 1));
    }
    return 0;
  }

  write(value: string | number): void {
    writeSync(this.#open(), String(value), 0);
  }

  /** A later use opens it again. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    this.#fd ??= openOr(this.#path, this.#flags);
    return this.#fd;
  }
}

/** A kernel that lacks a way to write a file refuses to open it for that. */
function openOr(path: string, flags: number): number {
  try {
    return openSync(path, flags);
  } catch (error) {
    if (flags === constants.O_RDONLY) throw error;
    return openSync(path, constants.O_RDONLY);
  }
}
