import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The wire where JupyterLab's library does not go: what other clients send, who comes back, and what ends. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_SESSION_IDLE_MS: '3000', DRAGOMAN_STATE: 'false' } });
});
/** The last test has stopped it, unless something failed before. */
afterAll(() => server?.kill());

interface Message {
  readonly msg_id: string;
  readonly msg_type: string;
  readonly channel: string;
  readonly header: { readonly session: string; readonly msg_type: string };
  readonly parent_header: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, unknown>>;
  readonly buffers: unknown;
}

async function call(method: string, path: string, body: string | null = null, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}/jupyter${path}`, {
    method,
    headers: { authorization: `token ${server.key}`, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}

async function newKernel(): Promise<string> {
  const { body } = await call('POST', '/api/kernels');
  onTestFinished(async () => void (await call('DELETE', `/api/kernels/${body.id}`).catch(() => {})));
  return body.id as string;
}

async function join(id: string, query = '', url = server.url) {
  const ws = new WebSocket(`${url.replace('http', 'ws')}/jupyter/api/kernels/${id}/channels${query}`, {
    headers: { authorization: `Bearer ${server.key}` },
  });
  onTestFinished(() => ws.terminate());
  const heard: Message[] = [];
  ws.on('message', (data) => heard.push(JSON.parse(String(data))));
  const closed = new Promise<number>((resolve) => ws.once('close', resolve));
  await new Promise((resolve, reject) => ws.once('open', resolve).once('error', reject));
  const send = (message: object) => ws.send(JSON.stringify(message));
  const about = (id: string) => heard.filter(({ parent_header }) => parent_header.msg_id === id);
  const begin = (code: string, content: object = {}) => {
    const msg_id = randomUUID();
    send({ header: { msg_id, msg_type: 'execute_request' }, content: { code, ...content } });
    return msg_id;
  };
  const idle = (id: string) =>
    vi.waitFor(() => expect(about(id).some(({ content }) => content.execution_state === 'idle')).toBe(true), 30_000);
  const run = async (code: string, content: object = {}) => {
    const id = begin(code, content);
    await idle(id);
    return about(id);
  };
  return { ws, heard, send, about, begin, idle, run, closed };
}

const types = (messages: readonly Message[]) => messages.map(({ msg_type }) => msg_type);

describe('REST', () => {
  it('takes bodies of any type and none, and tells models as clients read them', async () => {
    const made = await call('POST', '/api/kernels', null, { 'content-type': 'application/octet-stream' });
    expect(made.status).toBe(201);
    expect(made.body).toMatchObject({ name: 'python3', connections: 0 });
    expect(made.body.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(made.body.last_activity).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(made.headers.get('location')).toBe(`/jupyter/api/kernels/${made.body.id}`);
    const path = `/api/kernels/${made.body.id}`;
    const json = { 'content-type': 'application/json' };
    expect((await call('POST', `${path}/interrupt`, null, json)).status).toBe(204);
    expect((await call('POST', `${path}/interrupt`, '{}', json)).status).toBe(204);
    expect(await call('POST', `${path}/restart`, null, json)).toMatchObject({
      status: 200,
      body: { id: made.body.id },
    });
    expect((await call('GET', `/api/kernels?${Date.now()}`)).body).toHaveLength(1);
    expect((await call('DELETE', path, null, json)).status).toBe(204);
    expect((await call('DELETE', path)).status).toBe(404);
    const own = randomUUID();
    expect(
      (
        await call('POST', '/api/kernels', JSON.stringify({ kernel_id: own }), {
          'content-type': 'text/plain;charset=UTF-8',
        })
      ).body.id,
    ).toBe(own);
    expect((await call('POST', '/api/kernels', JSON.stringify({ kernel_id: own }))).status).toBe(409);
    await call('DELETE', `/api/kernels/${own}`);
  });

  it('refuses in Jupyter’s words', async () => {
    expect(await call('POST', '/api/kernels', '{"name":"cobol"}')).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('python3'), reason: null },
    });
    const unknown = { path: 'x.ipynb', type: 'notebook', kernel: { name: 'cobol' } };
    expect(await call('POST', '/api/sessions', JSON.stringify(unknown))).toMatchObject({
      status: 501,
      body: { message: expect.any(String), short_message: expect.any(String) },
    });
    expect((await call('POST', '/api/sessions', '{"type":"notebook"}')).status).toBe(400);
    for (const path of [
      '/api/terminals',
      '/api/config/x',
      '/hub/api',
      '/tree?',
      '/lab/api/settings',
      '/api/collaboration/x',
      '',
    ])
      expect([path, await call('GET', path)]).toMatchObject([
        path,
        { status: 404, body: { message: expect.any(String) } },
      ]);
    expect((await fetch(`${server.url}/jupyter/api`)).status).toBe(200);
    const refused = await fetch(`${server.url}/jupyter/api/kernels`);
    expect([refused.status, await refused.json()]).toEqual([401, { message: expect.any(String), reason: null }]);
    expect((await call('GET', '/api/me')).body.identity.username).not.toContain(server.key);
  });

  it('takes a key in every place where a client can put it', async () => {
    const get = async (path: string, headers = {}) => (await fetch(server.url + path, { headers })).status;
    expect(await get(`/jupyter/api/kernels?token=${server.key}`)).toBe(200);
    expect(await get(`/k/${server.key}/jupyter/api/kernels`, { authorization: 'token ' })).toBe(200);
    expect(await get('/jupyter/api/kernels', { authorization: `token ${server.key}` })).toBe(200);
    expect(await get('/jupyter/api/kernels?token=wrong', { authorization: `token ${server.key}` })).toBe(400);
    expect(await get(`/sessions?token=${server.key}`)).toBe(401);
    expect(await get('/sessions', { authorization: `token ${server.key}` })).toBe(401);
    expect(server.output().split('API key:')[1]!.slice(100)).not.toContain(server.key);
  });
});

describe('messages', () => {
  it('may be as bare as clients send them, before anything else is asked', { timeout: 60_000 }, async () => {
    const client = await join(await newKernel());
    const said = await client.run('print("bare")');
    expect(types(said).sort()).toEqual(['execute_input', 'execute_reply', 'status', 'status', 'stream']);
    for (const message of said) {
      expect(message.msg_type).toBe(message.header.msg_type);
      expect(message).toMatchObject({
        msg_id: expect.any(String),
        buffers: [],
        parent_header: { msg_type: 'execute_request' },
      });
    }
    expect(new Set(client.heard.map(({ header }) => header.session)).size).toBe(1);
  });

  it('of a kernel_info are answered while a cell runs, and the kernel is busy after it', {
    timeout: 60_000,
  }, async () => {
    const client = await join(await newKernel());
    const running = client.begin('import time; time.sleep(3)');
    await vi.waitFor(() => expect(types(client.about(running))).toContain('execute_input'), 30_000);
    client.send({ header: { msg_id: 'info', msg_type: 'kernel_info_request' }, channel: 'control', content: {} });
    await vi.waitFor(() => expect(types(client.about('info'))).toContain('kernel_info_reply'), 2000);
    expect(types(client.about(running))).not.toContain('execute_reply');
    const last = client.heard.findLast(({ msg_type }) => msg_type === 'status')!;
    expect([last.content.execution_state, last.parent_header.msg_id]).toEqual(['busy', running]);
    client.send({ header: { msg_id: 'stop', msg_type: 'interrupt_request' }, channel: 'control', content: {} });
    await client.idle(running);
    expect(types(client.about('stop'))).toContain('interrupt_reply');
  });

  it('that open a comm are told that nothing is there', { timeout: 60_000 }, async () => {
    const client = await join(await newKernel());
    client.send({
      header: { msg_id: 'comm', msg_type: 'comm_open' },
      content: { comm_id: 'c', target_name: 'jupyter.widget' },
    });
    await client.idle('comm');
    expect(types(client.about('comm'))).toEqual(['status', 'comm_close', 'status']);
    client.send({ header: { msg_id: 'debug', msg_type: 'debug_request' }, channel: 'control', content: {} });
    await vi.waitFor(() =>
      expect(client.about('debug').find(({ msg_type }) => msg_type === 'debug_reply')?.content.status).toBe('error'),
    );
  });

  it('are kept for a client that comes back, in order, and the cell goes on', { timeout: 60_000 }, async () => {
    const id = await newKernel();
    const first = await join(id, '?session_id=mine');
    await first.run('1');
    const running = first.begin('import time\nfor n in range(6):\n    print(n, flush=True); time.sleep(0.2)');
    await vi.waitFor(() => expect(types(first.about(running))).toContain('stream'), 10_000);
    first.ws.close();
    await first.closed;
    await sleep(1500);
    const second = await join(id, '?session_id=mine');
    await second.idle(running);
    const texts = [...first.about(running), ...second.about(running)].filter(({ msg_type }) => msg_type === 'stream');
    expect(texts.map(({ content }) => content.text).join('')).toBe('0\n1\n2\n3\n4\n5\n');
    expect(types(second.about(running))).toContain('execute_reply');
    const third = await join(id, '?session_id=mine');
    expect(await second.closed).toBe(1000);
    expect(third.heard).toEqual([]);
  });

  it('say that a kernel whose sandbox was let go, and nothing of it saved, is a new one, before it answers', {
    timeout: 60_000,
  }, async () => {
    const id = await newKernel();
    const client = await join(id, '?session_id=tab');
    await client.run('x = 1');
    await vi.waitFor(
      async () => {
        const { body } = await nativeClient(server)
          .json<{ data: { state: string }[] }>('GET', '/sessions?limit=1')
          .then((data) => ({ body: data }));
        expect(body.data[0]!.state).toBe('dormant');
      },
      { timeout: 20_000, interval: 500 },
    );
    const before = client.heard.length;
    const said = await client.run('"x" in globals()');
    const states = client.heard
      .slice(before)
      .filter(({ parent_header, msg_type }) => msg_type === 'status' && !parent_header.msg_id);
    expect(states.map(({ content }) => content.execution_state)).toEqual(['restarting', 'starting', 'idle']);
    expect(said.find(({ msg_type }) => msg_type === 'execute_result')?.content).toMatchObject({
      execution_count: 1,
      data: { 'text/plain': 'False' },
    });
    const sessions = new Set(client.heard.map(({ header }) => header.session));
    expect(sessions.size).toBe(2);
  });

  it('end with a kernel that no client uses: it is gone from every list', { timeout: 60_000 }, async () => {
    const id = await newKernel();
    const client = await join(id);
    await client.run('1');
    client.ws.close();
    await vi.waitFor(async () => expect((await call('GET', `/api/kernels/${id}`)).status).toBe(404), {
      timeout: 40_000,
      interval: 1000,
    });
    expect(JSON.stringify((await call('GET', '/api/kernels')).body)).not.toContain(id);
  });

  it('go on after a restart of the service with their variables, and say so', {
    timeout: 120_000,
  }, async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'dragoman-jupyter-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const env = { DRAGOMAN_API_KEYS: `tester:${server.key}` };
    const before = await startServer({ dataDir, env });
    const made = await fetch(`${before.url}/jupyter/api/kernels`, {
      method: 'POST',
      headers: { authorization: `token ${server.key}` },
    });
    const { id } = (await made.json()) as { id: string };
    const first = await join(id, '?session_id=mine', before.url);
    await first.run('x = 41');
    await before.stop();
    expect(await first.closed).toBe(1012);
    const after = await startServer({ dataDir, env });
    onTestFinished(() => after.kill());
    const second = await join(id, '?session_id=mine', after.url);
    const said = await second.run('x + 1');
    expect(said.find(({ content }) => content.name === 'stderr')?.content.text).toBe('[Restored 1 variable.]\n');
    expect(said.find(({ content }) => content.data)?.content.data).toEqual({ 'text/plain': '42' });
  });

  it('end with a word that tells their client to come back, when the service ends', { timeout: 60_000 }, async () => {
    const client = await join(await newKernel());
    const ending = server.stop();
    expect(await client.closed).toBe(1012);
    await ending;
  });
});
