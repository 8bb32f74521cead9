import { createHash } from 'node:crypto';
import type { Principal } from '../../core/index.ts';

/** A principal as jobs and shares name it: tenant and id in one, opaque to whatever runs code. */
export function ownerOf({ tenant, id }: Pick<Principal, 'tenant' | 'id'>): string {
  return createHash('sha256')
    .update(JSON.stringify([tenant, id]))
    .digest('base64url')
    .slice(0, 32);
}
