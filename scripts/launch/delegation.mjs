import { accessSync, constants, existsSync, readFileSync } from 'node:fs';

/**
 * The command to put in front of a program so that it may make control groups; empty where it is not needed or not available. An
 * ordinary user gets a subtree from their own systemd; root makes its own. Without systemd the service says what the operator has to
 * delegate.
 * @param {{ uid: number, ownGroup: string | undefined, hasSystemd: boolean, hasUserBus: boolean }} host
 * @returns {readonly string[]}
 */
export function delegationPrefix({ uid, ownGroup, hasSystemd, hasUserBus }) {
  if (uid === 0 || ownGroup === undefined || !hasSystemd || !hasUserBus || isWritable(ownGroup)) return [];
  return ['systemd-run', '--user', '--scope', '--quiet', '--property=Delegate=yes', '--'];
}

/** Describes this host for `delegationPrefix`. */
export function describeHost() {
  const runtimeDir = process.env.XDG_RUNTIME_DIR;
  return {
    uid: process.getuid(),
    ownGroup: ownGroup(),
    hasSystemd: existsSync('/run/systemd/system') && existsSync('/usr/bin/systemd-run'),
    hasUserBus: runtimeDir !== undefined && existsSync(`${runtimeDir}/bus`),
  };
}

/** The control group of this process on a host with version 2 only; undefined elsewhere. */
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
