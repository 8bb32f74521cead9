import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { childEnvironment, isSuperuser } from '../../core/index.ts';

/** Usual places for temporary mounts. */
const mountPoints = ['/mnt', '/media', '/srv', '/opt'];

/**
 * Where the users of sandboxes find the image, or another folder. Homes are closed to others, and an ordinary user's image lies in one: where the
 * mounts are this process' own, the folder is bound to a place that every user can enter.
 * @throws Error naming the folder that is in the way
 */
export function reachableImage(imageRoot: string, uid: number): string {
  const obstacle = closedFolder(imageRoot, uid);
  if (obstacle === undefined) return imageRoot;
  // The host's mounts are not ours to change.
  const place = isSuperuser() ? undefined : mountPoints.find((folder) => isEmpty(folder) && !closedFolder(folder, uid));
  if (
    place !== undefined &&
    spawnSync('mount', ['--bind', imageRoot, place], { env: childEnvironment('run'), timeout: 10_000 }).status === 0
  )
    return place;
  throw new Error(
    `the sandbox user ${uid} cannot enter ${obstacle}: run "chmod o+x ${obstacle}" or choose another DRAGOMAN_DATA_DIR`,
  );
}

/** The first folder on the way up from a directory that a user may not pass through. */
function closedFolder(directory: string, uid: number): string | undefined {
  for (let at = directory; ; at = dirname(at)) {
    const { mode, uid: owner } = statSync(at);
    if (!(owner === uid ? mode & 0o100 : mode & 0o001)) return at;
    if (at === dirname(at)) return undefined;
  }
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}
