import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/** What others can do with the sign-in of the pages. What output can do is tried in a real browser, in test/face. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** `fetch` does not let a caller set these headers. */
function ask(method: string, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; headers: Record<string, string | string[] | undefined> }>((resolve, reject) => {
    const asked = request(server.url + path, { method, headers }, (answer) => {
      answer.resume().on('end', () => resolve({ status: answer.statusCode!, headers: answer.headers }));
    });
    asked.on('error', reject).end();
  });
}

async function signIn(): Promise<string> {
  const { headers } = await ask('POST', '/v1/auth/session', { 'x-api-key': server.key, 'x-dragoman-ui': '1' });
  return String(headers['set-cookie']![0]).split(';')[0]!;
}

describe('a page of another origin', attacking('face'), () => {
  // Attempts to sign in are counted.
  let cookie: string;
  beforeAll(async () => {
    cookie = await signIn();
  });

  it.each([
    { 'sec-fetch-site': 'cross-site', 'x-dragoman-ui': '1' },
    { 'sec-fetch-site': 'same-site', 'x-dragoman-ui': '1' },
    { origin: 'https://evil.example', 'x-dragoman-ui': '1' },
    { origin: 'null', 'x-dragoman-ui': '1' },
    {},
  ])('can do nothing with the cookie, and cannot sign a browser in: %o', async (page) => {
    const headers = { ...page, cookie } as Record<string, string>;
    expect((await ask('POST', '/v1/sessions', headers)).status).toBe(401);
    expect((await ask('DELETE', `/v1/sessions/${'x'.repeat(21)}`, headers)).status).toBe(401);
    const more = { ...page, 'x-api-key': server.key } as Record<string, string>;
    expect((await ask('POST', '/v1/auth/session', more)).status).toBe(401);
    // The sign-in itself is as good as before.
    expect((await ask('GET', '/v1/sessions', { cookie })).status).toBe(200);
  });
});

describe('a cookie', attacking('face'), () => {
  it('is no key, is one of ours, and ends with the sign-out', async () => {
    const cookie = await signIn();
    expect(cookie).not.toContain(server.key);
    expect((await ask('GET', '/v1/sessions', { cookie: `dragoman_ui=${'A'.repeat(43)}` })).status).toBe(401);
    expect((await ask('GET', '/v1/sessions', { cookie: `dragoman_ui=${server.key}` })).status).toBe(401);
    await ask('DELETE', '/v1/auth/session', { cookie, 'x-dragoman-ui': '1' });
    expect((await ask('GET', '/v1/sessions', { cookie })).status).toBe(401);
  });

  it('cannot be guessed at length: ten tries a minute from one address', async () => {
    const statuses = [];
    for (let at = 0; at < 15; at++)
      statuses.push(
        (await ask('POST', '/v1/auth/session', { 'x-api-key': `guess-${at}`, 'x-dragoman-ui': '1' })).status,
      );
    expect(statuses.at(-1)).toBe(429);
    expect(new Set(statuses)).toEqual(new Set(statuses[0] === 429 ? [429] : [401, 429]));
  });
});
