import { describe, expect, test } from 'vitest';
import { apiKey, noRates, plansWith, rawConnection, serve } from '../../test/support/http.ts';
import { type ErrorCode, errorCatalogue, isId } from '../core/index.ts';
import type { Dialect } from './dialect.ts';
import { problemOf } from './problems.ts';

const withKey = { 'x-api-key': apiKey };
const json = { ...withKey, 'content-type': 'application/json' };

describe('routes', () => {
  test('a dialect is reached at /, at /v1, with repeated slashes and behind a key', async () => {
    const { app } = serve();
    for (const url of ['/exec', '/v1/exec', '//exec', '//v1//exec']) {
      const response = await app.inject({ method: 'POST', url, headers: json, payload: '{"a":1}' });
      expect(response.json()).toEqual({
        body: { a: 1 },
        principal: { id: 'key:name:tester', tenant: 'key:name:tester', name: 'tester' },
      });
    }
    for (const url of [`/k/${apiKey}/exec`, `/k/${apiKey}/v1/exec`, `//k//${apiKey}//v1//exec`]) {
      const response = await app.inject({ method: 'POST', url, payload: {} });
      expect(response.json().principal.name).toBe('tester');
    }
  });

  test('a dialect does not see the key of the address', async () => {
    const { app } = serve();
    const response = await app.inject(`/k/${apiKey}/v1/files/7?q=1`);
    expect(response.json()).toEqual({
      params: { id: '7' },
      query: { q: '1' },
      url: '/files/7?q=1',
      originalUrl: '/v1/files/7?q=1',
    });
  });

  /** Posts to a target as it is: clients and test tools would resolve its dots first. */
  async function post(target: string, header: string): Promise<string> {
    const { socket, closed } = rawConnection(await serve().listen());
    socket.write(
      `POST ${target} HTTP/1.1\r\nhost: x\r\n${header}content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
    );
    return closed;
  }

  test.each([
    '/',
    '/nothing',
    '/v2/exec',
    '/v1/v1/exec',
    '/v1/exec/',
    '/v1%2Fexec',
    '/../exec',
    '/v1/../exec',
    '/./exec',
    '/exec%00',
  ])('404 for POST %s', async (target) => {
    const answer = await post(target, `x-api-key: ${apiKey}\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 404 .*\r\n\r\n{"error":"Not found"}$/s);
  });

  test.each([
    `/k/${apiKey}`,
    `/k/${apiKey}/`,
    `/k/${apiKey}/../exec`,
    `/k/x/../../k/${apiKey}/exec`,
    `/k/${apiKey}/k/${apiKey}/exec`,
    `/%6b/${apiKey}/exec`,
    `/k%2F${apiKey}/exec`,
    `/v1/k/${apiKey}/exec`,
  ])('404 for the trick %s', async (target) => expect(await post(target, '')).toMatch(/^HTTP\/1.1 404 /));

  test.each([
    '/exec',
    '/k/wrong/exec',
    '/k/../exec',
    '/k/..%2Fv1/exec',
    '/k/%2e%2e/exec',
    '/k/%00/exec',
    '/k/%zz/exec',
    `/k/${apiKey}%20/exec`,
    `/k/${apiKey}%00/exec`,
    '/k//exec/exec',
  ])('401 without the right key in %s', async (target) => expect(await post(target, '')).toMatch(/^HTTP\/1.1 401 /));

  test('a malformed or endless address is refused without being repeated', async () => {
    const { app } = serve();
    const malformed = await app.inject({ url: '/files/%zz', headers: withKey });
    expect(malformed.statusCode).toBe(400);
    expect(malformed.json()).toEqual({ error: 'invalid_request', message: 'The address is malformed.' });
    const long = await app.inject({ url: `/files/${'x'.repeat(600)}`, headers: withKey });
    expect(long.statusCode).toBe(414);
    expect(long.body).not.toContain('xxx');
  });

  test('an absolute address, as through a proxy', async () => {
    const base = await serve().listen();
    const { socket, closed } = rawConnection(base);
    socket.write(`GET ${base}/k/${apiKey}/files/7 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(await closed).toContain('"id":"7"');
  });
});

describe('credentials', () => {
  test('none or a wrong one: 401 and a challenge, before the body is read', async () => {
    const { app } = serve();
    for (const headers of [{}, { 'x-api-key': 'wrong' }, { authorization: 'Bearer wrong' }]) {
      const response = await app.inject({ method: 'POST', url: '/exec', headers, payload: '{malformed' });
      expect(response.statusCode).toBe(401);
      expect(Object.keys(response.json())).toEqual(['error']);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="dragoman"');
    }
  });

  test('two that differ: 400', async () => {
    const headers = { ...withKey, authorization: 'Bearer other' };
    const response = await serve().app.inject({ url: '/files/7', headers });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ error: 'Ambiguous authentication headers' });
  });
});

describe('bodies', () => {
  const post = (payload: string, headers: Record<string, string> = json) =>
    serve().app.inject({ method: 'POST', url: '/exec', headers, payload });

  test.each(['{', ' ', 'nonsense', '{"a":1}}'])('malformed JSON %j: 400 that does not repeat it', async (payload) => {
    const response = await post(payload);
    expect(response.statusCode).toBe(400);
    expect(response.json().error).toBe('invalid_request');
    expect(response.body).not.toContain('nonsense');
  });

  test('an empty body is no body, whatever type it is said to have', async () => {
    for (const type of ['application/json', 'text/plain', 'application/xml']) {
      const response = await post('', { ...withKey, 'content-type': type });
      expect([response.statusCode, response.json().body]).toEqual([200, undefined]);
    }
  });

  test('too large: 413', async () => {
    const response = await post(JSON.stringify({ code: 'x'.repeat(10_000) }));
    expect(response.statusCode).toBe(413);
    expect(response.json()).toEqual({ error: 'too_large', message: 'The request body is too large.' });
  });

  test('not JSON: 415', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded'])
      expect((await post('{}', { ...withKey, 'content-type': type })).statusCode).toBe(415);
  });

  test('keys that could poison prototypes are left out', async () => {
    const response = await post('{"a":1,"__proto__":{"b":2},"constructor":{"prototype":{"c":3}}}');
    expect(response.json().body).toEqual({ a: 1 });
  });
});

describe('errors', () => {
  test.each(Object.keys(errorCatalogue) as ErrorCode[])('%s has a default answer', async (code) => {
    const response = await serve().app.inject({ url: `/fail/${code}`, headers: withKey });
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    expect(response.headers['retry-after']).toBe('7');
    expect(typeof response.json().error).toBe('string');
  });

  test('a crash tells the caller nothing and the log everything', async () => {
    const { app, log } = serve();
    const response = await app.inject({ url: '/crash', headers: { ...withKey, 'x-request-id': 'r1' } });
    expect(response.statusCode).toBe(500);
    expect(response.json()).toEqual({ error: 'internal', message: 'Internal server error.' });
    const entry = log.find(({ msg }) => msg === 'request failed');
    expect(entry).toMatchObject({ level: 'error', requestId: 'r1', err: { message: 'the inside story' } });
  });

  test("a dialect's own words keep the headers and the log", async () => {
    const wordy: Dialect = {
      name: 'wordy',
      register(app) {
        app.setErrorHandler((error, _request, reply) => {
          const { status, message } = problemOf(error);
          return reply.code(status).send({ oops: message });
        });
        app.post('/wordy', async () => {
          throw new Error('the inside story');
        });
        app.register(async (nested) => {
          nested.setErrorHandler((_error, _request, reply) => reply.code(418).send('nested'));
          nested.get('/nested', async () => 'ok');
        });
      },
    };
    const { app, log } = serve({ dialects: [wordy] });
    const refused = await app.inject({ method: 'POST', url: '/v1/wordy' });
    expect(refused.json()).toEqual({ oops: 'A valid credential is required.' });
    expect(refused.headers['www-authenticate']).toBeDefined();
    const malformed = await app.inject({ method: 'POST', url: '/wordy', headers: json, payload: '{' });
    expect([malformed.statusCode, malformed.json()]).toEqual([400, { oops: 'The body is not valid JSON.' }]);
    await app.inject({ method: 'POST', url: '/wordy', headers: withKey });
    expect(log.some(({ msg }) => msg === 'request failed')).toBe(true);
    const nested = await app.inject('/nested');
    expect([nested.statusCode, nested.headers['www-authenticate']]).toEqual([418, 'Bearer realm="dragoman"']);
  });
});

describe('request ids', () => {
  test('a sane one is taken over, any other replaced', async () => {
    const { app } = serve();
    const idFor = async (id?: string) => {
      const response = await app.inject({ url: '/health', headers: id === undefined ? {} : { 'x-request-id': id } });
      return response.headers['x-request-id'];
    };
    expect(await idFor('req-1.a:b_C')).toBe('req-1.a:b_C');
    for (const id of [undefined, '', 'a b', 'x'.repeat(129), 'é']) expect(isId(await idFor(id))).toBe(true);
  });

  test('also where no route answers', async () => {
    const { app } = serve();
    for (const url of ['/nothing', '/files/%zz'])
      expect((await app.inject({ url, headers: { 'x-request-id': 'r1' } })).headers['x-request-id']).toBe('r1');
  });
});

describe('rate limits', () => {
  test('per principal and class, with the time to wait, on the clock that is given', async () => {
    let now = 0;
    const { app } = serve({
      clock: () => now,
      plans: plansWith({ ...noRates, exec: { count: 2, periodMs: 10_000 } }),
      authentication: {
        keys: [
          { name: 'a', secret: 'a' },
          { name: 'b', secret: 'b' },
        ],
      },
    });
    const exec = (key: string, url = '/exec') =>
      app.inject({ method: 'POST', url, headers: { 'x-api-key': key }, payload: {} });
    await exec('a');
    await exec('a', '/v1/exec');
    const refused = await exec('a');
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('5');
    expect(refused.json()).toEqual({
      error: 'rate_limited',
      message: 'Too many requests; try again in 5 s.',
      retry_after_seconds: 5,
    });
    expect((await exec('b')).statusCode).toBe(200);
    expect((await app.inject({ url: '/files/7', headers: { 'x-api-key': 'a' } })).statusCode).toBe(200);
    now = 5000;
    expect((await exec('a')).statusCode).toBe(200);
  });
});

describe('health and metrics', () => {
  test('health needs no key and tells why not', async () => {
    let ready = true;
    const { app } = serve({ health: async () => (ready ? { ready } : { ready, reason: 'no sandbox' }) });
    for (const url of ['/health', '/v1/health', '/k/any/health']) {
      const response = await app.inject(url);
      expect([response.statusCode, response.body]).toEqual([200, 'ok']);
    }
    ready = false;
    const response = await app.inject('/v1/health');
    expect([response.statusCode, response.body]).toEqual([503, 'no sandbox']);
  });

  test('metrics are open on a loopback host only', async () => {
    const local = serve();
    const base = await local.listen();
    const response = await fetch(`${base}/metrics`);
    expect(response.headers.get('content-type')).toContain('text/plain');
    await fetch(`${base}/v1/files/7?secret`, { headers: withKey });
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain('dragoman_requests_total{method="GET",route="/files/:id",status="200"} 1');
    expect(text).not.toContain('secret');

    const reachable = serve();
    await reachable.listen('0.0.0.0');
    expect((await reachable.app.inject('/metrics')).statusCode).toBe(401);
    expect((await reachable.app.inject({ url: '/metrics', headers: withKey })).statusCode).toBe(200);
  });
});
