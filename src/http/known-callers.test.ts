import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { apiKey, serve } from '../../test/support/http.ts';

/** `fetch` does not let a caller set these headers. */
function ask(base: string, path: string, headers: Record<string, string>, method = 'GET') {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const asked = request(base + path, { method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode!, text }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

describe('pages of the service on a loopback address', () => {
  const paths = [
    '/metrics',
    '/languages',
    '/docs/',
    '/docs',
    '/docs/js/scalar.js',
    '/openapi.json',
    '/v1/openapi.json',
  ];

  test.each(paths)('%s answers this machine, not a page whose name resolves to it', async (path) => {
    const base = await serve().listen();
    const { port } = new URL(base);
    for (const host of [`127.0.0.1:${port}`, 'localhost', `[::1]:${port}`])
      expect((await ask(base, path, { host })).status).toBeLessThan(400);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example'])
      expect((await ask(base, path, { host })).status).toBe(401);
    expect((await ask(base, path, { host: 'proxy.example', 'x-api-key': apiKey })).status).toBeLessThan(400);
  });

  test('health answers every host', async () => {
    const base = await serve().listen();
    expect((await ask(base, '/health', { host: 'evil.example' })).status).toBe(200);
  });
});

describe('requests without a credential', () => {
  test('have a rate by address', async () => {
    let now = 0;
    const { app } = serve({ clock: () => now, openRate: { count: 3, periodMs: 3000 } });
    const health = (remoteAddress: string) => app.inject({ url: '/health', remoteAddress });
    for (let n = 0; n < 3; n++) expect((await health('192.0.2.1')).statusCode).toBe(200);
    const refused = await health('192.0.2.1');
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '1']);
    for (const url of ['/openapi.json', '/docs/js/scalar.js', '/metrics'])
      expect((await app.inject({ url, remoteAddress: '192.0.2.1' })).statusCode).toBe(429);
    expect((await health('192.0.2.2')).statusCode).toBe(200);
    now = 1000;
    expect((await health('192.0.2.1')).statusCode).toBe(200);
  });

  test('of one IPv6 network count as one', async () => {
    const { app } = serve({ openRate: { count: 2, periodMs: 60_000 } });
    const health = async (remoteAddress: string) => (await app.inject({ url: '/health', remoteAddress })).statusCode;
    expect(await health('2001:db8:0:1::1')).toBe(200);
    expect(await health('2001:db8:0:1:2::3')).toBe(200);
    expect(await health('2001:db8::1:4:5:6:7')).toBe(429);
    expect(await health('2001:db8:0:2::1')).toBe(200);
  });
});

describe('without credentials', () => {
  const open = () => serve({ authentication: { mode: 'open' } }).listen();
  const json = { 'content-type': 'text/plain' };

  test.each(['POST', 'DELETE', 'PATCH', 'PUT'])('%s of a foreign page is refused', async (method) => {
    const base = await open();
    const { host } = new URL(base);
    for (const headers of [
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'http://127.0.0.1:1' },
      { 'sec-fetch-site': 'cross-site' },
    ] as Record<string, string>[])
      expect((await ask(base, '/exec', { host, ...json, ...headers }, method)).status).toBe(
        method === 'POST' ? 401 : 404,
      );
  });

  test('a page of the service itself, and programs, are served', async () => {
    const base = await open();
    const { host, origin } = new URL(base);
    for (const headers of [{}, { origin }, { origin, 'sec-fetch-site': 'same-origin' }] as Record<string, string>[])
      expect((await ask(base, '/exec', { host, ...headers }, 'POST')).status).toBe(200);
    expect((await ask(base, '/files/7', { host, 'sec-fetch-site': 'cross-site' })).status).toBe(200);
  });
});
