import { accessSync, constants, existsSync, readFileSync } from 'node:fs';

/**
 * The command to put in front of a program so that it may make control groups, or nothing where that is not needed or not to
 * be had. An ordinary user gets a subtree from their own systemd; root makes its own, and without systemd the service says
 * what the operator has to hand over.
 * @param {{ uid: number, ownGroup: string | undefined, hasSystemd: boolean, hasUserBus: boolean }} host
 * @returns {readonly string[]}
 */
export function delegationPrefix({ uid, ownGroup, hasSystemd, hasUserBus }) {
  if (uid === 0 || ownGroup === undefined || !hasSystemd || !hasUserBus || isWritable(ownGroup)) return [];
  return ['systemd-run', '--user', '--scope', '--quiet', '--property=Delegate=yes', '--'];
}

/** What `delegationPrefix` asks of this host. */
export function describeHost() {
  const runtimeDir = process.env.XDG_RUNTIME_DIR;
  return {
    uid: process.getuid(),
    ownGroup: ownGroup(),
    hasSystemd: existsSync('/run/systemd/system') && existsSync('/usr/bin/systemd-run'),
    hasUserBus: runtimeDir !== undefined && existsSync(`${runtimeDir}/bus`),
  };
}

/** The process' control group where version 2 rules alone; undefined elsewhere. */
function ownGroup() {
  if (!existsSync('/sys/fs/cgroup/cgroup.controllers')) return undefined;
  const path = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
  return path === undefined ? undefined : `/sys/fs/cgroup${path}`;
}

function isWritable(group) {
  try {
    accessSync(`${group}/cgroup.subtree_control`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
