import { execFile } from 'node:child_process';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launched } from '../support/launched.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/** What others can do with the operators' API, and what an operator can see of others. */

const root = fileURLToPath(new URL('../..', import.meta.url));
const secretCode =
  'print("the secret output"); open("secret-name.txt", "w").write("the secret file"); input_never_ends = True';

let server: TestServer;
/** Of a key without the right. */
let user: string;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_SHARES: 'true', DRAGOMAN_RATE_LIMITS: 'off' } });
  const made = await api('POST', '/admin/keys', { key: server.key, json: { name: 'user' } });
  user = ((await made.json()) as { secret: string }).secret;
});
afterAll(() => server?.stop());

interface Ask {
  readonly key?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

function api(method: string, path: string, { key, json, headers = {} }: Ask = {}) {
  return fetch(`${server.url}/v1${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { 'x-api-key': key }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

/** `fetch` does not let a caller set the headers that browsers set. */
function raw(method: string, path: string, headers: Record<string, string>, body = '') {
  return new Promise<{ status: number; cookie: string | undefined }>((resolve, reject) => {
    const asked = request(`${server.url}/v1${path}`, { method, headers }, (answer) => {
      const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0];
      answer.resume().on('end', () => resolve({ status: answer.statusCode!, cookie }));
    });
    asked.on('error', reject).end(body);
  });
}

const signIn = async (key: string) =>
  (await raw('POST', '/auth/session', { 'x-api-key': key, 'x-dragoman-ui': '1' })).cookie!;
const id = 'A'.repeat(21);
const routes = [
  ['GET', '/admin/overview'],
  ['GET', '/admin/executions'],
  ['POST', `/admin/executions/${id}/cancel`],
  ['GET', '/admin/sessions'],
  ['POST', `/admin/sessions/${id}/release`],
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys'],
  ['PATCH', `/admin/keys/${id}`],
  ['DELETE', `/admin/keys/${id}`],
  ['GET', '/admin/usage'],
  ['GET', '/admin/storage'],
  ['GET', '/admin/errors'],
  ['GET', '/admin/doctor'],
] as const;

describe('a caller without the right', attacking('operators'), () => {
  it('gets nothing from any route: by key, by cookie, by the secret of a share, by a key in the address', async () => {
    const session = (await (await api('POST', '/sessions', { key: user, json: {} })).json()) as { id: string };
    const shared = await api('POST', `/sessions/${session.id}/shares`, {
      key: user,
      json: { title: 'x', notebook: { cells: [] }, expires_in_hours: 1 },
    });
    const { secret } = (await shared.json()) as { secret: string };
    const cookie = await signIn(user);
    const own = { 'x-dragoman-ui': '1', 'sec-fetch-site': 'same-origin' };
    for (const [method, path] of routes) {
      expect((await raw(method, path, { 'x-api-key': user })).status, path).toBe(403);
      expect((await raw(method, path, { ...own, cookie })).status, path).toBe(403);
      for (const headers of [
        {},
        { 'x-api-key': secret },
        { authorization: `Bearer ${secret}` },
        { ...own, cookie: `dragoman_ui=${secret}` },
      ])
        expect((await raw(method, path, headers as Record<string, string>)).status, path).toBe(401);
      expect((await fetch(`${server.url}/k/${server.key}/v1${path}`, { method })).status, path).toBe(401);
    }
    expect(server.output()).toContain('request not permitted');
  });

  it('cannot give itself the right, nor make a key with it', async () => {
    const { data } = (await (await api('GET', '/admin/keys', { key: server.key })).json()) as {
      data: { id: string; name: string; rights: string[] }[];
    };
    const own = data.find(({ name }) => name === 'user')!;
    const rights = { rights: ['use', 'admin'] };
    expect((await api('PATCH', `/admin/keys/${own.id}`, { key: user, json: rights })).status).toBe(403);
    expect((await api('POST', '/admin/keys', { key: user, json: { name: 'more', ...rights } })).status).toBe(403);
    expect(((await (await api('GET', '/auth/session', { key: user })).json()) as { rights: string[] }).rights).toEqual([
      'use',
    ]);
  });
});

describe('a page of another origin', attacking('operators'), () => {
  // Attempts to sign in are counted.
  let cookie: string;
  beforeAll(async () => {
    cookie = await signIn(server.key);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site', 'x-dragoman-ui': '1' },
    { 'sec-fetch-site': 'same-site', 'x-dragoman-ui': '1' },
    { origin: 'https://evil.example', 'x-dragoman-ui': '1' },
    { origin: 'null', 'x-dragoman-ui': '1' },
    {},
  ])('changes nothing with an operator’s cookie: %o', async (page) => {
    const headers = { ...page, cookie, 'content-type': 'application/json' } as Record<string, string>;
    for (const [method, path] of routes.filter(([method]) => method !== 'GET')) {
      const body = method === 'DELETE' ? '' : '{"name":"foreign","rights":["use","admin"]}';
      expect((await raw(method, path, headers, body)).status, path).toBe(401);
    }
    const keys = await (await api('GET', '/admin/keys?revoked=true', { key: server.key })).text();
    expect(keys).not.toContain('foreign');
  });
});

describe('an operator', attacking('operators'), () => {
  it('sees no code, output, file, name or note of a key, neither now nor of what failed', async () => {
    const body = { name: 'secret session name', metadata: { note: 'secret note' } };
    const session = (await (await api('POST', '/sessions', { key: user, json: body })).json()) as { id: string };
    const started = await api('POST', `/sessions/${session.id}/executions`, {
      key: user,
      json: { language: 'python', code: secretCode },
    });
    expect(started.status).toBe(200);
    const running = api('POST', `/sessions/${session.id}/executions`, {
      key: user,
      json: { language: 'python', code: 'import time\n# secret code\nwhile True: time.sleep(0.1)' },
    });
    const refused = await api('GET', `/sessions/${session.id}/files/secret-missing.txt?secret=1`, { key: user });
    expect(refused.status).toBe(404);
    await api('POST', '/admin/keys', { key: user, json: { name: 'secret-key-name' } });
    const list = async () =>
      (await (await api('GET', '/admin/executions', { key: server.key })).json()) as {
        data: { id: string; session_id: string; status: string }[];
      };
    await expect
      .poll(async () => (await list()).data.find(({ session_id: of }) => of === session.id)?.status, {
        timeout: 20_000,
      })
      .toBe('running');
    const seen = [];
    for (const path of [
      'overview',
      'executions',
      'sessions',
      'sessions?state=all',
      'usage',
      'storage',
      'errors',
      'errors?kind=refused',
    ])
      seen.push(await (await api('GET', `/admin/${path}`, { key: server.key })).text());
    expect(seen.join('\n')).not.toMatch(/secret/);
    expect(seen.join('\n')).toContain(session.id);

    const [execution] = (await list()).data.filter(({ session_id: of }) => of === session.id);
    const ended = await api('POST', `/admin/executions/${execution!.id}/cancel`, { key: server.key });
    expect(await ended.json()).toEqual({ id: execution!.id, ended: true, outcome: 'cancelled' });
    expect(((await (await running).json()) as { outcome: string }).outcome).toBe('cancelled');
    expect(
      await (await api('POST', `/admin/sessions/${session.id}/release`, { key: server.key })).json(),
    ).toMatchObject({ released: true });
    const again = await api('POST', `/sessions/${session.id}/executions`, {
      key: user,
      json: { language: 'python', code: 'print(open("secret-name.txt").read())' },
    });
    expect(await again.json()).toMatchObject({ state: 'restored', stdout: 'the secret file\n' });
  });

  it('revokes a key, whose browsers and requests are refused at once', async () => {
    const made = await api('POST', '/admin/keys', { key: server.key, json: { name: 'short' } });
    const { id: keyId, secret } = (await made.json()) as { id: string; secret: string };
    const cookie = await signIn(secret);
    expect((await raw('GET', '/sessions', { cookie })).status).toBe(200);
    expect((await api('GET', '/sessions', { key: secret })).status).toBe(200);
    expect((await api('DELETE', `/admin/keys/${keyId}`, { key: server.key })).status).toBe(204);
    expect((await api('GET', '/sessions', { key: secret })).status).toBe(401);
    expect((await raw('GET', '/sessions', { cookie })).status).toBe(401);
    const all = await (await api('GET', '/admin/keys?revoked=true', { key: server.key })).text();
    expect(all).not.toContain(secret);
    expect(server.output()).not.toContain(secret);
    expect(server.output()).toContain('an operator revoked a key');
  });

  it('loses the right at the machine, and cannot lose the last of it by the API', async () => {
    const { data } = (await (await api('GET', '/admin/keys', { key: server.key })).json()) as {
      data: { id: string; name: string }[];
    };
    const first = data.find(({ name }) => name === 'default')!;
    expect((await api('DELETE', `/admin/keys/${first.id}`, { key: server.key })).status).toBe(409);
    const env = { ...launched, DRAGOMAN_DATA_DIR: server.dataDir };
    const keys = (...args: string[]) =>
      promisify(execFile)(process.execPath, ['src/main.ts', 'keys', ...args], { cwd: root, env });
    await keys('rights', 'default', 'use');
    const status = async () => (await api('GET', '/admin/overview', { key: server.key })).status;
    await expect.poll(status, { timeout: 15_000 }).toBe(403);
    await keys('rights', 'default', 'admin');
    await expect.poll(status, { timeout: 15_000 }).toBe(200);
  });
});
