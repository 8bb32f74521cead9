import { createHmac } from 'node:crypto';

/** The headers of Standard Webhooks: who receives the body checks with the same key that it came from here, now, and unchanged. */
export function signedHeaders(key: Buffer, id: string, body: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
