import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { OpenAI, toFile } from 'openai';
import { OpenAI as PreviousOpenAI } from 'openai-previous';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAssistant, type ResponseEvent } from '../../src/assistant/index.ts';
import { openai } from '../../src/dialects/openai/index.ts';
import { MemoryEventLog } from '../../src/event-log/index.ts';
import { startEngine, type TestEngine } from '../support/engine.ts';
import { apiKey, idleServices, serve } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { startSessions } from '../support/sessions.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';

/** `/v1/containers` as OpenAI's own client sees it, in its two newest majors. */
let upstream: ScriptedUpstream;
let server: TestServer;
let ann: OpenAI;
let bob: OpenAI;
const keys = { ann: 'sk-ann-0123456789', bob: 'sk-bob-0123456789', pat: 'sk-pat-0123456789' };
beforeAll(async () => {
  const configured = Object.entries(keys).map(([name, key]) => `${name}:${key}`);
  upstream = await startUpstream();
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: configured.join(),
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
    },
  });
  [ann, bob] = [keys.ann, keys.bob].map(clientOf) as [OpenAI, OpenAI];
});
afterAll(async () => {
  await server?.stop();
  await upstream?.close();
});

const clientOf = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 });
const raw = (path: string, init: RequestInit = {}) =>
  fetch(`${server.url}/v1${path}`, { ...init, headers: { authorization: `Bearer ${keys.ann}`, ...init.headers } });
const make = (name = 'work', fields: object = {}) => ann.containers.create({ name, ...fields });
const put = async (id: string, content: string | Buffer, name: string) =>
  ann.containers.files.create(id, { file: await toFile(Buffer.from(content), name) });
const bytesOf = async (id: string, file: string) =>
  Buffer.from(await (await ann.containers.files.content.retrieve(file, { container_id: id })).arrayBuffer());
const textOf = async (id: string, file: string) => (await bytesOf(id, file)).toString();
const sessionOf = (id: string) => id.replace('cntr_', '');
const missing = (id: string) => ({
  status: 404,
  error: { message: `Container with id '${id}' not found.`, type: 'invalid_request_error', param: null, code: null },
});

/** Runs code in a container, as a model would. What it made. */
async function run(id: string, code: string): Promise<{ id: string; path: string }[]> {
  upstream.say([{ python: code }], [{ text: 'Done.' }]);
  const tools = [{ type: 'code_interpreter', container: id }] as unknown as OpenAI.ChatCompletionTool[];
  const messages = [{ role: 'user', content: 'Go on.' }] as const;
  const { choices } = await ann.chat.completions.create({ model: 'scripted', messages: [...messages], tools });
  const message = choices[0]!.message as unknown as {
    code_interpreter_calls: { error: unknown; files: { id: string; path: string }[] }[];
  };
  const [call] = message.code_interpreter_calls;
  expect(call!.error).toBeNull();
  return call!.files;
}

describe('a container', () => {
  test('is made, found and removed', async () => {
    const made = await make('analysis');
    expect(made).toEqual({
      id: expect.stringMatching(/^cntr_[\w-]{21}$/),
      object: 'container',
      created_at: expect.closeTo(Date.now() / 1000, -2),
      status: 'running',
      expires_after: { anchor: 'last_active_at', minutes: 20 },
      last_active_at: made.created_at,
      memory_limit: '1g',
      network_policy: { type: 'disabled' },
      name: 'analysis',
    });
    expect(Number.isInteger(made.created_at)).toBe(true);
    expect(await ann.containers.retrieve(made.id)).toMatchObject({ id: made.id, status: 'running' });
    const deleted = await raw(`/containers/${made.id}`, { method: 'DELETE' });
    expect(deleted.headers.get('content-type')).toContain('application/json');
    expect(await deleted.json()).toEqual({ id: made.id, object: 'container.deleted', deleted: true });
    await expect(ann.containers.retrieve(made.id)).rejects.toMatchObject(missing(made.id));
    await expect(ann.containers.delete(made.id)).rejects.toMatchObject(missing(made.id));
  });

  test('lives as long as asked, up to a limit, and says so', async () => {
    const expires_after = (minutes: number) => ({ expires_after: { anchor: 'last_active_at', minutes } }) as const;
    expect((await make('short', expires_after(1))).expires_after?.minutes).toBe(1);
    expect((await make('long', expires_after(10_000_000))).expires_after?.minutes).toBe(24 * 60);
  });

  test('tells the memory it was asked for, and that it has no network', async () => {
    const policy = { type: 'allowlist', allowed_domains: ['example.com'] } as const;
    const made = await make('big', { memory_limit: '16g', network_policy: policy });
    expect(made).toMatchObject({ memory_limit: '16g', network_policy: { type: 'disabled' } });
    expect(JSON.stringify(made)).not.toContain('example.com');
  });

  test('is a session of every dialect', async () => {
    const { id } = await make('shared');
    const { id: file } = await put(id, 'x', 'x.txt');
    const listed = (await (await raw(`/files/${sessionOf(id)}?detail=normalized`)).json()) as object[];
    expect(listed).toMatchObject([{ id: file.replace('cfile_', ''), name: 'x.txt' }]);
    const download = await raw(`/download/${sessionOf(id)}/${file.replace('cfile_', '')}`);
    expect(await download.text()).toBe('x');
    const native = (await (await raw(`/sessions/${sessionOf(id)}`)).json()) as object;
    expect(native).toMatchObject({ id: sessionOf(id), name: 'shared' });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'native' });
    const made = (await (await raw('/sessions', { method: 'POST', headers, body })).json()) as { id: string };
    expect(await ann.containers.retrieve(`cntr_${made.id}`)).toMatchObject({ name: 'native', status: 'running' });
  });

  test('begins with files, each under a name of its own', async () => {
    const file = async (content: string) =>
      (await ann.files.create({ file: await toFile(Buffer.from(content), 'data.csv'), purpose: 'user_data' })).id;
    const { id } = await make('filled', { file_ids: [await file('one'), await file('two')] });
    const { data } = await ann.containers.files.list(id);
    const paths = data.map(({ path }) => path).toSorted((a, b) => a.length - b.length);
    expect(paths).toEqual(['/mnt/data/data.csv', expect.stringMatching(/^\/mnt\/data\/[0-9a-f]{8}-data\.csv$/)]);
    expect(data.map(({ source }) => source)).toEqual(['user', 'user']);
    await expect(make('broken', { file_ids: ['file-none'] })).rejects.toMatchObject({
      status: 404,
      param: 'file_ids[0]',
    });
  });
});

describe('a container’s file', () => {
  test('is put in, listed, read and removed', async () => {
    const { id } = await make();
    const made = await put(id, 'a,b\n', 'in.csv');
    expect(made).toEqual({
      id: expect.stringMatching(/^cfile_[\w-]{21}$/),
      object: 'container.file',
      container_id: id,
      created_at: expect.any(Number),
      bytes: 4,
      path: '/mnt/data/in.csv',
      filename: 'in.csv',
      source: 'user',
    });
    expect(await ann.containers.files.retrieve(made.id, { container_id: id })).toEqual(made);
    const content = await ann.containers.files.content.retrieve(made.id, { container_id: id });
    expect(content.headers.get('content-type')).toBe('text/csv');
    expect(content.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''in.csv");
    expect(await content.text()).toBe('a,b\n');
    const deleted = await raw(`/containers/${id}/files/${made.id}`, { method: 'DELETE' });
    expect(await deleted.json()).toEqual({ id: made.id, object: 'container.file.deleted', deleted: true });
    expect((await ann.containers.files.list(id)).data).toEqual([]);
    const gone = { status: 404, message: `404 File ${made.id} not found on container ${id}.` };
    await expect(ann.containers.files.retrieve(made.id, { container_id: id })).rejects.toMatchObject(gone);
    await expect(textOf(id, made.id)).rejects.toMatchObject(gone);
  });

  test('may be empty, or large', async () => {
    const { id } = await make();
    expect(await textOf(id, (await put(id, '', 'empty.txt')).id)).toBe('');
    const bytes = randomBytes(700_000);
    const large = await put(id, bytes, 'large.bin');
    expect(large.bytes).toBe(bytes.length);
    expect((await bytesOf(id, large.id)).equals(bytes)).toBe(true);
  });

  test('may arrive in chunks, without a length', async () => {
    const { id } = await make();
    const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="s.txt"\r\n\r\n';
    const body = Readable.toWeb(
      Readable.from([head, 'str', 'eam', '\r\n--b--\r\n'].map(Buffer.from)),
    ) as ReadableStream;
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
    const made = (await (await raw(`/containers/${id}/files`, init)).json()) as { id: string; bytes: number };
    expect(made.bytes).toBe(6);
    expect(await textOf(id, made.id)).toBe('stream');
  });

  test('keeps a name in any script, and only its last segment', async () => {
    const { id } = await make();
    expect((await put(id, 'x', 'Übersicht 売上 ’26.csv')).path).toBe('/mnt/data/Übersicht 売上 ’26.csv');
    const attempt = async (name: string) => {
      const form = new FormData();
      form.append('file', new Blob(['x']), name);
      return raw(`/containers/${id}/files`, { method: 'POST', body: form });
    };
    expect(await (await attempt('../../etc/passwd')).json()).toMatchObject({ path: '/mnt/data/passwd' });
    for (const name of ['..', '.', 'a/..', 'é'.repeat(200)]) expect((await attempt(name)).status).toBe(400);
  });

  test('is copied from a file of `/v1/files`, which stays its own', async () => {
    const { id } = await make();
    const file = await ann.files.create({ file: await toFile(Buffer.from('kept'), 'kept.txt'), purpose: 'assistants' });
    const copy = await ann.containers.files.create(id, { file_id: file.id });
    expect(copy).toMatchObject({ path: '/mnt/data/kept.txt', bytes: 4, source: 'user' });
    // OpenAI's Python client names it in a form.
    const form = (fields: Record<string, string>) => {
      const body = new FormData();
      for (const [name, value] of Object.entries(fields)) body.append(name, value);
      return raw(`/containers/${id}/files`, { method: 'POST', body });
    };
    expect(await (await form({ file_id: file.id })).json()).toMatchObject({ bytes: 4, source: 'user' });
    expect(await (await form({ other: 'x' })).json()).toMatchObject({ error: { param: 'file' } });
    expect((await form({ file_id: 'file-none' })).status).toBe(404);
    await ann.files.delete(file.id);
    expect(await textOf(id, copy.id)).toBe('kept');
    await expect(ann.containers.files.create(id, { file_id: file.id })).rejects.toMatchObject({
      status: 404,
      param: 'file_id',
    });
  });

  test('never takes the place of another of its name', async () => {
    const { id } = await make();
    const first = await put(id, 'first', 'same.txt');
    const second = await put(id, 'second', 'same.txt');
    expect(second.path).toMatch(/^\/mnt\/data\/[0-9a-f]{8}-same\.txt$/);
    expect([await textOf(id, first.id), await textOf(id, second.id)]).toEqual(['first', 'second']);
  });

  test('that code made is there too, under one id everywhere', async () => {
    const { id } = await make();
    await put(id, '6', 'six.txt');
    const [made] = await run(id, "open('out.txt', 'w').write(open('six.txt').read() * 2)");
    const { data } = await ann.containers.files.list(id, { order: 'asc' });
    expect(data.map(({ path, source }) => [path, source])).toEqual([
      ['/mnt/data/six.txt', 'user'],
      ['/mnt/data/out.txt', 'assistant'],
    ]);
    expect(data[1]!.id).toBe(made!.id);
    expect(await textOf(id, data[1]!.id)).toBe('66');
  });

  test('can be read by the id it had, after code has written it anew', async () => {
    const { id } = await make();
    const [made] = await run(id, "open('plot.txt', 'w').write('old')");
    await run(id, "open('plot.txt', 'w').write('new')");
    expect(await textOf(id, made!.id)).toBe('old');
    const { data } = await ann.containers.files.list(id);
    expect(data).toHaveLength(1);
    expect(await textOf(id, data[0]!.id)).toBe('new');
    await ann.containers.files.delete(made!.id, { container_id: id });
    expect(await textOf(id, data[0]!.id)).toBe('new');
  });

  test('of one container is none of another', async () => {
    const [one, other] = [await make(), await make()];
    const { id } = await put(one.id, 'x', 'x.txt');
    await expect(textOf(other.id, id)).rejects.toMatchObject({
      status: 404,
      message: `404 File ${id} not found on container ${other.id}.`,
    });
  });
});

describe('another key', () => {
  test('finds nothing, in any way', async () => {
    const { id } = await make('mine');
    const file = await put(id, 'mine', 'mine.txt');
    const inside = { container_id: id };
    const stored = await ann.files.create({ file: await toFile(Buffer.from('x'), 'x.txt'), purpose: 'user_data' });
    await Promise.all(
      [
        bob.containers.retrieve(id),
        bob.containers.delete(id),
        bob.containers.files.list(id),
        bob.containers.files.retrieve(file.id, inside),
        bob.containers.files.content.retrieve(file.id, inside),
        bob.containers.files.delete(file.id, inside),
        toFile(Buffer.from('x'), 'x.txt').then((upload) => bob.containers.files.create(id, { file: upload })),
      ].map((attempt) => expect(attempt).rejects.toMatchObject(missing(id))),
    );
    expect((await bob.containers.list()).data).toEqual([]);
    const own = await bob.containers.create({ name: 'theirs' });
    await expect(bob.containers.files.create(own.id, { file_id: stored.id })).rejects.toMatchObject({ status: 404 });
    await expect(bob.containers.create({ name: 'x', file_ids: [stored.id] })).rejects.toMatchObject({ status: 404 });
    expect(await textOf(id, file.id)).toBe('mine');
  });
});

describe('an expired container', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(() => engine?.close());

  test('is still described, and can do nothing', async () => {
    const own = await startSessions(engine);
    const { sessions, executions, fileService, records } = own;
    const services = {
      ...idleServices(),
      sessions,
      executions,
      storedFiles: fileService,
      documents: records.documents,
      retentionMs: 1e9,
      log: new MemoryEventLog<ResponseEvent>({ maxLogs: 1, maxBytes: 1, maxLogBytes: 1, ttlMs: 1 }),
      now: () => own.now,
    };
    const assistant = createAssistant(services);
    const { listen } = serve({ dialects: [openai({ ...services, assistant })] });
    const client = new OpenAI({ apiKey, baseURL: `${await listen()}/v1`, maxRetries: 0 });
    const minutes = 5;
    const { id } = await client.containers.create({
      name: 'brief',
      expires_after: { anchor: 'last_active_at', minutes },
    });
    const upload = () => toFile(Buffer.from('x'), 'x.txt').then((file) => client.containers.files.create(id, { file }));
    const file = await upload();
    const read = () => client.containers.files.content.retrieve(file.id, { container_id: id });
    // Looking at it is use enough.
    for (let round = 0; round < 3; round++) {
      own.now += 4 * 60_000;
      expect((await client.containers.retrieve(id)).last_active_at).toBe(own.now / 1000);
      await own.sweep();
    }
    expect(await (await read()).text()).toBe('x');
    own.now += 6 * 60_000;
    await own.sweep();
    expect(await client.containers.retrieve(id)).toMatchObject({ id, status: 'expired', name: 'brief' });
    expect((await client.containers.list()).data).toMatchObject([{ id, status: 'expired' }]);
    const refusal = { status: 400, error: { message: 'Container is expired.', type: 'invalid_request_error' } };
    await Promise.all(
      [upload(), client.containers.files.list(id), read()].map((attempt) =>
        expect(attempt).rejects.toMatchObject(refusal),
      ),
    );
    await client.containers.delete(id);
    await expect(client.containers.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });
});

describe('a list', () => {
  test.each([
    ['newest', OpenAI],
    ['previous', PreviousOpenAI],
  ])('is paged to its end by the %s client', async (_, Client) => {
    const client = new Client({ apiKey: keys.pat, baseURL: `${server.url}/v1` });
    for await (const { id } of client.containers.list()) await client.containers.delete(id);
    expect(await (await fetch(`${server.url}/v1/containers`, { headers: { 'api-key': keys.pat } })).json()).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
    const made = [];
    for (const name of ['a', 'b', 'a', 'c', 'd']) made.push((await client.containers.create({ name })).id);
    const all = async (pages: AsyncIterable<{ id: string }>) => {
      const seen: string[] = [];
      for await (const { id } of pages) seen.push(id);
      return seen;
    };
    expect(await all(client.containers.list({ limit: 2 }))).toEqual(made.toReversed());
    expect(await all(client.containers.list({ limit: 1, order: 'asc' }))).toEqual(made);
    expect(await all(client.containers.list({ limit: 5 }))).toHaveLength(5);
    expect(await all(client.containers.list({ name: 'a', order: 'asc' } as object))).toEqual([made[0], made[2]]);
    expect(await all(client.containers.list({ after: 'cntr_unknown' }))).toEqual([]);
    const [id] = made as [string];
    const files = [];
    for (let n = 0; n < 5; n++) {
      const file = await toFile(Buffer.from(`${n}`), `${n}.txt`);
      files.push((await client.containers.files.create(id, { file })).id);
    }
    const asc = await all(client.containers.files.list(id, { limit: 2, order: 'asc' }));
    expect(new Set(asc)).toEqual(new Set(files));
    expect(await all(client.containers.files.list(id, { limit: 2 }))).toEqual(asc.toReversed());
  });
});

describe('a request that is wrong', () => {
  test.each([
    [{}, 'name', 'missing_required_parameter'],
    [{ name: 7 }, 'name', 'invalid_type'],
    [{ name: 'x', memory_limit: '2g' }, 'memory_limit', 'invalid_value'],
    [
      { name: 'x', expires_after: { anchor: 'last_active_at', minutes: 0 } },
      'expires_after.minutes',
      'integer_below_min_value',
    ],
    [{ name: 'x', expires_after: { anchor: 'created_at', minutes: 5 } }, 'expires_after.anchor', 'invalid_value'],
    [{ name: 'x', skills: [{}] }, 'skills', 'invalid_value'],
  ])('%j is refused, naming the field', async (body, param, code) => {
    const headers = { 'content-type': 'application/json' };
    const response = await raw('/containers', { method: 'POST', headers, body: JSON.stringify(body) });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code },
    });
  });

  test.each(['cntr_', 'cntr_none', 'x', '%00', '..%2f..', `cntr_${'x'.repeat(21)}`])(
    '%s is no container',
    async (id) => {
      for (const path of [`/containers/${id}`, `/containers/${id}/files`, `/containers/${id}/files/cfile_x/content`]) {
        const response = await raw(path);
        expect(response.status).toBe(404);
        expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('not found') } });
      }
    },
  );

  test('the root serves the same', async () => {
    const { id } = await make();
    const response = await fetch(`${server.url}/containers/${id}`, { headers: { 'x-api-key': keys.ann } });
    expect(await response.json()).toMatchObject({ id });
  });
});
