import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';

/** The service reserves this many users for sandboxes; a smaller range is not used. */
const usefulCount = 4096;
const deadlineMs = 10_000;

/**
 * The ids that an ordinary user may give to processes besides their own. As root of a user namespace with these ids, the service has a
 * host user for each sandbox. Undefined where there are none, and for root, who does not need them.
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

/** Describes this user for `subordinateIds`. */
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
 * Starts a program as root of a user namespace with these ids, and with mounts of its own. It gets no rights outside that namespace. It
 * has the standard streams of this process, and the pid of the child is the program's.
 * @param {readonly string[]} prefix a program and its arguments, to start all this with
 * @param {readonly string[]} command
 * @param {{ uids: IdRange, gids: IdRange }} ids
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('node:child_process').ChildProcess>}
 * @throws Error saying what failed
 */
export async function startWithIds(prefix, command, ids, env) {
  // The shell waits until its namespace has ids; exec as root of the namespace then gives the program all capabilities in it.
  const wait = 'echo >&3 && read -r _ <&3 && exec "$@" 3>&-';
  const [program, ...words] = [
    ...prefix,
    ...['unshare', '--user', '--mount', '--propagation', 'private', 'sh', '-c', wait, 'sh'],
    ...command,
  ];
  const child = spawn(program, words, {
    stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
    // In the namespace the user is root, and the home of root is not theirs.
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

/** Lines are `owner:first:count`. A mapping has one piece, so the longest range of the user is taken. */
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
