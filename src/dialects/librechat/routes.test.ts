import { beforeEach, describe, expect, test } from 'vitest';
import { said } from '../../../test/support/cell-result.ts';
import { principalOf } from '../../../test/support/principals.ts';
import { DragomanError, newId, type StoredFile } from '../../core/index.ts';
import { librechatApp } from './fixtures/app.ts';

type App = Awaited<ReturnType<typeof librechatApp>>;
let app: App['app'];
let service: App['service'];
let store: App['store'];
beforeEach(async () => {
  ({ app, service, store } = await librechatApp());
});

const ann = principalOf('ann');
const exec = (payload: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/exec', payload, headers });
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

/** What each generation of clients sends to run a program with one input. */
const generations: [string, (file: StoredFile) => { headers: Record<string, string>; payload: object }][] = [
  [
    'with an API key in header and body',
    (file) => ({
      headers: { 'x-api-key': 'ann', 'user-agent': 'LibreChat/1.0' },
      payload: {
        lang: 'py',
        code: 'print(3)',
        session_id: newId(),
        LIBRECHAT_CODE_API_KEY: 'ann',
        apiKey: 'ann',
        entity_id: 'agent_1',
        files: [{ id: file.id, session_id: file.sessionId, name: 'in.csv' }],
      },
    }),
  ],
  [
    'without a credential',
    (file) => ({
      headers: { 'user-agent': 'LibreChat/1.0' },
      payload: {
        lang: 'py',
        code: 'print(3)',
        user_id: 'u1',
        codeSessionKey: 'k',
        files: [{ id: file.id, session_id: file.sessionId, storage_session_id: file.sessionId, name: 'in.csv' }],
      },
    }),
  ],
  [
    'with a profile and kinds',
    (file) => ({
      headers: { 'x-codeapi-expected-profile': 'default' },
      payload: {
        lang: 'py',
        code: 'print(3)',
        executionRouteKey: 'r',
        runtime_session_hint: 'not / valid',
        files: [
          { id: file.id, resource_id: file.id, storage_session_id: file.sessionId, name: 'in.csv', kind: 'user' },
        ],
      },
    }),
  ],
];

describe('POST /exec', () => {
  test.each(generations)('runs for a client %s', async (_, shape) => {
    const input = await store(ann, 'in.csv', 'a\n');
    service.runner.script = async (job) => {
      job.print('3\n');
      return undefined;
    };
    const response = await app.inject({ method: 'POST', url: '/exec', ...shape(input) });
    expect(response.statusCode).toBe(200);
    const [job] = service.runner.submitted;
    expect(job).toMatchObject({ language: 'python', code: 'print(3)', mode: 'program', inputs: [{ path: 'in.csv' }] });
    expect(response.json()).toMatchObject({
      session_id: job!.id,
      stdout: '3\n',
      code: 0,
      files: [{ id: input.id, name: 'in.csv', storage_session_id: input.sessionId, inherited: true }],
    });
  });

  test('answers 200 for a program that failed', async () => {
    service.runner.script = async () => ({ exitCode: 1, stderr: said('Traceback') });
    const response = await exec({ lang: 'py', code: '1/0' });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toMatchObject({ code: 1, stderr: 'Traceback', stdout: '' });
  });

  test('refuses what is malformed with 400, whatever the type of the body', async () => {
    const send = (payload: string, type: string) =>
      app.inject({ method: 'POST', url: '/exec', payload, headers: { 'content-type': type } });
    for (const response of [
      await exec({ code: 'x' }),
      await exec({ lang: 'py', code: 'x', files: [{ id: 'short', name: 'a' }] }),
      await exec({ lang: 'py', code: 'x', args: { length: { toString: [] } } }),
      await exec({ lang: 'py', code: 'x', args: Array(10_001).fill(1) }),
      await send('{"lang":', 'application/json'),
      await send('print(1)', 'text/x-python'),
      await app.inject({ method: 'POST', url: '/exec' }),
    ]) {
      expect(response.statusCode).toBe(400);
      expect(response.json()).toEqual({ error: expect.any(String) });
    }
  });

  test('answers 403 for a file that is gone or another’s', async () => {
    const theirs = await store(principalOf('bob'), 'b.csv', 'b');
    for (const [id, storage_session_id] of [
      [theirs.id, theirs.sessionId],
      [newId(), newId()],
    ]) {
      const response = await exec({ lang: 'py', code: '', files: [{ id, storage_session_id, name: 'b.csv' }] });
      expect(response.statusCode).toBe(403);
      expect(response.json()).toEqual({ error: 'Unauthorized file reference' });
    }
  });

  test('words the failures of the service', async () => {
    service.runner.script = async () => {
      throw new DragomanError('rate_limited', { message: 'Slow down.', retryAfterSeconds: 7 });
    };
    const limited = await exec({ lang: 'py', code: '' });
    expect(limited.statusCode).toBe(429);
    expect(limited.json()).toEqual({ error: 'rate_limited', message: 'Slow down.', retry_after_seconds: 7 });
    service.runner.script = async () => {
      throw new Error('the inside story');
    };
    const broken = await exec({ lang: 'py', code: '' });
    expect(broken.statusCode).toBe(500);
    expect(broken.json()).toEqual({ error: 'Internal server error' });
  });

  test('knows two profiles', async () => {
    expect((await exec({ lang: 'bash', code: 'true' }, { 'x-codeapi-expected-profile': 'stateful' })).statusCode).toBe(
      200,
    );
    const unknown = await exec({ lang: 'bash', code: 'true' }, { 'x-codeapi-expected-profile': 'x' });
    expect(unknown.statusCode).toBe(400);
    expect(unknown.json()).toEqual({ error: 'invalid_execution_profile' });
  });

  test('is not aborted by a request that simply ends', async () => {
    let seen: AbortSignal | undefined;
    service.runner.script = async ({ signal }) => {
      seen = signal;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return undefined;
    };
    expect((await exec({ lang: 'py', code: '' })).statusCode).toBe(200);
    expect(seen?.aborted).toBe(false);
  });
});

describe('reading back', () => {
  const old = { 'x-api-key': 'ann' };

  test('a download streams the bytes with length, type and name', async () => {
    const file = await store(ann, 'plots/ü (1).csv', 'a,b\n');
    const response = await get(`/download/${file.sessionId}/${file.id}?kind=user&id=u1`);
    expect(response.statusCode).toBe(200);
    expect(response.payload).toBe('a,b\n');
    expect(response.headers).toMatchObject({
      'content-length': '4',
      'content-type': 'text/csv',
      'content-disposition': "attachment; filename*=UTF-8''plots%2F%C3%BC%20%281%29.csv",
    });
  });

  test('the oldest probe finds its file by the object name', async () => {
    const file = await store(ann, 'in.csv', 'a');
    const response = await get(`/files/${file.sessionId}?detail=summary`, old);
    const found = response.json().find(({ name }: { name: string }) => name.startsWith(`${file.sessionId}/${file.id}`));
    expect(Date.parse(found.lastModified)).toBe(file.createdAt);
  });

  test('the oldest listing has what the client takes apart', async () => {
    const file = await store(ann, 'd/in.csv', 'a');
    const [element] = (await get(`/files/${file.sessionId}?detail=full`, old)).json();
    expect(element.name.split('/')[1].split('.')[0]).toBe(file.id);
    expect(element.metadata['original-filename']).toBe('d/in.csv');
  });

  test('the current probes find their file by id', async () => {
    const file = await store(ann, 'in.csv', 'a', { kind: 'agent', id: 'agent_1' });
    const identity = 'kind=agent&id=agent_1';
    const list = (await get(`/files/${file.sessionId}?detail=summary&${identity}`)).json();
    expect(list).toEqual([expect.objectContaining({ fileId: file.id, storage_session_id: file.sessionId })]);
    const info = (await get(`/sessions/${file.sessionId}/objects/${file.id}?${identity}`)).json();
    expect(info).toMatchObject({ originalFilename: 'in.csv', lastModified: '2026-01-01T00:00:00.000Z' });
  });

  test('without detail a list holds names', async () => {
    const file = await store(ann, 'in.csv', 'a');
    const names = [`${file.sessionId}/${file.id}.csv`];
    expect((await get(`/files/${file.sessionId}`)).json()).toEqual(names);
    expect((await get(`/files/${file.sessionId}?detail=tree`)).json()).toEqual(names);
  });

  test('a tenant shares files of agents and skills with every request that names the right agent or skill', async () => {
    const agents = await store(ann, 'a.csv', 'a', { kind: 'agent', id: 'g1' });
    const skills = await store(ann, 's.csv', 's', { kind: 'skill', id: 's1', version: 2 });
    const status = async (file: StoredFile, query: string, key: string) =>
      (await get(`/download/${file.sessionId}/${file.id}${query}`, { 'x-api-key': key })).statusCode;
    expect(await status(agents, '?kind=agent&id=g1', 'amy')).toBe(200);
    expect(await status(agents, '?entity_id=g1', 'amy')).toBe(200);
    expect(await status(agents, '?kind=agent&id=g2', 'amy')).toBe(404);
    expect(await status(agents, '', 'amy')).toBe(404);
    expect(await status(agents, '', 'ann')).toBe(200);
    expect(await status(agents, '?kind=agent&id=g1', 'bob')).toBe(404);
    expect(await status(skills, '?kind=skill&id=s1&version=2', 'amy')).toBe(200);
    expect(await status(skills, '?kind=skill&id=s1&version=3', 'amy')).toBe(404);
  });

  test('what is gone or another’s is 404, what is malformed is 400', async () => {
    const file = await store(principalOf('bob'), 'in.csv', 'a');
    const own = await store(ann, 'in.csv', 'a');
    for (const [sid, fid] of [
      [file.sessionId, file.id],
      [own.sessionId, newId()],
      [newId(), newId()],
    ]) {
      for (const url of [`/download/${sid}/${fid}`, `/sessions/${sid}/objects/${fid}`]) {
        const response = await get(url);
        expect(response.statusCode).toBe(404);
        expect(response.json()).toEqual({ error: 'File not found' });
      }
    }
    expect((await get(`/files/${file.sessionId}`)).statusCode).toBe(404);
    for (const url of [
      `/download/short/${file.id}`,
      `/download/${file.sessionId}/${file.id}x`,
      `/sessions/${file.sessionId}/objects/${'.'.repeat(21)}`,
      '/files/x?detail=summary',
      `/files/${file.sessionId}?kind=admin`,
      `/files/${file.sessionId}?kind=skill&id=a`,
      `/files/${file.sessionId}?kind=user&kind=agent`,
    ]) {
      const response = await get(url);
      expect(response.statusCode, url).toBe(400);
      expect(response.json()).toEqual({ error: expect.any(String) });
    }
  });

  test('an id of Anthropic’s API is told which header it needs', async () => {
    const { statusCode, body } = await get(`/files/file_${newId()}`);
    expect([statusCode, body]).toEqual([400, expect.stringContaining('anthropic-version')]);
  });

  test('a deleted file is gone, and gone for the second time', async () => {
    const file = await store(ann, 'in.csv', 'a');
    const url = `/files/${file.sessionId}/${file.id}`;
    const response = await app.inject({ method: 'DELETE', url });
    expect(response.statusCode).toBe(200);
    expect(response.json()).toEqual({
      message: 'File deleted successfully',
      session_id: file.sessionId,
      storage_session_id: file.sessionId,
      fileId: file.id,
    });
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(404);
  });
});

test('every route has a rate class', async () => {
  const classes: Record<string, unknown> = {};
  const { fastify } = await import('fastify');
  const { librechat } = await import('./routes.ts');
  const probe = fastify();
  probe.addHook('onRoute', ({ method, url, config }) => {
    if (method !== 'HEAD') classes[`${method} ${url}`] = config?.rateClass;
  });
  await librechat({} as never).register(probe);
  await probe.ready();
  expect(classes).toEqual({
    'POST /exec': 'exec',
    'POST /exec/programmatic': 'exec',
    'POST /exec/programmatic/cancel': 'list',
    'POST /upload': 'upload',
    'POST /upload/batch': 'upload',
    'GET /download/:sid/:fid': 'download',
    'GET /sessions/:sid/objects/:fid': 'list',
    'GET /files/:sid': 'list',
    'DELETE /files/:sid/:fid': 'list',
    'DELETE /sessions/:sid/objects/:fid': 'list',
  });
});
