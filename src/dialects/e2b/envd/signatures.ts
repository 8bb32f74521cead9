import { createHash, timingSafeEqual } from 'node:crypto';
import { DragomanError } from '../../../core/index.ts';
import { sandboxId, sessionId } from '../ids.ts';
import { envdToken, face } from '../sandbox.ts';
import type { E2BServices } from '../services.ts';

/** How many sandboxes an address without an id may mean: the latest ones. */
const maxTried = 500;

/** What the query of a signed address says. */
export interface SignedQuery {
  readonly path?: string | undefined;
  readonly username?: string | undefined;
  readonly signature: string;
  readonly signature_expiration?: string | undefined;
}

/**
 * Finds the sandbox that an address is signed for, with the token of which the client made the signature.
 * @param id as the address tells it; one that is none: any
 * @returns the id of a sandbox
 * @throws DragomanError unauthorized
 */
export async function signedSandbox(
  { sessions, sessionTokens, now }: Pick<E2BServices, 'sessions' | 'sessionTokens' | 'now'>,
  id: string,
  operation: 'read' | 'write',
  { path = '', username = '', signature, signature_expiration: expiry }: SignedQuery,
): Promise<string> {
  const refuse = () =>
    new DragomanError('unauthorized', { message: 'The signature does not fit, or its time is over' });
  if (expiry !== undefined && !(/^\d{1,12}$/.test(expiry) && Number(expiry) * 1000 > now())) throw refuse();
  const given = Buffer.from(signature);
  const fits = (session: string) => {
    const parts = [
      path,
      operation,
      username,
      sessionTokens.make(envdToken, session),
      ...(expiry === undefined ? [] : [expiry]),
    ];
    const hash = createHash('sha256').update(parts.join(':')).digest('base64').replace(/=+$/, '');
    const right = Buffer.from(`v1_${hash}`);
    return right.length === given.length && timingSafeEqual(right, given);
  };
  const named = sessionId(id);
  const candidates = named === undefined ? await sessions.idsOf(face, maxTried) : [named];
  const found = candidates.find(fits);
  if (found === undefined) throw refuse();
  return sandboxId(found);
}
