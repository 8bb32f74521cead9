import type { FastifyReply, FastifyRequest } from 'fastify';
import { DragomanError, isLoopbackHost } from '../../core/index.ts';

const day = '86400';

/**
 * Refuses requests of web pages that are not allowed to call: a page cannot hide its origin, other programs send none. Pages of this
 * machine and of the configured origins are allowed, and told so.
 * @param allowed `https://host` each
 */
export function originCheck(allowed: readonly string[]) {
  return async ({ headers: { origin } }: FastifyRequest, reply: FastifyReply): Promise<void> => {
    if (origin === undefined) return;
    const host = URL.parse(origin)?.hostname;
    if (!allowed.includes(origin) && !(host && isLoopbackHost(host)))
      throw new DragomanError('forbidden', {
        message: 'Web pages of this origin may not call. The operator allows origins with DRAGOMAN_ALLOWED_ORIGINS.',
      });
    reply
      .header('access-control-allow-origin', origin)
      .header('vary', 'origin')
      .header('access-control-expose-headers', 'mcp-session-id, mcp-protocol-version, www-authenticate, retry-after');
  };
}

/** What a browser asks before it sends a page's request. */
export function answerPreflight(reply: FastifyReply): FastifyReply {
  return reply
    .code(204)
    .header('access-control-allow-methods', 'POST, DELETE')
    .header(
      'access-control-allow-headers',
      'authorization, x-api-key, content-type, accept, mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, last-event-id, x-dragoman-session, x-dragoman-links',
    )
    .header('access-control-max-age', day)
    .send();
}
