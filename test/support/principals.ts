import type { Principal } from '../../src/core/index.ts';

/** The principal of a key in tests: the key's first letter is the tenant. */
export function principalOf(key: string): Principal {
  return { id: key, tenant: key.slice(0, 1), name: key };
}
