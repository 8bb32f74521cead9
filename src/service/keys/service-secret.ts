import { randomBytes } from 'node:crypto';
import type { Documents } from '../../stores/index.ts';

const kind = 'service_secret';

/**
 * A secret of the service itself, made when it is first asked for and kept with the records, so that it outlives restarts.
 * @param name what it is for
 * @returns 32 random bytes
 */
export async function serviceSecret(documents: Pick<Documents, 'get' | 'put'>, name: string): Promise<Buffer> {
  const kept = await documents.get(kind, name);
  if (typeof kept?.body === 'string') return Buffer.from(kept.body, 'base64url');
  const secret = randomBytes(32);
  await documents.put({
    kind,
    id: name,
    tenant: '',
    principalId: '',
    name: null,
    createdAt: 0,
    expiresAt: Number.MAX_SAFE_INTEGER,
    body: secret.toString('base64url'),
    essential: true,
  });
  return secret;
}
