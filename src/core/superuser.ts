import { statSync } from 'node:fs';

/**
 * Whether this process has the superuser's rights over the system it sees. Root of a user namespace made for itself alone has
 * not: the owner of `/` has no number there.
 */
export function isSuperuser(): boolean {
  return process.getuid?.() === 0 && statSync('/').uid === 0;
}
