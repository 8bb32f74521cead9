import { type FileHandle, open, readdir, readFile } from 'node:fs/promises';

const pageBytes = 4096;
const entryBytes = 8;
/** Entries of the page map that are read at once. */
const mappedAtOnce = 16_384;
/** The most that is copied at once. */
const runBytes = 4 * 1024 * 1024;
const headBytes = 16;
const isPresent = 1n << 63n;
const isSwapped = 1n << 62n;
const isOfFile = 1n << 61n;

/**
 * Writes those pages of a machine's memory that it no longer shares with its template, each run with its place and length before it.
 * Call it while the machine stands still.
 * @param pid of the process that was started; QEMU is below it
 * @throws Error when its memory cannot be read
 */
export async function saveOwnPages(pid: number, memoryBytes: number, path: string, signal: AbortSignal): Promise<void> {
  const qemu = await qemuBelow(pid);
  const start = await memoryOf(qemu, memoryBytes);
  const [map, memory, file] = await openAll([`/proc/${qemu}/pagemap`, 'r'], [`/proc/${qemu}/mem`, 'r'], [path, 'wx']);
  try {
    for await (const [at, length] of ownRuns(map!, start, memoryBytes)) {
      signal.throwIfAborted();
      const head = Buffer.alloc(headBytes);
      head.writeBigUInt64LE(BigInt(at), 0);
      head.writeBigUInt64LE(BigInt(length), 8);
      const run = Buffer.allocUnsafe(length);
      await readWhole(memory!, run, start + at);
      await file!.writev([head, run]);
    }
  } finally {
    for (const each of [map, memory, file]) await each!.close();
  }
}

/** Puts such pages into the memory of a machine that has not run yet. @throws Error when the file is not one of a machine of this size */
export async function loadOwnPages(pid: number, memoryBytes: number, path: string, signal: AbortSignal): Promise<void> {
  const qemu = await qemuBelow(pid);
  const start = await memoryOf(qemu, memoryBytes);
  const [memory, file] = await openAll([`/proc/${qemu}/mem`, 'r+'], [path, 'r']);
  try {
    const { size } = await file!.stat();
    const head = Buffer.alloc(headBytes);
    for (let read = 0; read < size; ) {
      signal.throwIfAborted();
      await readWhole(file!, head, read);
      const at = Number(head.readBigUInt64LE(0));
      const length = Number(head.readBigUInt64LE(8));
      const isInside = at % pageBytes === 0 && length > 0 && length <= runBytes && at + length <= memoryBytes;
      if (!isInside) throw new Error('pages that are not of this machine');
      const run = Buffer.allocUnsafe(length);
      await readWhole(file!, run, read + headBytes);
      await memory!.write(run, 0, length, start + at);
      read += headBytes + length;
    }
  } finally {
    for (const each of [memory, file]) await each!.close();
  }
}

/** Runs of pages that are the machine's own: [place in its memory, length]. */
async function* ownRuns(map: FileHandle, start: number, memoryBytes: number): AsyncGenerator<[number, number]> {
  const entries = Buffer.alloc(mappedAtOnce * entryBytes);
  let begin = 0;
  let length = 0;
  for (let at = 0; at < memoryBytes; at += mappedAtOnce * pageBytes) {
    const count = Math.min(mappedAtOnce, (memoryBytes - at) / pageBytes);
    const part = entries.subarray(0, count * entryBytes);
    await readWhole(map, part, ((start + at) / pageBytes) * entryBytes);
    for (let page = 0; page < count; page++) {
      const entry = part.readBigUInt64LE(page * entryBytes);
      const isOwn = (entry & (isPresent | isSwapped)) !== 0n && (entry & isOfFile) === 0n;
      const place = at + page * pageBytes;
      if (length > 0 && (!isOwn || length === runBytes)) {
        yield [begin, length];
        length = 0;
      }
      if (!isOwn) continue;
      if (length === 0) begin = place;
      length += pageBytes;
    }
  }
  if (length > 0) yield [begin, length];
}

/** Where the machine's memory begins in QEMU's. */
async function memoryOf(qemu: number, memoryBytes: number): Promise<number> {
  for (const line of (await readFile(`/proc/${qemu}/maps`, 'latin1')).split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw-p .*\/memfd:machine/.exec(line) ?? [];
    if (from && to && Number.parseInt(to, 16) - Number.parseInt(from, 16) === memoryBytes)
      return Number.parseInt(from, 16);
  }
  throw new Error('the memory of the machine was not found');
}

async function qemuBelow(pid: number): Promise<number> {
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if ((await readFile(`/proc/${next}/cmdline`, 'latin1')).startsWith('qemu-system')) return next;
    for (const task of await readdir(`/proc/${next}/task`)) {
      const children = await readFile(`/proc/${next}/task/${task}/children`, 'latin1');
      waiting.push(...children.trim().split(' ').filter(Boolean).map(Number));
    }
  }
  throw new Error('the machine has ended');
}

async function openAll(...wanted: [string, string][]): Promise<FileHandle[]> {
  const opened: FileHandle[] = [];
  try {
    for (const [path, flags] of wanted) opened.push(await open(path, flags, 0o600));
    return opened;
  } catch (error) {
    for (const each of opened) await each.close();
    throw error;
  }
}

async function readWhole(file: FileHandle, into: Buffer, at: number): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, at + filled);
    if (bytesRead === 0) throw new Error('a file ends before its end');
    filled += bytesRead;
  }
}
