import { hash } from 'node:crypto';
import type { Principal } from '../../core/index.ts';

/** A principal as jobs and shares name it: tenant and id in one, opaque to whatever runs code. */
export function ownerOf({ tenant, id }: Pick<Principal, 'tenant' | 'id'>): string {
  return hash('sha256', JSON.stringify([tenant, id]), 'base64url').slice(0, 32);
}
