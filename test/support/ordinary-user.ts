import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ServerOptions, startServer, type TestServer } from './server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const uid = 61_999;

/**
 * Starts a server as a user who is not root. When the tests run as root, that is an unused user id, given what an
 * operator would give it: control groups of its own, a data directory, and a place from which the project can be read.
 */
export async function startAsOrdinaryUser(options: ServerOptions = {}): Promise<TestServer> {
  if (process.getuid!() !== 0) return startServer(options);
  const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-user-'));
  chownSync(dataDir, uid, uid);
  const groups = makeGroups(uid);
  const enter = groups.enter.map((group) => `echo $$ > ${group}/cgroup.procs`);
  const script = [
    'set -e',
    ...enter,
    // The project may lie below a directory that is closed to others.
    `mount --bind ${root} /mnt`,
    `exec setpriv --reuid ${uid} --regid ${uid} --clear-groups "${process.execPath.replace(root, '/mnt/')}" "$@"`,
  ].join('\n');
  const server = await startServer({
    ...options,
    dataDir,
    env: { HOME: dataDir, ...options.env },
    command: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', '/mnt/src/main.ts', 'serve'],
  });
  const cleanUp = () => {
    rmSync(dataDir, { recursive: true, force: true });
    groups.remove();
  };
  return {
    ...server,
    stop: () => server.stop().finally(cleanUp),
    kill: () => server.kill().finally(cleanUp),
  };
}

/** Version 1: a group of the user's in each hierarchy. Version 2: a delegated subtree that the server has to start in. */
export function makeGroups(uid: number): { enter: string[]; remove(): void } {
  const sh = (script: string) => execFileSync('sh', ['-ec', script], { encoding: 'utf8' });
  const made = sh(`
    if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
      mkdir -p /sys/fs/cgroup/dragoman-${uid}
      chown -R ${uid}:${uid} /sys/fs/cgroup/dragoman-${uid}
      echo v2 /sys/fs/cgroup/dragoman-${uid}
    else
      for controller in memory pids cpu cpuacct freezer; do
        mkdir -p /sys/fs/cgroup/$controller/dragoman-${uid}
        chown -R ${uid}:${uid} /sys/fs/cgroup/$controller/dragoman-${uid}
        echo v1 /sys/fs/cgroup/$controller/dragoman-${uid}
      done
    fi`)
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as ['v1' | 'v2', string]);
  return {
    enter: made.flatMap(([version, group]) => (version === 'v2' ? [group] : [])),
    remove: () => {
      for (const [, group] of made) sh(`find ${group} -depth -type d -exec rmdir {} + 2>/dev/null || true`);
    },
  };
}
