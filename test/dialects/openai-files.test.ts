import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { NotFoundError, OpenAI, toFile } from 'openai';
import { OpenAI as PreviousOpenAI } from 'openai-previous';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from '../support/server.ts';

/** `/v1/files` as OpenAI's own client sees it, in its two newest majors. */
let server: TestServer;
let ann: OpenAI;
let bob: OpenAI;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_API_KEYS: 'ann:sk-ann-0123456789,bob:sk-bob-0123456789', DRAGOMAN_RATE_LIMITS: 'off' },
  });
  [ann, bob] = ['sk-ann-0123456789', 'sk-bob-0123456789'].map(
    (apiKey) => new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 }),
  ) as [OpenAI, OpenAI];
});
afterAll(() => server?.stop());

const raw = (path: string, init: RequestInit = {}) =>
  fetch(`${server.url}/v1${path}`, {
    ...init,
    headers: { authorization: 'Bearer sk-ann-0123456789', ...init.headers },
  });
const text = async (client: OpenAI, id: string) => (await client.files.content(id)).text();
const store = (content: string | Buffer, name: string, client = ann) =>
  toFile(Buffer.from(content), name).then((file) => client.files.create({ file, purpose: 'user_data' }));

describe('a file', () => {
  test('is stored, found, read and removed', async () => {
    const made = await store('a,b\n1,2\n', 'sales.csv');
    expect(made).toEqual({
      id: expect.stringMatching(/^file-[\w-]{21}$/),
      object: 'file',
      bytes: 8,
      created_at: expect.closeTo(Date.now() / 1000, -2),
      expires_at: made.created_at + 24 * 60 * 60,
      filename: 'sales.csv',
      purpose: 'user_data',
      status: 'processed',
      status_details: null,
    });
    expect(Number.isInteger(made.created_at)).toBe(true);
    expect(await ann.files.retrieve(made.id)).toEqual(made);
    expect(await ann.files.waitForProcessing(made.id)).toEqual(made);
    const content = await ann.files.content(made.id);
    expect(content.headers.get('content-type')).toBe('text/csv');
    expect(content.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''sales.csv");
    expect(await content.text()).toBe('a,b\n1,2\n');
    expect(await ann.files.delete(made.id)).toEqual({ id: made.id, object: 'file', deleted: true });
    await Promise.all(
      [ann.files.retrieve(made.id), ann.files.content(made.id), ann.files.delete(made.id)].map((attempt) =>
        expect(attempt).rejects.toMatchObject({ status: 404, message: `404 No such File object: ${made.id}.` }),
      ),
    );
  });

  test('may be empty, or large', async () => {
    const empty = await store('', 'empty.txt');
    expect([empty.bytes, await text(ann, empty.id)]).toEqual([0, '']);
    const bytes = randomBytes(700_000);
    const large = await store(bytes, 'large.bin');
    expect(large.bytes).toBe(bytes.length);
    expect(Buffer.from(await (await ann.files.content(large.id)).arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('may arrive in chunks, without a length', async () => {
    const boundary = 'b0undary';
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="s.txt"\r\n\r\n`;
    const tail = `\r\n--${boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nassistants\r\n--${boundary}--\r\n`;
    const body = Readable.toWeb(Readable.from([head, 'str', 'eam', tail].map(Buffer.from))) as ReadableStream;
    const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
    const response = await raw('/files', { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
    const made = (await response.json()) as { id: string };
    expect(made).toMatchObject({ filename: 's.txt', purpose: 'assistants', bytes: 6 });
    expect(await text(ann, made.id)).toBe('stream');
  });

  test('keeps a name in any script, and only its last segment', async () => {
    expect((await store('x', 'Übersicht 売上 ’26.csv')).filename).toBe('Übersicht 売上 ’26.csv');
    for (const [given, kept] of [
      ['../../etc/passwd', 'passwd'],
      ['C:\\Users\\ann\\a.txt', 'a.txt'],
      ['dir/', 'unknown_file'],
    ] as const) {
      const form = new FormData();
      form.append('file', new Blob(['x']), given);
      form.append('purpose', 'vision');
      expect(await (await raw('/files', { method: 'POST', body: form })).json()).toMatchObject({ filename: kept });
    }
  });

  test('is not there for another key, in any way', async () => {
    const { id } = await store('mine', 'mine.txt');
    await Promise.all(
      [bob.files.retrieve(id), bob.files.content(id), bob.files.delete(id)].map((attempt) =>
        expect(attempt).rejects.toThrow(NotFoundError),
      ),
    );
    expect((await bob.files.list()).data).toEqual([]);
    expect(await text(ann, id)).toBe('mine');
  });

  test('is LibreChat’s as well, under the rest of its id', async () => {
    const { id } = await store('one,two', 'shared.csv');
    const session = id.replace('file-', '');
    const [listed] = (await (await raw(`/files/${session}?detail=normalized`)).json()) as {
      id: string;
      name: string;
    }[];
    expect(listed!.name).toBe('shared.csv');
    expect(await (await raw(`/download/${session}/${listed!.id}`)).text()).toBe('one,two');
  });

  test('can expire earlier than others, not later', async () => {
    const file = await toFile(Buffer.from('x'), 'x.txt');
    const lives = async (seconds: number) => {
      const expires_after = { anchor: 'created_at', seconds } as const;
      const made = await ann.files.create({ file, purpose: 'batch', expires_after });
      return made.expires_at! - made.created_at;
    };
    expect(await lives(3600)).toBe(3600);
    expect(await lives(2_592_000)).toBe(24 * 60 * 60);
  });
});

describe('a request that is wrong', () => {
  const form = (fields: Record<string, string | Blob>) => {
    const body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value as string);
    return body;
  };
  const file = new File(['x'], 'x.txt');

  test.each([
    [{ file }, 'purpose', 'missing_required_parameter'],
    [{ purpose: 'user_data' }, 'file', 'missing_required_parameter'],
    [{ file, purpose: 'mischief' }, 'purpose', 'invalid_value'],
    [{ file, purpose: 'evals', 'expires_after[seconds]': '5' }, 'expires_after[seconds]', 'integer_below_min_value'],
    [{ file, purpose: 'evals', 'expires_after[anchor]': 'never' }, 'expires_after[anchor]', 'invalid_value'],
    [{ purpose: 'user_data', file: new File(['x'], '..') }, null, null],
  ])('%j is refused, naming the field, and leaves nothing behind', async (fields, param, code) => {
    const before = (await ann.files.list()).data.length;
    const response = await raw('/files', { method: 'POST', body: form(fields) });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    });
    expect((await ann.files.list()).data).toHaveLength(before);
  });

  test('that looks for a container’s file is told where those are', async () => {
    const response = await raw('/files/cfile_123456789012345678901/content');
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('/v1/containers/{container_id}/files/cfile_');
  });

  test('that brings no key is told so in the same words', async () => {
    const response = await fetch(`${server.url}/v1/files`, { headers: { authorization: 'Bearer nobody' } });
    expect(response.status).toBe(401);
    expect(response.headers.get('x-request-id')).toBeTruthy();
    expect(await response.json()).toMatchObject({ error: { code: 'invalid_api_key', param: null } });
  });

  test('with an id of LibreChat’s shape keeps LibreChat’s words', async () => {
    expect(await (await raw(`/files/${'x'.repeat(21)}`)).json()).toEqual({ error: 'Session not found' });
    expect(await (await raw('/files/file-none')).json()).toMatchObject({ error: { param: 'id' } });
  });
});

describe('a list', () => {
  test.each([
    ['newest', OpenAI],
    ['previous', PreviousOpenAI],
  ])('is paged to its end by the %s client', async (_, Client) => {
    const key = `sk-${randomBytes(8).toString('hex')}`;
    const own = await startServer({ env: { DRAGOMAN_API_KEYS: `pager:${key}`, DRAGOMAN_RATE_LIMITS: 'off' } });
    try {
      const client = new Client({ apiKey: key, baseURL: `${own.url}/v1` });
      expect((await client.files.list()).data).toEqual([]);
      const ids: string[] = [];
      for (let n = 0; n < 5; n++) {
        const purpose = n === 2 ? 'vision' : 'user_data';
        ids.push((await client.files.create({ file: await toFile(Buffer.from(`${n}`), `${n}.txt`), purpose })).id);
      }
      const all = async (query: object) => {
        const seen: string[] = [];
        for await (const { id } of client.files.list(query)) seen.push(id);
        return seen;
      };
      expect(await all({ limit: 2 })).toEqual(ids.toReversed());
      expect(await all({ limit: 2, order: 'asc' })).toEqual(ids);
      expect(await all({ limit: 5 })).toHaveLength(5);
      expect(await all({ purpose: 'vision' })).toEqual([ids[2]]);
      expect(await all({ after: ids[0]!, limit: 1 })).toEqual([]);
      expect(await all({ after: 'file-unknown' })).toEqual([]);
    } finally {
      await own.stop();
    }
  });
});
