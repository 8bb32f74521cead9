import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';

/** As many users as the service sets aside for sandboxes: with fewer a range is of no use. */
const usefulCount = 4096;
const deadlineMs = 10_000;

/**
 * The ids an ordinary user may give to processes besides their own: with them, and as root of a user namespace that has them,
 * the service has a host user for each sandbox. Undefined where there are none, or where nobody needs them.
 * @param {{ uid: number, name: string, subuid: string, subgid: string, hasMappers: boolean }} host
 *   `subuid` and `subgid` as the files in /etc
 * @returns {{ uids: IdRange, gids: IdRange } | undefined}
 * @typedef {{ first: number, count: number }} IdRange
 */
export function subordinateIds({ uid, name, subuid, subgid, hasMappers }) {
  if (uid === 0 || !hasMappers) return undefined;
  const [uids, gids] = [subuid, subgid].map((file) => longestRange(file, [name, String(uid)]));
  return uids && gids ? { uids, gids } : undefined;
}

/** What `subordinateIds` asks of this host. */
export function describeUser() {
  const uid = process.getuid();
  return {
    uid,
    name: nameOf(uid),
    subuid: textOf('/etc/subuid'),
    subgid: textOf('/etc/subgid'),
    hasMappers: ['newuidmap', 'newgidmap'].every(isProgram),
  };
}

/**
 * Starts a program as root of a user namespace with these ids, which changes nothing of what it may do outside, and with mounts of
 * its own. It has this process' standard streams, and the id of the child is the program's.
 * @param {readonly string[]} prefix a program and its arguments, to start all this with
 * @param {readonly string[]} command
 * @param {{ uids: IdRange, gids: IdRange }} ids
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('node:child_process').ChildProcess>}
 * @throws Error saying what refused
 */
export async function startWithIds(prefix, command, ids, env) {
  // It waits in its namespace until it is somebody there, and takes root's rights with the program.
  const wait = 'echo >&3 && read -r _ <&3 && exec "$@" 3>&-';
  const [program, ...words] = [
    ...prefix,
    ...['unshare', '--user', '--mount', '--propagation', 'private', 'sh', '-c', wait, 'sh'],
    ...command,
  ];
  const child = spawn(program, words, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    // Root's home is not theirs.
    env: { ...env, HOME: homedir() },
  });
  const channel = child.stdio[3];
  channel.on('error', () => {});
  try {
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('it was not made in time')), deadlineMs);
      late.unref();
      channel.once('data', resolve);
      child.once('error', reject);
      child.once('exit', (status, signal) => reject(new Error(`unshare ended with ${signal ?? status}`)));
    });
    map('newuidmap', child.pid, process.getuid(), ids.uids);
    map('newgidmap', child.pid, process.getgid(), ids.gids);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  channel.end('\n');
  return child;
}

function map(program, pid, own, { first, count }) {
  const args = [pid, 0, own, 1, 1, first, count].map(String);
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: deadlineMs });
  if (status !== 0) throw new Error(`${program} refuses: ${error?.message ?? stderr.trim()}`);
}

/** Lines are `who:first:count`; only one of somebody's ranges can be mapped in one piece. */
function longestRange(file, owners) {
  return file
    .split('\n')
    .map((line) => line.trim().split(':'))
    .filter(([owner, , count]) => owners.includes(owner) && Number(count) >= usefulCount)
    .map(([, first, count]) => ({ first: Number(first), count: Number(count) }))
    .sort((a, b) => b.count - a.count)[0];
}

/** A process may run as a user without a name. */
function nameOf(uid) {
  try {
    return userInfo().username;
  } catch {
    return String(uid);
  }
}

function textOf(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function isProgram(name) {
  return (process.env.PATH ?? '').split(':').some((folder) => {
    try {
      accessSync(`${folder}/${name}`, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
