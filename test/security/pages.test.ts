import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/** What a web page that is open in a browser of the same machine can have of a service that asks for no credential. */

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_AUTH: 'open' } });
});
afterAll(() => server?.stop());

/** `fetch` does not let a caller set these headers. */
function ask(method: string, path: string, headers: Record<string, string>, body = ''): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(server.url + path, { method, headers }, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode!));
    });
    asked.on('error', reject).end(body);
  });
}

const program = JSON.stringify({ lang: 'py', code: 'print(1)' });
const json = { 'content-type': 'application/json' };

describe('a page of another origin', attacking('pages'), () => {
  it.each([{ origin: 'https://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])(
    'runs, makes and removes nothing: %o',
    async (page) => {
      const headers = { ...json, ...page } as Record<string, string>;
      expect(await ask('POST', '/v1/exec', headers, program)).toBe(401);
      expect(await ask('POST', '/v1/sessions', headers)).toBe(401);
      expect(await ask('DELETE', `/v1/sessions/${'x'.repeat(21)}`, headers)).toBe(401);
      expect(await ask('PUT', `/v1/sessions/${'x'.repeat(21)}/files/a`, headers, 'a')).toBe(401);
    },
  );

  it('gets nothing when its own name resolves to this machine', async () => {
    const { port } = new URL(server.url);
    for (const path of ['/metrics', '/docs/', '/docs/js/scalar.js', '/openapi.json', '/languages', '/v1/sessions'])
      expect([path, await ask('GET', path, { host: `evil.example:${port}` })]).toEqual([path, 401]);
  });

  it('does not keep programs of this machine, and the service’s own page, from it', async () => {
    expect(await ask('POST', '/v1/exec', json, program)).toBe(200);
    expect(
      await ask('POST', '/v1/exec', { ...json, origin: server.url, 'sec-fetch-site': 'same-origin' }, program),
    ).toBe(200);
    expect(await ask('GET', '/docs/', {})).toBe(200);
  });
});
