import type { FileScope, FileSet, Principal } from '../../core/index.ts';

/**
 * Tells whether a caller may use a stored session's files. Its maker always may. Others of the tenant may when they name
 * the same agent, or the same skill in the same version. Expired is as good as gone.
 */
export function mayUse(principal: Principal, claimed: FileScope, session: FileSet, now: number): boolean {
  if (session.expiresAt <= now || session.tenant !== principal.tenant) return false;
  if (session.principalId === principal.id) return true;
  const { scope } = session;
  if (scope.kind === 'agent') return claimed.kind === 'agent' && claimed.id === scope.id;
  if (scope.kind === 'skill')
    return claimed.kind === 'skill' && claimed.id === scope.id && claimed.version === scope.version;
  return false;
}
