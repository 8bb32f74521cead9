import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BackendOptions } from '../options.ts';

/** A host file to be copied into the base sandbox. */
export interface GuestFile {
  readonly source: string;
  readonly target: string;
  readonly isProgram: boolean;
}

/** The guest's own code and the runtimes' helpers, by where they appear inside. */
export function guestFiles({ guestDir, nativeDir, runtimesDir }: GuestFolders): GuestFile[] {
  return [
    ...filesOf(guestDir, '/opt/dragoman/guest').filter(({ source }) => !source.startsWith(join(guestDir, 'native'))),
    ...['helper.so', 'node.so', 'zygote'].map((name) => ({
      source: join(nativeDir, name),
      target: `/opt/dragoman/native/${name}`,
      isProgram: true,
    })),
    ...filesOf(runtimesDir, '/opt/dragoman/runtimes'),
  ];
}

/** See BackendOptions. */
type GuestFolders = Pick<BackendOptions, 'guestDir' | 'nativeDir' | 'runtimesDir'>;

function filesOf(dir: string, target: string): GuestFile[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('__pycache__'))
    .map((entry) => {
      const source = join(entry.parentPath, entry.name);
      const isProgram = (statSync(source).mode & 0o111) !== 0;
      return { source, target: target + source.slice(dir.length), isProgram };
    });
}

/** Variables of every process in a sandbox. */
const environment: Readonly<Record<string, string>> = {
  HOME: '/mnt/data',
  USER: 'user',
  LOGNAME: 'user',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  TERM: 'dumb',
  // Models that know Anthropic's tool look for files there.
  INPUT_DIR: '/mnt/data',
  OUTPUT_DIR: '/mnt/data',
  MPLBACKEND: 'Agg',
  // The workspace is for the user's files alone.
  XDG_CACHE_HOME: '/tmp/.cache',
  XDG_CONFIG_HOME: '/tmp/.config',
  // A second thread must not exist when the zygote forks; programs may raise these for themselves.
  OPENBLAS_NUM_THREADS: '1',
  OMP_NUM_THREADS: '1',
  JE_ARROW_MALLOC_CONF: 'background_thread:false',
  PYTHONDONTWRITEBYTECODE: '1',
  // An installer that answers without a network.
  PYTHONPATH: '/opt/dragoman/runtimes/python/path',
};
const path = '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin';

/** The variables with which a sandbox's first process begins. */
export function guestEnvironment(files: readonly Pick<GuestFile, 'target' | 'isProgram'>[]): Record<string, string> {
  return { PATH: [...programFolders(files), path].join(':'), ...environment };
}

/** Folders of programs that languages bring along; they come before those of the image. */
function programFolders(files: readonly Pick<GuestFile, 'target' | 'isProgram'>[]): string[] {
  const programs = files.filter(({ target, isProgram }) => isProgram && target.startsWith('/opt/dragoman/runtimes/'));
  return [...new Set(programs.map(({ target }) => dirname(target)))].sort();
}
