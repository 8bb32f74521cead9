import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

describe('a conversation', attacking('requests'), () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
  });
  afterAll(() => server.stop());

  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`${server.url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    // biome-ignore lint/suspicious/noExplicitAny: tests know what they look for
    return { status: answer.status, json: (await answer.json()) as any };
  };

  it('takes no more than its bound, and a page of it is read alone', async () => {
    const { json } = await call('POST', '/conversations', {});
    const path = `/conversations/${json.id}/items`;
    const large = { role: 'user', content: 'x'.repeat(10 * 1024 * 1024) };
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      const answer = await call('POST', path, { items: [large] });
      statuses.push(answer.status);
      if (answer.status !== 200)
        expect(answer.json.error).toMatchObject({
          type: 'invalid_request_error',
          param: 'items',
          message: expect.stringContaining('at most 32 MiB'),
        });
    }
    expect(statuses).toEqual([200, 200, 200, 400, 400]);
    await call('POST', path, { items: [{ role: 'user', content: 'small' }] });
    const page = await call('GET', `${path}?limit=1`);
    expect(page.json).toMatchObject({ data: [{ content: [{ text: 'small' }] }], has_more: true });
    expect(JSON.stringify(page.json).length).toBeLessThan(1000);
  });
});
