import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { librechatApp } from './fixtures/app.ts';

let app: FastifyInstance;
let count: () => Promise<number>;
let port: number;
beforeEach(async () => {
  ({ app, count } = await librechatApp({ uploadTimeoutMs: 1000 }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});
afterEach(() => app.close());

const bounded = { interruptAfterTimeLimit: 3000, markInterruptAsFailure: false } as const;

const names = fc.oneof(
  fc.constantFrom(
    'a.txt',
    '',
    '../../etc/passwd',
    '/abs',
    'a\\b',
    'a"b',
    "a'b;c",
    'a\0b',
    '%00',
    '=?utf-8?q?x?=',
    'é',
    '.',
    '..',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('x'.repeat(300), 'd/'.repeat(20), '__proto__', 'constructor', 'toString'),
);
const disposition = fc
  .record({
    kind: fc.constantFrom('form-data', 'FORM-DATA', 'attachment', ''),
    field: fc.oneof(fc.constantFrom('kind', 'id', 'version', 'entity_id', 'read_only', 'file', '__proto__'), names),
    file: fc.option(names),
    star: fc.option(fc.constantFrom("UTF-8''%e2%82", "utf-7''a", "''", "x'y'%zz", 'UTF-8%27%27'), { freq: 4 }),
  })
  .map(({ kind, field, file, star }) =>
    [
      'Content-Disposition: ',
      kind,
      `; name="${field}"`,
      file === null ? '' : `; filename="${file}"`,
      star ? `; filename*=${star}` : '',
      '\r\n',
    ].join(''),
  );
const header = fc.oneof(
  { weight: 5, arbitrary: disposition },
  fc.constantFrom(
    'Content-Type: text/csv\r\n',
    'Content-Type: application/json\r\n',
    'Content-Type: ;;;\r\n',
    'Content-Transfer-Encoding: base64\r\n',
    ': \r\n',
    'no colon\r\n',
  ),
  fc.constantFrom(`X: ${'y'.repeat(100_000)}\r\n`, 'X: y\r\n'.repeat(3000), ' folded\r\n', '\r', '\n'),
);
/** Pieces of a form in any order: mostly in their places, sometimes not. */
const part = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.array(header, { minLength: 1, maxLength: 3 }), fc.string({ unit: 'binary', maxLength: 50 }))
      .map(([headers, content]) => `--b\r\n${headers.join('')}\r\n${content}\r\n`),
  },
  fc.constantFrom(
    '--b',
    '--b--',
    '--b\r\n',
    '--b--\r\n',
    '\r\n',
    '--',
    '--c\r\n',
    '-',
    '\r\n--b\r\n\r\n\r\n--b--\r\n--b\r\n',
  ),
  fc.constant('--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n\r\n'.repeat(50)),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc
    .constantFrom('{"toString":1}', '[[]]', '{', 'null', '{"__proto__":{}}')
    .map(
      (value) =>
        `--b\r\nContent-Disposition: form-data; name="id"\r\nContent-Type: application/json\r\n\r\n${value}\r\n`,
    ),
);
const body = fc
  .tuple(fc.array(part, { maxLength: 6 }), fc.constantFrom('--b--\r\n', '--b--', '', '--b'))
  .map(([parts, end]) => Buffer.from(parts.join('') + end));
const type = fc.oneof(
  { weight: 8, arbitrary: fc.constant('multipart/form-data; boundary=b') },
  fc.constantFrom(
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="b',
    `multipart/form-data; boundary=${'b'.repeat(5000)}`,
    'multipart/form-data; boundary=b; boundary=c',
    'multipart/mixed; boundary=b',
    'MULTIPART/FORM-DATA; BOUNDARY=b',
    "multipart/form-data; boundary*=UTF-8''b",
  ),
);

/** As a connection brings it. */
function* socketReads(content: Buffer) {
  for (let at = 0; at < content.length; at += 65_536) yield content.subarray(at, at + 65_536);
}

test('whatever a form is, it gets an answer that says what became of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom('/upload', '/upload/batch'), type, body, async (url, contentType, content) => {
      const before = await count();
      const headers = { 'content-type': contentType, 'content-length': String(content.length) };
      const payload = Readable.from(socketReads(content));
      const answer = await app.inject({ method: 'POST', url, payload, headers });
      expect([200, 400, 413, 415]).toContain(answer.statusCode);
      const json = answer.json();
      if (answer.statusCode === 200) expect(json.files.length).toBeGreaterThan(0);
      else expect(json.error).toEqual(expect.any(String));
      // What failed leaves nothing.
      const stored = answer.statusCode === 200 ? (json.succeeded ?? json.files.length) : 0;
      expect(await count()).toBe(before + stored);
    }),
    { numRuns: 1000, ...bounded },
  );
});

test('a form may break off anywhere: in the middle of it the next one is served', async () => {
  await fc.assert(
    fc.asyncProperty(body, fc.nat(), fc.integer({ min: -20, max: 20 }), async (content, cut, lie) => {
      const length = Math.max(0, content.length + lie);
      const head = `POST /upload HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${length}\r\n\r\n`;
      await new Promise<void>((resolve) => {
        const socket = connect(port, '127.0.0.1', () => {
          socket.write(head);
          socket.write(content.subarray(0, cut % (content.length + 1)), () => setImmediate(() => socket.destroy()));
        });
        socket.on('error', () => {}).on('close', () => resolve());
      });
    }),
    { numRuns: 300, ...bounded },
  );
  const form = new FormData();
  form.append('file', new Blob(['x']), 'x.txt');
  expect((await fetch(`http://127.0.0.1:${port}/upload`, { method: 'POST', body: form })).status).toBe(200);
});

test('a form of very many parts, or of one very long header, is over quickly', async () => {
  const bodies = [
    '--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n\r\n'.repeat(100_000),
    `--b\r\n${'X: y\r\n'.repeat(500_000)}\r\n`,
    `--b\r\nX: ${'y'.repeat(5_000_000)}`,
    '--b'.repeat(2_000_000),
    '\r\n--'.repeat(2_000_000),
  ];
  for (const body of bodies) {
    const started = performance.now();
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const answer = await fetch(`http://127.0.0.1:${port}/upload`, { method: 'POST', body, headers });
    expect(answer.status).toBe(400);
    expect(performance.now() - started).toBeLessThan(2000);
  }
});
