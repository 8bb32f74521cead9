import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

/** A control group with little memory, for a whole server. */
export interface MemoryGroup {
  /** What to put in front of a command so that it runs in there. */
  readonly enter: readonly [string, ...string[]];
  remove(): void;
}

/** Makes one; root's own, or where the tests run as an ordinary user one of their systemd. */
export function makeMemoryGroup(name: string, bytes: number): MemoryGroup {
  if (process.getuid!() !== 0) {
    const scope = [
      '--user',
      '--scope',
      '--quiet',
      '-p',
      'Delegate=yes',
      '-p',
      `MemoryMax=${bytes}`,
      '-p',
      'MemorySwapMax=0',
    ];
    return { enter: ['systemd-run', ...scope, '--'], remove() {} };
  }
  const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const path = `/sys/fs/cgroup/${isV2 ? '' : 'memory/'}${name}`;
  if (isV2) writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+memory');
  execFileSync('mkdir', ['-p', path]);
  writeFileSync(`${path}/${isV2 ? 'memory.max' : 'memory.limit_in_bytes'}`, String(bytes));
  return {
    enter: ['sh', '-ec', `echo $$ > ${path}/cgroup.procs; exec "$@"`, 'sh'],
    remove: () => execFileSync('sh', ['-c', `find ${path} -depth -type d -exec rmdir {} + 2>/dev/null || true`]),
  };
}
