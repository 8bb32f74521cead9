import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { checkHost, lookupPublic } from './address.ts';

export interface Sending {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Addresses of private networks and of this machine are allowed. */
  readonly allowsPrivate: boolean;
  /** For all of it, in milliseconds. */
  readonly deadlineMs: number;
}

/**
 * Posts a body, and gives the status of the answer, whose content is not read. Redirects are not followed.
 * @throws Error when there is no answer in time; DragomanError forbidden for an address that is not allowed, to which nothing is sent
 */
export async function send({ url, headers, body, allowsPrivate, deadlineMs }: Sending): Promise<number> {
  const to = new URL(url);
  if (!allowsPrivate) checkHost(to);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const signal = AbortSignal.timeout(deadlineMs);
  const request = to.protocol === 'https:' ? requestHttps : requestHttp;
  const sending = request(to, {
    method: 'POST',
    // A connection of its own: one that is kept would outlast the check of its address.
    agent: false,
    signal,
    headers: {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'user-agent': 'Dragoman-Webhooks',
    },
    ...(allowsPrivate ? {} : { lookup: lookupPublic }),
  });
  sending.once('response', (answer) => {
    answer.destroy();
    resolve(answer.statusCode ?? 0);
  });
  sending.once('error', reject);
  sending.end(body);
  try {
    return await promise;
  } finally {
    sending.on('error', () => {});
    sending.destroy();
  }
}
