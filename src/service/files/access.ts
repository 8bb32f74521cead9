import type { FileClaim, FileScope, FileSet, Principal } from '../../core/index.ts';

/**
 * Tells whether a caller may use the files of a set. What it claims has to be the scope of the set: then anyone of the tenant may
 * use an agent's or a skill's files, and a user's are its maker's. A caller that claims nothing may use what it made. Expired is
 * the same as gone.
 */
export function mayUse(principal: Principal, claimed: FileClaim, set: FileSet, now: number): boolean {
  if (set.expiresAt <= now || set.tenant !== principal.tenant) return false;
  const isMaker = set.principalId === principal.id;
  if (claimed.kind === 'unclaimed') return isMaker;
  return isSameScope(claimed, set.scope) && (isMaker || set.scope.kind !== 'user');
}

function isSameScope(one: FileScope, other: FileScope): boolean {
  if (one.kind === 'agent') return other.kind === 'agent' && one.id === other.id;
  if (one.kind === 'skill') return other.kind === 'skill' && one.id === other.id && one.version === other.version;
  return other.kind === 'user';
}
