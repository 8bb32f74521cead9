import type { FastifyRequest } from 'fastify';
import { DragomanError, type Principal } from '../../core/index.ts';
import { envdPort, inside, interpreterPort } from './address.ts';
import { ownerBySignature } from './envd/files.ts';
import { UnreachableError } from './errors.ts';
import { sessionId } from './ids.ts';
import { reach } from './reach.ts';
import { envdToken, trafficToken } from './sandbox.ts';
import type { E2BServices } from './services.ts';

const target = new RegExp(`^${inside}/([^/?#]+)/([^/?#]+)(/[^?#]*)?`);

/**
 * Lets in a request to a sandbox by the token of that sandbox. The API key never comes here, and no token of another sandbox counts.
 * @throws UnreachableError for a sandbox that is gone, or a port on which nothing listens; DragomanError unauthorized
 */
export async function ownerByToken(services: E2BServices, request: FastifyRequest): Promise<Principal> {
  const { url, headers } = request;
  const [, id = '', portText = '', path] = target.exec(url) ?? [];
  const port = Number(portText);
  const session = sessionId(id);
  if (port !== envdPort && port !== interpreterPort) {
    await reach(services, id);
    throw new UnreachableError(id, port);
  }
  const bySignature = port === envdPort && path === '/files' && headers['x-access-token'] === undefined;
  const signer = bySignature ? await ownerBySignature(services, request) : undefined;
  if (signer) return signer;
  const { sessionTokens } = services;
  const isLetIn =
    session !== undefined &&
    (sessionTokens.fits(envdToken, session, headers['x-access-token']) ||
      (port === interpreterPort && sessionTokens.fits(trafficToken, session, headers['e2b-traffic-access-token'])));
  if (!isLetIn)
    throw new DragomanError('unauthorized', { message: 'This request needs the access token of its sandbox' });
  return (await reach(services, id)).owner;
}
