import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendOptions } from '../options.ts';

type Places = Pick<BackendOptions, 'runsc' | 'tierDir'>;

/** What gVisor keeps between starts. @throws Error when no folder was given */
function tierFolder({ tierDir }: Places): string {
  if (tierDir === undefined) throw new Error('gVisor has no folder for its checkpoints');
  return tierDir;
}

/** Makes the folder, and in it one that each sandbox mounts its own files on. @throws Error when no folder was given */
export function makeTierFolder(places: Places): string {
  const folder = tierFolder(places);
  mkdirSync(join(folder, 'own'), { recursive: true, mode: 0o755 });
  // Its path is followed in the namespaces of a sandbox as well, where a link on the way would lead elsewhere.
  return realpathSync(folder);
}

/** gVisor's program: the operator's own, else that of set-up. @throws Error when neither is there */
export function runscPath(places: Places): string {
  const path = places.runsc ?? join(tierFolder(places), 'runsc');
  if (existsSync(path)) return places.runsc ?? join(realpathSync(tierFolder(places)), 'runsc');
  if (places.runsc !== undefined) throw new Error(`${path} does not exist: DRAGOMAN_RUNSC is the path of runsc`);
  throw new Error('gVisor is not set up yet: the start does it (DRAGOMAN_ISOLATION=gvisor npm start)');
}
