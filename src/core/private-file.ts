import { closeSync, fchmodSync, openSync } from 'node:fs';

/**
 * Makes sure that a file exists and that only its owner may open it: a lock that another user can open is a lock that another
 * user can hold.
 */
export function makePrivateFile(path: string): void {
  const fd = openSync(path, 'a', 0o600);
  try {
    fchmodSync(fd, 0o600);
  } finally {
    closeSync(fd);
  }
}
