import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { guestFiles } from '../linux/guest-files.ts';
import { seccompProgram } from '../linux/seccomp/index.ts';
import type { BackendOptions, MachineFiles } from '../options.ts';

const folderMode = 0o040755;
const fileMode = 0o100000;
const deviceMode = 0o020600;

/** An archive as the kernel unpacks it (cpio, the format `newc`: Documentation/driver-api/early-userspace/buffer-format.rst). */
class Archive {
  readonly #parts: Buffer[] = [];
  readonly #folders = new Set<string>();
  #number = 0;

  folder(path: string): void {
    if (path === '.' || this.#folders.has(path)) return;
    this.folder(dirname(path));
    this.#folders.add(path);
    this.#add(path, folderMode, Buffer.alloc(0));
  }

  file(path: string, content: Buffer, mode: number): void {
    this.folder(dirname(path));
    this.#add(path, fileMode | mode, content);
  }

  device(path: string, major: number, minor: number): void {
    this.folder(dirname(path));
    this.#add(path, deviceMode, Buffer.alloc(0), [major, minor]);
  }

  end(): Buffer {
    this.#add('TRAILER!!!', 0, Buffer.alloc(0));
    return Buffer.concat(this.#parts);
  }

  #add(path: string, mode: number, content: Buffer, [major, minor] = [0, 0]): void {
    const name = Buffer.from(`${path}\0`);
    const numbers = [++this.#number, mode, 0, 0, 1, 0, content.length, 0, 0, major!, minor!, name.length, 0];
    const head = numbers.map((number) => number.toString(16).padStart(8, '0')).join('');
    this.#parts.push(padded(Buffer.concat([Buffer.from(`070701${head}`), name])), padded(content));
  }
}

function padded(bytes: Buffer): Buffer {
  return bytes.length % 4 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}

/**
 * Writes the initial file system of machines: a shell, the modules, the guest's code. One that is there already is used again.
 * @returns its path, with a digest of its content in it
 */
export function initialFileSystem(options: BackendOptions, { modules, shell, directory }: MachineFiles): string {
  const archive = new Archive();
  for (const folder of ['proc', 'sys', 'dev']) archive.folder(folder);
  archive.device('dev/console', 5, 1);
  archive.file('bin/busybox', readFileSync(shell), 0o755);
  archive.file('init', readFileSync(join(options.guestDir, 'microvm/init')), 0o755);
  for (const path of modules) archive.file(`modules/${basename(path)}`, readFileSync(path), 0o644);
  archive.file('modules/order', Buffer.from(modules.map((path) => `${basename(path)}\n`).join('')), 0o644);
  for (const { source, target, isProgram } of guestFiles(options))
    archive.file(target.replace('/opt/', ''), readFileSync(source), isProgram ? 0o555 : 0o444);
  archive.file('dragoman/seccomp.bpf', seccompProgram(process.arch as 'x64' | 'arm64'), 0o444);
  const content = archive.end();
  const path = join(directory, `initial-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`);
  if (isThere(path, content.length)) return path;
  mkdirSync(directory, { recursive: true });
  const making = `${path}.${process.pid}`;
  writeFileSync(making, content, { mode: 0o644 });
  renameSync(making, path);
  return path;
}

function isThere(path: string, size: number): boolean {
  return statSync(path, { throwIfNoEntry: false })?.size === size;
}
