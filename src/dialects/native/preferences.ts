import type { FastifyRequest } from 'fastify';
import { DragomanError } from '../../core/index.ts';

/** Longest a reading request is held. */
const longestWaitSeconds = 60;

/** Whether the client would rather follow events than wait for one answer. */
export function wantsEvents({ method, headers }: FastifyRequest): boolean {
  // HEAD has no body to follow.
  if (method === 'HEAD') return false;
  return (headers.accept ?? '')
    .split(',')
    .some((range) => /^\s*text\/event-stream\s*(;(?!\s*q=0(\.0+)?\s*$).*)?$/i.test(range));
}

/**
 * How long the client would wait for the end, in milliseconds, by RFC 7240: `Prefer: respond-async` not at all, `wait=<seconds>`
 * so long, at most a minute. Undefined when it says nothing.
 */
export function waitMs({ headers }: FastifyRequest): number | undefined {
  const said = [headers.prefer ?? []].flat().join(',');
  const wait = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[,;]|$)/i.exec(said)?.[1];
  if (wait !== undefined) return Math.min(Number(wait), longestWaitSeconds) * 1000;
  return /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i.test(said) ? 0 : undefined;
}

/** The number of the last event the client has seen; 0 when it has seen none. @throws DragomanError invalid_request */
export function lastEventNumber({ headers }: FastifyRequest): number {
  const said = headers['last-event-id'];
  if (said === undefined || said === '') return 0;
  const number = typeof said === 'string' && /^\d{1,15}$/.test(said) ? Number(said) : undefined;
  if (number === undefined) throw new DragomanError('invalid_request', { message: 'Last-Event-ID must be a number' });
  return number;
}
