import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Checks that the sandbox user can reach a directory: every parent must let others pass.
 * @throws Error naming the directory that is in the way
 */
export function requireReachable(directory: string, uid: number): void {
  for (let at = directory; ; at = dirname(at)) {
    const { mode, uid: owner } = statSync(at);
    if (!(owner === uid ? mode & 0o100 : mode & 0o001)) {
      throw new Error(
        `the sandbox user ${uid} cannot enter ${at}: run "chmod o+x ${at}" or choose another DRAGOMAN_DATA_DIR`,
      );
    }
    if (at === dirname(at)) return;
  }
}
