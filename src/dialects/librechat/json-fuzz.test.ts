import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { beforeEach, expect, test } from 'vitest';
import { apiKey, idleServices, serve } from '../../../test/support/http.ts';
import { scriptedService } from '../../../test/support/scripted-service.ts';
import { librechat } from './routes.ts';

/** The dialect behind the real HTTP room, over the real service. */
let app: FastifyInstance;
let service: ReturnType<typeof scriptedService>;
beforeEach(() => {
  service = scriptedService();
  const dialect = librechat({ ...idleServices(), ...service, storedFiles: service.fileService });
  ({ app } = serve({ dialects: [dialect], maxBodyBytes: 1_000_000 }));
});

const bounded = { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false } as const;
const post = (payload: string | Buffer, type = 'application/json') =>
  app.inject({ method: 'POST', url: '/exec', payload, headers: { 'x-api-key': apiKey, 'content-type': type } });

const poison = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'length', 'then'];
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', 'py', '\ud800', '\udc00\ud800', '\0', '\u2028', 'x'.repeat(70_000), '../..', ...poison),
);
const numbers = fc.constantFrom(0, -0, -1, 1e308, 5e-324, 2 ** 53, 2 ** 31, 0.1, 1e21);
const leaf = fc.oneof(text, numbers, fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const key = fc.oneof(
  fc.constantFrom('lang', 'code', 'args', 'files', 'timeout', 'id', 'name', 'storage_session_id', 'kind', 'version'),
  fc.constantFrom(...poison),
);
/** JSON text rather than values, so that keys may repeat, and numbers be any. */
const json: fc.Arbitrary<string> = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf.map((value) => JSON.stringify(value)),
    fc.constantFrom('1e400', '-1e400', '123456789012345678901234567890', '0.1e-999', '"\\ud800"', '"\\u0000"'),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .array(fc.tuple(key, tie('value')), { maxLength: 6 })
    .map((entries) => `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join()}}`),
  array: fc.array(tie('value'), { maxLength: 4 }).map((items) => `[${items.join()}]`),
})).object;
/** Bodies that mean something but for what is laid over them: the last of two equal keys counts. */
const overlaid = json.map((over) => `{"lang":"py","code":"1",${over.slice(1, -1) || '"x":1'}}`);
const deep = fc
  .tuple(fc.constantFrom('[', '{"a":', '{"files":[', '{"__proto__":'), fc.integer({ min: 1, max: 20_000 }))
  .map(([open, count]) => `{"lang":"py","code":"1","x":${open.repeat(count)}`);

const prototypes = () =>
  [Object.prototype, Array.prototype, Function.prototype].map(
    (prototype) => Object.getOwnPropertyNames(prototype).length,
  );

test('any JSON is run or refused in a sentence, and pollutes nothing', async () => {
  const clean = prototypes();
  let ran = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof({ weight: 3, arbitrary: overlaid }, json, deep), async (body) => {
      const answer = await post(body);
      expect([200, 400, 403]).toContain(answer.statusCode);
      if (answer.statusCode !== 200) expect(answer.json()).toEqual({ error: expect.any(String) });
      else ran++;
      // A refusal must not repeat the request to its reader.
      expect(answer.body.length).toBeLessThan(2000);
      expect(prototypes()).toEqual(clean);
    }),
    { numRuns: 1500, ...bounded },
  );
  expect(ran).toBeGreaterThan(0);
  for (const { language, code, args } of service.runner.submitted) {
    expect([typeof language, typeof code]).toEqual(['string', 'string']);
    for (const arg of args) expect(typeof arg).toBe('string');
  }
});

test('any bytes of any type are refused, never a fault', async () => {
  const types = fc.constantFrom(
    'application/json',
    'application/json; charset=utf-16',
    'APPLICATION/JSON',
    'application/json;;;',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=b',
    '',
    'a',
    'application/jsonx',
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array)),
    fc
      .constantFrom('', '\ufeff{}', '{"lang":"py","code":"1"}\0', '[]', 'null', '"', '{"lang":"py","code":"\x01"}')
      .map((part) => Buffer.from(part)),
  );
  await fc.assert(
    fc.asyncProperty(bytes, types, async (body, type) => {
      const answer = await post(body, type);
      expect([400, 415]).toContain(answer.statusCode);
      expect(answer.json().error).toEqual(expect.any(String));
    }),
    { numRuns: 1000, ...bounded },
  );
});

test('hostile ids and queries are refused or found nothing', async () => {
  const route = fc.constantFrom('/files/', '/download/', '/sessions/');
  const piece = fc.oneof(
    text.filter((value) => value.length < 600),
    fc.constantFrom('%', '%00', '%2e%2e', '..', '%c0%ae', 'x'.repeat(513)),
  );
  const raw = fc
    .tuple(route, fc.array(piece, { maxLength: 4 }), fc.array(piece, { maxLength: 2 }))
    .map(
      ([start, path, query]) =>
        start +
        path.map((part) => encodeURI(part.toWellFormed())).join('/') +
        (query.length > 0 ? `?kind=${query.map((part) => encodeURI(part.toWellFormed())).join('&kind=')}` : ''),
    );
  await fc.assert(
    fc.asyncProperty(raw, fc.constantFrom('GET', 'DELETE', 'HEAD'), async (url, method) => {
      const answer = await app.inject({ method, url, headers: { 'x-api-key': apiKey } });
      expect([400, 404, 414]).toContain(answer.statusCode);
      if (method !== 'HEAD') expect(answer.json().error).toEqual(expect.any(String));
    }),
    { numRuns: 1500, ...bounded },
  );
});
