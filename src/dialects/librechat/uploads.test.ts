import { beforeEach, describe, expect, test } from 'vitest';
import { DragomanError, isId } from '../../core/index.ts';
import { librechatApp } from './fixtures/app.ts';

type App = Awaited<ReturnType<typeof librechatApp>>;
let app: App['app'];
let faults: App['faults'];
let count: App['count'];
let stored: App['stored'];
beforeEach(async () => {
  ({ app, faults, count, stored } = await librechatApp());
});

type Part = readonly [name: string, value: string] | readonly [name: string, value: string, filename: string];

/** A form as LibreChat's form library writes it: names in raw UTF-8, nothing escaped. */
function form(parts: readonly Part[], end = '--b--\r\n') {
  const text = parts.map(([name, value, filename]) => {
    const file = filename === undefined ? '' : `; filename="${filename}"\r\nContent-Type: text/csv`;
    return `--b\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n${value}\r\n`;
  });
  return { payload: Buffer.from(text.join('') + end), headers: { 'content-type': 'multipart/form-data; boundary=b' } };
}

const post = async (url: string, parts: readonly Part[], end?: string) =>
  app.inject({ method: 'POST', url, ...form(parts, end) });
const file = (filename: string, content = 'x'): Part => ['file', content, filename];

describe('POST /upload', () => {
  test('stores files under one session, in the answer of every generation', async () => {
    const response = await post('/upload', [file('a/b.csv', 'a,b\n'), ['other', '', 'pkg/__init__.py']]);
    expect(response.statusCode).toBe(200);
    const body = response.json();
    expect(body).toEqual({
      message: 'success',
      session_id: expect.toSatisfy(isId),
      storage_session_id: body.session_id,
      files: [
        { id: expect.toSatisfy(isId), fileId: body.files[0].id, filename: 'a/b.csv' },
        { id: expect.toSatisfy(isId), fileId: body.files[1].id, filename: 'pkg/__init__.py' },
      ],
    });
    const { files, texts } = await stored(body.session_id);
    expect(files).toMatchObject([{ contentType: 'text/csv', readOnly: false }, { size: 0 }]);
    expect(texts).toEqual(['a,b\n', '']);
  });

  test.each<[string, Part[], object]>([
    ['nothing', [], { kind: 'user' }],
    ['entity_id', [['entity_id', 'agent_1']], { kind: 'agent', id: 'agent_1' }],
    ['an empty entity_id', [['entity_id', '']], { kind: 'user' }],
    [
      'kind user',
      [
        ['kind', 'user'],
        ['id', 'u 1'],
      ],
      { kind: 'user' },
    ],
    [
      'kind agent',
      [
        ['kind', 'agent'],
        ['id', 'agent_1'],
      ],
      { kind: 'agent', id: 'agent_1' },
    ],
    [
      'kind skill',
      [
        ['kind', 'skill'],
        ['id', 's'],
        ['version', '3'],
      ],
      { kind: 'skill', id: 's', version: 3 },
    ],
  ])('files belong to whom %s says', async (_, fields, scope) => {
    const response = await post('/upload', [...fields, file('a.csv')]);
    expect(response.statusCode).toBe(200);
    expect((await stored(response.json().session_id)).scope).toEqual(scope);
  });

  test.each(['true', 'false', '1'])('read_only %s', async (value) => {
    const response = await post('/upload', [['read_only', value], file('a.csv')]);
    const { files } = await stored(response.json().session_id);
    expect(files).toMatchObject([{ readOnly: value === 'true' }]);
  });

  test.each(['données/ü 漢字 🎉.csv', "a'b.csv", 'a;b=c.csv', '%41.csv', ' a .csv'])(
    'keeps the name %s',
    async (name) => {
      expect((await post('/upload', [file(name)])).json().files[0].filename).toBe(name);
    },
  );

  test.each<[string, number, Part[]]>([
    ['no file', 400, []],
    ['only fields', 400, [['kind', 'user']]],
    ['an unknown kind', 400, [['kind', 'admin'], file('a')]],
    ['a version without a skill', 400, [['version', '1'], file('a')]],
    ['a skill without a version', 400, [['kind', 'skill'], ['id', 's'], file('a')]],
    ['fields behind the files', 400, [file('a'), ['kind', 'user']]],
    ['too many fields', 400, [...Array.from({ length: 33 }, (_, i): Part => [`f${i}`, '']), file('a')]],
    ['a field that is too long', 400, [['id', 'x'.repeat(5000)], file('a')]],
    ['a field named like a property of everything', 400, [['__proto__', 'x'], file('a')]],
    ['a file that is too big', 413, [file('a', 'x'.repeat(1001))]],
    ['too many files', 413, Array.from({ length: 5 }, (_, i) => file(`${i}`))],
  ])('refuses %s with %i and keeps nothing', async (_, status, parts) => {
    const response = await post('/upload', parts);
    expect(response.statusCode).toBe(status);
    expect(response.json()).toEqual({ error: expect.any(String) });
    expect(await count()).toBe(0);
  });

  test('says of a file that it is too big in the words clients know', async () => {
    const big = await post('/upload', [file('a', 'x'.repeat(1001))]);
    expect(big.json()).toEqual({ error: 'File size limit exceeded' });
    expect((await post('/upload', [file('a', 'x'.repeat(1000))])).statusCode).toBe(200);
  });

  test('refuses a field that the parser made something else of', async () => {
    const field = 'Content-Disposition: form-data; name="id"\r\nContent-Type: application/json\r\n\r\n{"toString":1}';
    const response = await app.inject({
      method: 'POST',
      url: '/upload',
      payload: `--b\r\n${field}\r\n--b--\r\n`,
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({ error: 'a form field must be text' });
  });

  test('refuses a body that is not a form, or ends too early, and keeps nothing', async () => {
    for (const response of [
      await app.inject({ method: 'POST', url: '/upload', payload: { file: 'a' } }),
      await app.inject({ method: 'POST', url: '/upload' }),
      await app.inject({
        method: 'POST',
        url: '/upload',
        ...form([file('a')]),
        headers: { 'content-type': 'multipart/form-data' },
      }),
      await post('/upload', [file('a')], ''),
      await post('/upload', [], '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf of it'),
    ]) {
      expect(response.statusCode).toBe(400);
      expect(response.json()).toEqual({ error: expect.any(String) });
    }
    expect(await count()).toBe(0);
  });
});

describe('POST /upload/batch', () => {
  test('stores every file and answers for each', async () => {
    const fields: Part[] = [
      ['kind', 'skill'],
      ['id', 's'],
      ['version', '1'],
      ['read_only', 'true'],
    ];
    const response = await post('/upload/batch', [...fields, file('s/SKILL.md'), file('s/scripts/a.py')]);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      message: 'success',
      session_id: expect.toSatisfy(isId),
      storage_session_id: expect.toSatisfy(isId),
      files: ['s/SKILL.md', 's/scripts/a.py'].map((filename) => ({
        status: 'success',
        id: expect.toSatisfy(isId),
        fileId: expect.toSatisfy(isId),
        filename,
      })),
      succeeded: 2,
      failed: 0,
    });
  });

  test('keeps what is good beside what is not', async () => {
    faults.beforeFile = ({ name }) => {
      if (name === 'bad') throw new DragomanError('invalid_request', { message: 'bad name' });
    };
    const parts = [file('a'), file('big', 'x'.repeat(300_000)), file('bad', 'y'.repeat(900)), file('z', 'last')];
    const response = await post('/upload/batch', parts);
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      message: 'partial_success',
      files: [
        { status: 'success', filename: 'a' },
        { status: 'error', filename: 'big', error: 'File size limit exceeded' },
        { status: 'error', filename: 'bad', error: 'bad name' },
        { status: 'success', filename: 'z' },
      ],
      succeeded: 2,
      failed: 2,
    });
    expect((await stored(response.json().session_id)).texts).toEqual(['x', 'last']);
  });

  test('goes on behind a file that was given up in the middle', async () => {
    ({ app, faults, stored } = await librechatApp({ maxFileBytes: 1e6 }));
    faults.beforeFile = async ({ name, content }) => {
      if (name !== 'b') return;
      for await (const _ of content) throw new DragomanError('storage_unavailable', { message: 'disk full' });
    };
    const response = await post('/upload/batch', [file('a'), file('b', 'y'.repeat(900_000)), file('c', 'last')]);
    expect(response.json()).toMatchObject({
      files: [{ filename: 'a' }, { filename: 'b', error: 'disk full' }, { filename: 'c' }],
      succeeded: 2,
    });
    expect((await stored(response.json().session_id)).texts).toEqual(['x', 'last']);
  });

  test('stops at the limit of files and says so', async () => {
    const response = await post(
      '/upload/batch',
      Array.from({ length: 6 }, (_, i) => file(`${i}`)),
    );
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({
      message: 'partial_success',
      succeeded: 4,
      failed: 0,
      filesLimitReached: true,
      maxFiles: 4,
    });
  });

  test('answers 400 when nothing could be stored', async () => {
    const response = await post('/upload/batch', [file('a', 'x'.repeat(2000))]);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toEqual({
      message: 'error',
      error: expect.any(String),
      files: [{ status: 'error', filename: 'a', error: 'File size limit exceeded' }],
      succeeded: 0,
      failed: 1,
    });
    const nothing = await post('/upload/batch', []);
    expect(nothing.statusCode).toBe(400);
    expect(nothing.json()).toEqual({ error: 'No files provided' });
  });

  test('answers for every file of an identity that is refused', async () => {
    const response = await post('/upload/batch', [
      ['kind', 'skill'],
      ['id', 's'],
      file('a'),
      file('b', 'long'.repeat(200)),
    ]);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({
      message: 'error',
      files: ['a', 'b'].map((filename) => ({ status: 'error', filename, error: 'a skill needs a version, a number' })),
      failed: 2,
    });
  });

  test('an end that comes too early leaves nothing', async () => {
    const response = await post('/upload/batch', [file('a')], '--b\r\nContent-Disposition: form-data; name="file"; f');
    expect(response.statusCode).toBe(400);
    expect(await count()).toBe(0);
  });
});
