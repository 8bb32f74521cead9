import { join } from 'node:path';

/** Where the service keeps its data unless `DRAGOMAN_DATA_DIR` says otherwise, and where commands on the same machine find its key. */
export function usualDataDir(from: {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  readonly home: string;
}): string {
  return from.isRoot
    ? '/var/lib/dragoman'
    : join(from.env.XDG_DATA_HOME || join(from.home, '.local/share'), 'dragoman');
}
