import { spawn } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';

/** The user of the service in a container: not root of the container, because root there may be root of the host. */
const serviceId = 10_001;
/** Where sandboxes' users begin, if the container has that many ids: no system gives these to its users. */
const preferredFirst = 2_000_000_000;
const wantedCount = 65_536;
const usefulCount = 4096;
const deadlineMs = 10_000;

const capabilityBits = { chown: 0, setgid: 6, setuid: 7, sysAdmin: 21 };

/**
 * The ids for the service and its sandboxes where this process is root without the host's power, as in a container: the service then
 * runs as user 10001, as root of a user namespace that root of the container maps. That needs no capability beyond SETUID and
 * SETGID. Undefined where it is not needed or not possible.
 * @param {{ uid: number, capabilities: bigint, uidMap: string, gidMap: string }} host
 * @returns {{ service: number, uids: IdRange, gids: IdRange } | undefined}
 * @typedef {{ first: number, count: number }} IdRange
 */
export function containerIds({ uid, capabilities, uidMap, gidMap }) {
  const has = (bit) => (capabilities & (1n << BigInt(bit))) !== 0n;
  if (uid !== 0 || has(capabilityBits.sysAdmin)) return undefined;
  if (!has(capabilityBits.setuid) || !has(capabilityBits.setgid)) return undefined;
  const [uids, gids] = [uidMap, gidMap].map(rangeFor);
  return uids && gids ? { service: serviceId, uids, gids } : undefined;
}

/** Describes this process for `containerIds`. */
export function describeContainer() {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return {
    uid: process.getuid(),
    capabilities: BigInt(`0x${effective}`),
    uidMap: readFileSync('/proc/self/uid_map', 'utf8'),
    gidMap: readFileSync('/proc/self/gid_map', 'utf8'),
  };
}

/** Lines are `inside outside count`. */
function rangeFor(map) {
  const extents = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map(([first, , count]) => ({ first, end: first + count }));
  const holds = (first, count) => extents.some((extent) => first >= extent.first && first + count <= extent.end);
  if (!holds(serviceId, 1)) return undefined;
  if (holds(preferredFirst, wantedCount)) return { first: preferredFirst, count: wantedCount };
  const [longest] = extents
    .map(({ first, end }) => ({ first: Math.max(first, serviceId + 1), end }))
    .map(({ first, end }) => ({ first, count: Math.min(wantedCount, end - first) }))
    .sort((a, b) => b.count - a.count);
  return longest.count >= usefulCount ? longest : undefined;
}

/**
 * Starts a program as root of a user namespace with these ids, and with mounts of its own. The pid of the child is the program's.
 * @param {readonly string[]} command
 * @param {{ service: number, uids: IdRange, gids: IdRange }} ids
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<import('node:child_process').ChildProcess>}
 * @throws Error saying what failed
 */
export async function startInContainer(command, { service, uids, gids }, env) {
  // Its owner is root of the container, who therefore may map it and enter it without SYS_ADMIN and SYS_PTRACE.
  const holder = spawn('unshare', ['--user', 'cat'], { stdio: ['pipe', 'ignore', 'pipe'] });
  let said = '';
  holder.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  const failed = new Promise((_, reject) => {
    holder.once('error', reject);
    holder.once('exit', () => reject(new Error(`a user namespace cannot be made: ${said.trim()}`)));
  });
  failed.catch(() => {});
  try {
    await Promise.race([entered(holder.pid), failed]);
    writeFileSync(`/proc/${holder.pid}/uid_map`, `0 ${service} 1\n1 ${uids.first} ${uids.count}\n`);
    writeFileSync(`/proc/${holder.pid}/gid_map`, `0 ${service} 1\n1 ${gids.first} ${gids.count}\n`);
    const args = [`--user=/proc/${holder.pid}/ns/user`, '--setuid', '0', '--setgid', '0'];
    const child = spawn('nsenter', [...args, 'unshare', '--mount', '--propagation', 'private', ...command], {
      stdio: 'inherit',
      env,
    });
    // The namespace must not go before the child is in it.
    await Promise.race([entered(child.pid), failed]);
    return child;
  } finally {
    holder.removeAllListeners('exit');
    holder.kill('SIGKILL');
  }
}

async function entered(pid) {
  const own = readlinkSync('/proc/self/ns/user');
  for (const until = performance.now() + deadlineMs; performance.now() < until; ) {
    try {
      if (readlinkSync(`/proc/${pid}/ns/user`) !== own) return;
    } catch {
      // Not started yet, or not ours any more because it is in the namespace under another user.
      if (existsSync(`/proc/${pid}`)) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error('a user namespace was not made in time');
}

/**
 * Gives the service the directory for its data, and the part of the container's control group in which it makes groups for sandboxes: the
 * directories, not the files with the limits of the container. What cannot be given stays as it is; the start says what it lacks.
 * @param {number} service
 * @param {string | undefined} dataDir
 * @param {{ membership: string, mount: string }} cgroups what /proc/self/cgroup says, and where control groups are mounted
 */
export function delegate(service, dataDir, { membership, mount } = describeCgroups()) {
  const give = (path) => {
    try {
      if (statSync(path).uid !== service) chownSync(path, service, service);
      return true;
    } catch {
      return false;
    }
  };
  if (dataDir !== undefined && existsSync(dataDir)) give(dataDir);
  for (const line of membership.trim().split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (names === '') delegateV2(`${mount}${path === '/' ? '' : path}`, give);
    else if (names !== undefined && !names.startsWith('name='))
      for (const name of new Set([names, ...names.split(',')])) give(`${mount}/${name}${path}`);
  }
}

const describeCgroups = () => ({ membership: readFileSync('/proc/self/cgroup', 'utf8'), mount: '/sys/fs/cgroup' });

/** The processes move into a leaf, because a group with processes of its own must not have controllers for others. */
function delegateV2(group, give) {
  if (!existsSync(`${group}/cgroup.subtree_control`)) return;
  const leaf = `${group}/dragoman.server`;
  try {
    mkdirSync(leaf, { recursive: true });
    for (const pid of readFileSync(`${group}/cgroup.procs`, 'utf8').split('\n').filter(Boolean))
      writeFileSync(`${leaf}/cgroup.procs`, pid);
  } catch {
    return;
  }
  for (const name of ['', '/cgroup.procs', '/cgroup.threads', '/cgroup.subtree_control']) give(group + name);
  for (const name of ['', '/cgroup.procs', '/cgroup.threads']) give(leaf + name);
}
