import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeUser, subordinateIds } from '../../scripts/launch/namespace.mjs';
import { createProgress, installPackages } from '../../src/host/index.ts';
import { imageRoot } from './image.ts';
import { makeGroups } from './ordinary-user.ts';
import { startServer, type TestServer } from './server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** An ordinary user of the system who has been given a range of ids, with a home that no other user can enter. */
export interface RangedUser {
  readonly uid: number;
  readonly home: string;
  /** The first and the last of the range. */
  readonly range: readonly [number, number];
  /** Runs a script of the project as this user; resolves with what it printed. */
  run(script: string, ...args: string[]): string;
  /** `npm start` as this user. */
  start(): Promise<TestServer>;
  remove(): void;
}

/**
 * Makes such a user, who exists in a mount namespace alone: nothing of the system's own files changes. The project, the image and
 * everything else of the user lie in the closed home. Who runs the tests without being root has to be such a user already.
 */
export async function makeRangedUser(): Promise<RangedUser> {
  if (process.getuid!() !== 0) return ownUser();
  await ensureMappers();
  const uid = 61_998;
  const range = [3_000_000, 3_065_535] as const;
  const home = mkdtempSync(join(tmpdir(), 'dragoman-home-'));
  execFileSync('mkdir', ['-m', '755', ...['project', 'image', 'etc'].map((name) => `${home}/${name}`)]);
  const groups = makeGroups(uid);
  const image = await imageRoot();
  const node = process.execPath.replace(root, `${home}/project/`);
  const script = `
    ${groups.enter.map((group) => `echo $$ > ${group}/cgroup.procs`).join('\n')}
    for file in passwd subuid subgid; do cp /etc/$file ${home}/etc/$file; done
    echo 'ranged:x:${uid}:${uid}::${home}:/bin/sh' >> ${home}/etc/passwd
    for file in subuid subgid; do echo 'ranged:${range[0]}:${range[1] - range[0] + 1}' >> ${home}/etc/$file; done
    for file in passwd subuid subgid; do mount --bind ${home}/etc/$file /etc/$file; done
    mount --bind ${root} ${home}/project
    mount --bind ${image} ${home}/image
    exec setpriv --reuid ${uid} --regid ${uid} --clear-groups -- ${node} "$@"`;
  chownSync(home, uid, uid);
  const command = (file: string) =>
    ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', `${home}/project/${file}`] as const;
  const env = { HOME: home, DRAGOMAN_IMAGE: `${home}/image`, DRAGOMAN_DATA_DIR: `${home}/data` };
  return {
    uid,
    home,
    range,
    run(file, ...args) {
      const [program, ...words] = command(file);
      return execFileSync(program, [...words, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
    },
    start: () => startServer({ dataDir: `${home}/data`, env, command: command('scripts/start.mjs') }),
    remove() {
      rmSync(home, { recursive: true, force: true });
      groups.remove();
    },
  };
}

function ownUser(): RangedUser {
  const user = describeUser();
  const ids = subordinateIds(user);
  if (!ids)
    throw new Error(
      `${user.name} needs a range in /etc/subuid and /etc/subgid, and newuidmap: see docs/guides/operations.md`,
    );
  const home = mkdtempSync(join(tmpdir(), 'dragoman-home-'));
  const dataDir = `${home}/data`;
  return {
    uid: user.uid,
    home,
    range: [ids.uids.first, ids.uids.first + ids.uids.count - 1],
    run: (file, ...args) =>
      execFileSync(process.execPath, [`${root}${file}`, ...args], {
        encoding: 'utf8',
        env: { ...process.env, DRAGOMAN_DATA_DIR: dataDir },
      }),
    start: () => startServer({ dataDir, command: [process.execPath, `${root}scripts/start.mjs`] }),
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

/** What maps ranges is part of no minimal system, and root needs it for nothing but this. */
async function ensureMappers(): Promise<void> {
  try {
    execFileSync('sh', ['-c', 'command -v newuidmap newgidmap']);
  } catch {
    const progress = createProgress({ stream: process.stdout });
    await installPackages([{ name: 'uidmap', why: 'maps ranges of ids, for tests' }], {
      superuser: true,
      interactive: false,
      progress,
    });
  }
}
