import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type GuestFile, guestEnvironment } from '../linux/guest-files.ts';
import type { Template } from '../port.ts';

const MiB = 1024 * 1024;
/** Scratch space of a sandbox beside its workspace. */
const scratchBytes = { tmp: 128 * MiB, shm: 64 * MiB } as const;

/** What a sandbox needs to shut itself in; it gives all of it up before anything of a user arrives. */
const capabilities = ['CAP_SYS_ADMIN', 'CAP_SETUID', 'CAP_SETGID', 'CAP_SETPCAP', 'CAP_SETFCAP', 'CAP_CHOWN'];

export interface BundleParts {
  readonly imageRoot: string;
  readonly files: readonly GuestFile[];
  readonly seccomp: Buffer;
  /** Where the launcher puts what is a sandbox's own. */
  readonly ownFolder: string;
}

/** A name that changes with everything that goes into a bundle. */
export function digestOf({ files, seccomp, imageRoot }: BundleParts, ...more: string[]): string {
  const hash = createHash('sha256');
  for (const text of [imageRoot, ...more]) hash.update(`${text}\0`);
  for (const { source, target, isProgram } of files) {
    hash.update(`${target}\0${isProgram}\0`);
    hash.update(readFileSync(source));
  }
  return hash.update(seccomp).digest('hex').slice(0, 16);
}

/** Writes what all sandboxes see of ours, once. Every user can read it. */
export function writeGuest(folder: string, { files, seccomp }: BundleParts): void {
  const put = (path: string, mode: number, write: (path: string) => void) => {
    const place = join(folder, path);
    mkdirSync(dirname(place), { recursive: true, mode: 0o755 });
    write(place);
    chmodSync(place, mode);
  };
  for (const { source, target, isProgram } of files)
    put(target, isProgram ? 0o555 : 0o444, (place) => copyFileSync(source, place));
  put('/opt/dragoman/seccomp.bpf', 0o444, (place) => writeFileSync(place, seccomp));
  mkdirSync(join(folder, 'opt/dragoman/io'), { recursive: true });
  mkdirSync(join(folder, 'home'), { recursive: true });
  // The workspace by the name that clients of E2B know.
  if (!existsSync(join(folder, 'home/user'))) symlinkSync('/mnt/data', join(folder, 'home/user'));
}

/** Writes the bundle of a template, with which gVisor starts it. Its sandboxes are restored with the same one. */
export function writeBundle(bundle: string, guest: string, template: Template, parts: BundleParts): void {
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'config.json'), JSON.stringify(specOf(guest, template, parts)));
}

/** What gVisor is told of a template, in the form of the Open Container Initiative. `guest`: the folder that `writeGuest` has filled. */
export function specOf(guest: string, template: Template, parts: BundleParts): object {
  const { imageRoot, files, ownFolder } = parts;
  const bind = (destination: string, source: string, access: 'ro' | 'rw') => ({
    ...{ destination, source, type: 'bind', options: ['rbind', access, 'nosuid', 'nodev'] },
  });
  const memory = (destination: string, ...options: string[]) => ({
    ...{ destination, source: 'tmpfs', type: 'tmpfs', options: ['nosuid', 'nodev', ...options] },
  });
  const environment = { ...guestEnvironment(files), PWD: '/mnt/data' };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args: commandOf(template),
      env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
      cwd: '/mnt/data',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 65_536, soft: 65_536 }],
    },
    root: { path: imageRoot, readonly: true },
    hostname: 'sandbox',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      memory('/dev'),
      { destination: '/dev/pts', type: 'devpts', source: 'devpts' },
      memory('/dev/shm', `size=${scratchBytes.shm}`, 'mode=1777'),
      memory('/tmp', `size=${scratchBytes.tmp}`, 'mode=1777'),
      bind('/opt/dragoman', join(guest, 'opt/dragoman'), 'ro'),
      bind('/opt/dragoman/io', join(ownFolder, 'io'), 'rw'),
      bind('/mnt/data', join(ownFolder, 'data'), 'rw'),
      ...(existsSync(join(imageRoot, 'home')) ? [bind('/home', join(guest, 'home'), 'ro')] : []),
    ],
    linux: { namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map((type) => ({ type })) },
  };
}

function commandOf({ isBare, imports, warm, parked = [] }: Template): string[] {
  if (isBare) return ['/opt/dragoman/native/zygote', 'alone'];
  const settings = { imports, warm, parked, entrances: [], alone: true };
  return ['/usr/bin/python3', '/opt/dragoman/guest', JSON.stringify(settings)];
}
