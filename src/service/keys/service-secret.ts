import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '../../core/index.ts';
import type { Records } from '../../stores/index.ts';

const kind = 'service_secret';
const leaseMs = 10_000;
const pollMs = 50;

/**
 * A secret of the service itself, made when it is first asked for and kept with the records, so that it outlives restarts.
 * @param name what it is for
 * @returns 32 random bytes
 */
export async function serviceSecret(
  { documents, leases }: Pick<Records, 'documents' | 'leases'>,
  name: string,
): Promise<Buffer> {
  const holder = newId();
  const lease = `${kind} ${name}`;
  for (;;) {
    const kept = await documents.get(kind, name);
    if (typeof kept?.body === 'string') return Buffer.from(kept.body, 'base64url');
    // Of two processes that start at once, one makes it and the other reads it.
    const now = Date.now();
    if (await leases.take(lease, holder, now, now + leaseMs)) break;
    await sleep(pollMs);
  }
  try {
    const made = await documents.get(kind, name);
    if (typeof made?.body === 'string') return Buffer.from(made.body, 'base64url');
    const secret = randomBytes(32);
    const document = {
      ...{ kind, id: name, tenant: '', principalId: '', name: null, createdAt: 0 },
      expiresAt: Number.MAX_SAFE_INTEGER,
      body: secret.toString('base64url'),
      essential: true,
    } as const;
    await documents.putAll([document], { name: lease, holder });
    return secret;
  } finally {
    await leases.release(lease, holder);
  }
}
