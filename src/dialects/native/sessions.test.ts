import { beforeEach, describe, expect, it } from 'vitest';
import { keys, nativeServer } from '../../../test/support/native-server.ts';
import { newId } from '../../core/index.ts';

let server: Awaited<ReturnType<typeof nativeServer>>;
beforeEach(async () => {
  server = await nativeServer();
});

const create = (body?: object) => server.call('POST', '/v1/sessions', body);

describe('a session', () => {
  it('begins with what was asked for', async () => {
    const { status, headers, json } = await create({
      name: 'sales',
      idle_timeout_ms: 5000,
      lifetime_ms: 60_000,
      memory_bytes: 77_000_000,
      metadata: { a: 'b' },
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/v1/sessions/${json.id}`);
    expect(json).toEqual({
      id: json.id,
      name: 'sales',
      state: 'dormant',
      busy: false,
      created_at: '2026-01-01T00:00:00.000Z',
      last_active_at: '2026-01-01T00:00:00.000Z',
      expires_at: '2026-01-01T00:01:00.000Z',
      idle_timeout_ms: 5000,
      memory_bytes: 77_000_000,
      isolation: 'namespaces',
      metadata: { a: 'b' },
    });
    expect((await server.call('GET', `/sessions/${json.id}`)).json).toEqual(json);
  });

  it('has the memory that an interpreter needs, at least', async () => {
    const { status, json } = await create({ memory_bytes: 1_000_000 });
    expect(status).toBe(400);
    expect(json.message).toMatch(/^memory_bytes: /);
  });

  it('needs no body', async () => {
    expect((await create()).status).toBe(201);
  });

  it.each([
    [{ name: '' }],
    [{ metadata: { a: 1 } }],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, ''])) }],
    [{ idle_timeout_ms: 0.5 }],
    [[]],
    ['text'],
  ])('refuses %j', async (body) => {
    expect((await create(body as object)).status).toBe(400);
  });

  it('is changed, only where something was said', async () => {
    const { id } = (await create({ name: 'a', metadata: { k: 'v' } })).json;
    const change = (body: object) => server.call('PATCH', `/v1/sessions/${id}`, body);
    expect((await change({ metadata: { x: 'y' } })).json).toMatchObject({ name: 'a', metadata: { x: 'y' } });
    expect((await change({ name: null })).json).toMatchObject({ name: null, metadata: { x: 'y' } });
  });

  it('ends', async () => {
    const { id } = (await create({})).json;
    const { status, text } = await server.call('DELETE', `/v1/sessions/${id}`);
    expect([status, text]).toEqual([204, '']);
    expect((await server.call('GET', `/v1/sessions/${id}`)).status).toBe(404);
  });

  it('is not found by another key', async () => {
    const { id } = (await create({})).json;
    for (const [method, path] of [
      ['GET', ''],
      ['PATCH', ''],
      ['DELETE', ''],
      ['POST', '/interrupt'],
      ['POST', '/restart'],
      ['POST', '/fork'],
      ['GET', '/notebook'],
      ['GET', '/files'],
      ['GET', '/archive'],
      ['GET', '/files/a'],
      ['PUT', '/files/a'],
      ['DELETE', '/files/a'],
    ] as const) {
      const body = method === 'PATCH' ? {} : method === 'PUT' ? 'x' : undefined;
      const { status, json } = await server.call(method, `/v1/sessions/${id}${path}`, body, { 'x-api-key': keys.bob });
      expect([method, path, status, json.error]).toEqual([method, path, 404, 'not_found']);
    }
  });

  it('is listed page by page', async () => {
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) ids.push((await create({ name })).json.id);
    const page = async (query: string) => (await server.call('GET', `/v1/sessions?${query}`)).json;
    const first = await page('limit=2&order=asc');
    expect([first.data.map(({ id }: { id: string }) => id), first.has_more]).toEqual([ids.slice(0, 2), true]);
    const second = await page(`limit=2&order=asc&after=${ids[1]}`);
    expect([second.data.length, second.has_more]).toEqual([1, false]);
    expect((await page('')).data[0].name).toBe('c');
    expect((await page('name=b')).data).toHaveLength(1);
    expect((await server.call('GET', '/v1/sessions?limit=1000')).status).toBe(400);
  });

  it('tells whether anything was interrupted', async () => {
    const { id } = (await create({})).json;
    const interrupt = async () => (await server.call('POST', `/v1/sessions/${id}/interrupt`)).json;
    expect(await interrupt()).toEqual({ interrupted: false });
    server.jobs.steps = () => {};
    const cell = { language: 'py', code: '' };
    await server.call('POST', `/v1/sessions/${id}/executions`, cell, { prefer: 'respond-async' });
    await expect.poll(interrupt).toEqual({ interrupted: true });
  });
});

describe('its files', () => {
  let path: string;
  beforeEach(async () => {
    path = `/v1/sessions/${(await create({})).json.id}`;
  });
  const put = (name: string, content: string, type = 'text/csv') =>
    server.call('PUT', `${path}/files/${name}`, content, { 'content-type': type });

  it.each(['a.txt', 'dir/b c.csv', 'é/ü.json', '100%.txt', 'a?b#c'])('are put and read as %s', async (name) => {
    const encoded = name.split('/').map(encodeURIComponent);
    const { status, json } = await put(encoded.join('/'), '{}[]', 'application/json');
    expect([status, json.path, json.size, json.mime]).toEqual([200, name, 4, 'application/json']);
    for (const form of [encoded.join('/'), encoded.join('%2F')]) {
      const read = await server.send('GET', `${path}/files/${form}`);
      expect([read.status, await read.text()]).toEqual([200, '{}[]']);
      expect(read.headers.get('content-disposition')).toMatch(/^attachment; /);
      expect(read.headers.get('x-content-type-options')).toBe('nosniff');
    }
  });

  it('may be empty, and of no type', async () => {
    const response = await fetch(`${server.base}${path}/files/empty`, {
      method: 'PUT',
      headers: { 'x-api-key': keys.ann },
    });
    expect(await response.json()).toMatchObject({ size: 0, mime: 'application/octet-stream' });
  });

  it('are listed, read again only when changed, and removed', async () => {
    const { sha256 } = (await put('a', 'one')).json;
    expect((await server.call('GET', `${path}/files`)).json.data).toMatchObject([{ path: 'a', sha256 }]);
    const known = { 'if-none-match': `"${sha256}"` };
    expect((await server.call('GET', `${path}/files/a`, undefined, known)).status).toBe(304);
    await put('a', 'two');
    expect((await server.call('GET', `${path}/files/a`, undefined, known)).text).toBe('two');
    expect((await server.call('DELETE', `${path}/files/a`)).status).toBe(204);
    expect((await server.call('GET', `${path}/files/a`)).status).toBe(404);
    expect((await server.call('DELETE', `${path}/files/a`)).status).toBe(404);
  });

  it.each([
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e%2fx',
    'a/..%2fb',
    '%2fetc/passwd',
    'a%00b',
    'a%5cb',
    'a%0ab',
    `${'d/'.repeat(11)}x`,
    'x'.repeat(300),
    encodeURIComponent('€'.repeat(257)),
  ])('refuse the path %s', async (name) => {
    for (const method of ['PUT', 'GET', 'DELETE']) {
      const { status } = await server.call(method, `${path}/files/${name}`, method === 'PUT' ? 'x' : undefined);
      // The client itself resolves some of them, and then there is nothing at that address.
      expect([400, 404, 405]).toContain(status);
    }
    expect((await server.call('GET', `${path}/files`)).json.data).toEqual([]);
  });

  it('take long names', async () => {
    const name = encodeURIComponent('€'.repeat(80));
    expect((await put(`${name}/${name}`, 'x')).status).toBe(200);
    expect((await server.call('GET', `${path}/files/${name}/${name}`)).status).toBe(200);
  });

  it('are refused when too large, said or not', async () => {
    expect((await put('large', 'x'.repeat(20_000))).status).toBe(413);
    const { status, json } = await put('larger-than-the-store-takes', 'x'.repeat(2000));
    expect([status, json.error]).toEqual([413, 'too_large']);
  });

  it('are copied from elsewhere', async () => {
    const { id, session_id } = (await put('a', 'one')).json;
    const other = (await create({})).json.id;
    const { status, json } = await server.call('POST', `/v1/sessions/${other}/files`, { id, session_id, path: 'b/c' });
    expect([status, json.path, json.session_id]).toEqual([201, 'b/c', other]);
    const refused = await server.call('POST', `/v1/sessions/${other}/files`, { id: newId(), session_id, path: 'x' });
    expect(refused.status).toBe(403);
    const hostile = await server.call('POST', `/v1/sessions/${other}/files`, { id, session_id, path: '../x' });
    expect(hostile.status).toBe(400);
  });

  it('leave together as a zip', async () => {
    await put('a.txt', 'one');
    await put('dir/b.txt', 'two');
    const response = await server.send('GET', `${path}/archive`);
    expect(response.headers.get('content-type')).toBe('application/zip');
    expect(response.headers.get('content-disposition')).toBe(
      `attachment; filename*=UTF-8''${path.split('/').at(-1)}.zip`,
    );
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 4).toString('latin1')).toBe('PK\x03\x04');
    expect(bytes.includes('dir/b.txt')).toBe(true);
  });
});

it('tells what was used, and refuses days that are none', async () => {
  const { id } = (await create({})).json;
  await server.call('PUT', `/v1/sessions/${id}/files/a`, 'x'.repeat(500));
  const { status, json } = await server.call('GET', '/v1/usage?from=2026-01-01&to=2026-01-02');
  // In whole blocks of the disk.
  const storage = { bytes_used: 4096, bytes_allowed: 1024 ** 3 };
  const nothing = { executions: 0, cpu_ms: 0, wall_ms: 0, bytes_stored: 0, bytes_served: 0 };
  expect([status, json]).toEqual([200, { from: '2026-01-01', to: '2026-01-02', total: nothing, days: [], storage }]);
  expect((await server.call('GET', '/v1/usage?from=2026-02-01&to=2026-01-02')).status).toBe(400);
  expect((await server.call('GET', '/v1/usage?from=yesterday')).status).toBe(400);
});
