import type { FastifyRequest } from 'fastify';

/** The caller's own key for the model's provider, which is used where the operator passes keys on. */
export function upstreamKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['x-upstream-api-key'];
  return typeof key === 'string' && key !== '' ? key : undefined;
}
