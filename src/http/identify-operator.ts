import type { FastifyRequest } from 'fastify';
import { DragomanError } from '../core/index.ts';
import type { Authenticator } from './authentication/authenticator.ts';
import { presentedBy } from './known-callers.ts';

/** Makes the hook that lets keys with the right `admin` pass; it throws DragomanError unauthorized, or forbidden for all others. */
export function identifyOperator(authenticator: Pick<Authenticator, 'authenticateOperator' | 'isOpen'>) {
  return async (request: FastifyRequest): Promise<void> => {
    // The log of the request names who asked, also where it is refused.
    request.principal = await authenticator.authenticateOperator(presentedBy(request));
    if (request.principal.isAdmin) return;
    const message = authenticator.isOpen
      ? 'This service asks for no key (DRAGOMAN_AUTH=open), so its callers have no rights. Send a key that has the right admin: "dragoman keys create NAME --admin" makes one.'
      : 'This needs a key with the right admin. On the machine of the service, "dragoman keys rights NAME admin" gives it.';
    throw new DragomanError('forbidden', { message });
  };
}
