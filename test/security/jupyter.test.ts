import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { attacking } from './attack.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_API_KEYS: 'ann:secret-of-ann,bob:secret-of-bob', DRAGOMAN_RATE_LIMITS: 'off' },
  });
});
afterAll(() => server?.stop());

type Name = 'ann' | 'bob';
type Message = {
  msg_type: string;
  channel: string;
  parent_header: Record<string, unknown>;
  content: Record<string, never>;
};

async function call(name: Name, method: string, path: string, body?: unknown) {
  const headers = { authorization: `token secret-of-${name}` };
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.text()) as string };
}

async function kernelOf(name: Name, prefix = '/jupyter'): Promise<string> {
  const { body } = await call(name, 'POST', `${prefix}/api/kernels`);
  const { id } = JSON.parse(body) as { id: string };
  onTestFinished(async () => void (await call(name, 'DELETE', `${prefix}/api/kernels/${id}`)));
  return id;
}

function connect(name: Name, path: string, options: object = {}, protocols: string[] = []) {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}`, protocols, {
    headers: { authorization: `token secret-of-${name}` },
    ...options,
  });
  ws.on('error', () => {});
  onTestFinished(() => ws.terminate());
  const heard: Message[] = [];
  ws.on('message', (data, isBinary) => {
    if (!isBinary) heard.push(JSON.parse(String(data)));
  });
  const status = new Promise<number>((resolve) => {
    ws.once('unexpected-response', (_, response) => resolve(response.statusCode!));
    ws.once('open', () => resolve(101));
  });
  const closed = new Promise<number>((resolve) => ws.once('close', resolve));
  return { ws, heard, status, closed };
}

/** A kernel and a client of it that is connected. */
async function joined(name: Name, prefix = '/jupyter') {
  const id = await kernelOf(name, prefix);
  const client = connect(name, `${prefix}/api/kernels/${id}/channels?session_id=own`);
  expect(await client.status).toBe(101);
  return { id, ...client };
}

function request(type: string, content: object, header: object = {}, channel = 'shell') {
  const full = {
    msg_id: randomUUID(),
    msg_type: type,
    session: 's',
    username: 'u',
    date: '',
    version: '5.0',
    ...header,
  };
  return JSON.stringify({ header: full, parent_header: {}, metadata: {}, content, channel });
}

/** Runs code by one client; resolves with what it printed. */
async function run({ ws, heard }: { ws: WebSocket; heard: Message[] }, code: string): Promise<string> {
  const msg_id = randomUUID();
  ws.send(request('execute_request', { code }, { msg_id }));
  const own = () => heard.filter(({ parent_header }) => parent_header.msg_id === msg_id);
  await vi.waitFor(() => expect(own().some(({ content }) => content.execution_state === 'idle')).toBe(true), {
    timeout: atPace(30_000),
    interval: 20,
  });
  return own()
    .filter(({ msg_type }) => msg_type === 'stream')
    .map(({ content }) => content.text)
    .join('');
}

describe('what is one key’s', attacking('tenants'), () => {
  it.each(['/jupyter', '/jupyter/home'])(
    'is not there for another key below %s',
    { timeout: atPace(60_000) },
    async (prefix) => {
      const ann = await joined('ann', prefix);
      await run(ann, 'open("private.txt", "w").write("private")');
      const session = await call('ann', 'POST', `${prefix}/api/sessions`, {
        path: 'private.ipynb',
        type: 'notebook',
        kernel: { id: ann.id },
      });
      const { id: sessionId } = JSON.parse(session.body) as { id: string };
      const wrong = [
        ['GET', `/api/kernels/${ann.id}`],
        ['POST', `/api/kernels/${ann.id}/interrupt`],
        ['POST', `/api/kernels/${ann.id}/restart`],
        ['DELETE', `/api/kernels/${ann.id}`],
        ['GET', `/api/sessions/${sessionId}`],
        ['PATCH', `/api/sessions/${sessionId}`],
        ['DELETE', `/api/sessions/${sessionId}`],
        ['GET', '/api/contents/private.txt'],
        ['GET', '/files/private.txt'],
      ] as const;
      for (const [method, path] of wrong) {
        const body = method === 'PATCH' ? { path: 'mine' } : undefined;
        expect([path, (await call('bob', method, prefix + path, body)).status]).toEqual([path, 404]);
      }
      for (const path of ['/api/kernels', '/api/sessions', '/api/contents'])
        expect((await call('bob', 'GET', prefix + path)).body).not.toMatch(/private|[0-9a-f]{8}-/);
      const theirs = { path: 'b.ipynb', type: 'notebook', kernel: { id: ann.id } };
      expect((await call('bob', 'POST', `${prefix}/api/sessions`, theirs)).status).toBe(404);
      expect(await connect('bob', `${prefix}/api/kernels/${ann.id}/channels`).status).toBe(404);
      expect(await run(ann, 'print(open("private.txt").read())')).toBe('private\n');
    },
  );

  it('stays apart where two clients say that they are one session', { timeout: atPace(60_000) }, async () => {
    const [ann, bob] = [await joined('ann'), await joined('bob')];
    await run(ann, 'print("of ann")');
    await run(bob, 'print("of bob")');
    expect(JSON.stringify(ann.heard)).not.toContain('of bob');
    expect(JSON.stringify(bob.heard)).not.toContain('of ann');
  });

  it('kernels of one key at the address without a home share no files', { timeout: atPace(60_000) }, async () => {
    const [one, two] = [await joined('ann'), await joined('ann')];
    await run(one, 'open("private.txt", "w").write("x")');
    expect(await run(two, 'import os; print(os.listdir("."))')).toBe('[]\n');
  });
});

describe('a hostile client', attacking('sockets'), () => {
  it.each([
    ['no credential', { headers: {} }, 401],
    ['a page of another site with no key', { headers: { origin: 'https://elsewhere.test' } }, 401],
    [
      'a forged sign-in',
      { headers: { cookie: `dragoman_ui=${'a'.repeat(43)}`, origin: 'https://elsewhere.test' } },
      401,
    ],
  ])('is refused before the upgrade with %s', async (_, options, status) => {
    const id = await kernelOf('ann');
    expect(await connect('ann', `/jupyter/api/kernels/${id}/channels`, options).status).toBe(status);
  });

  it('changes nothing by frames that are no messages', { timeout: atPace(60_000) }, async () => {
    const ann = await joined('ann');
    const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const texts = [
      '',
      '{',
      'null',
      '[]',
      '{"header":null}',
      '{"header":{"msg_type":5}}',
      nested,
      `{"header":{"msg_type":"execute_request","x":${nested}}}`,
      '{"header":{"msg_type":"__proto__"},"content":{"__proto__":{"code":"1"}}}',
      request('no_such_request', {}),
      request('execute_reply', {}),
      request('status', { execution_state: 'dead' }, {}, 'iopub'),
      request('input_reply', { value: 'no question was asked' }, {}, 'stdin'),
      request('execute_request', { code: ['a'] }),
      request('execute_request', { code: 'print("header")' }, { padding: 'x'.repeat(20_000) }),
      request('comm_msg', { comm_id: 'none' }),
      request('debug_request', {}, {}, 'control'),
      request('history_request', { hist_access_type: 'search', pattern: `${'*a'.repeat(5000)}` }),
    ];
    for (const text of texts) ann.ws.send(text);
    for (const bytes of [
      [],
      [0],
      [0, 0, 0, 0],
      [255, 255, 255, 255],
      [0, 0, 0, 1, 0, 0, 0, 0],
      [0, 0, 0, 2, 0, 0, 0, 12, 0, 0, 0, 4],
    ])
      ann.ws.send(Buffer.from(bytes));
    expect(await run(ann, 'print("well")')).toBe('well\n');
    expect(JSON.stringify(ann.heard)).not.toContain('padding');
  });

  it('changes nothing by frames of the other framing', { timeout: atPace(60_000) }, async () => {
    const id = await kernelOf('ann');
    const { ws, status } = connect('ann', `/jupyter/api/kernels/${id}/channels`, {}, [
      'v1.kernel.websocket.jupyter.org',
    ]);
    expect(await status).toBe(101);
    const frame = (count: bigint, places: bigint[], rest = '') => {
      const head = Buffer.alloc(8 * (places.length + 1));
      head.writeBigUInt64LE(count, 0);
      for (const [index, place] of places.entries()) head.writeBigUInt64LE(place, 8 * (index + 1));
      return Buffer.concat([head, Buffer.from(rest)]);
    };
    const max = 2n ** 64n - 1n;
    for (const bad of [
      frame(max, []),
      frame(6n, []),
      frame(6n, [0n, 0n, 0n, 0n, 0n, 0n]),
      frame(6n, [56n, max, max, max, max, max]),
      frame(6n, [56n, 60n, 58n, 57n, 56n, 60n], '{}{}{}{}'),
      Buffer.alloc(7),
    ])
      ws.send(bad);
    // Text is read in either framing.
    ws.send(request('kernel_info_request', {}));
    const [data, isBinary] = await once(ws, 'message');
    expect([isBinary, String(data).includes('busy')]).toEqual([true, true]);
  });

  it('cannot answer what another client was asked', { timeout: atPace(60_000) }, async () => {
    const ann = await joined('ann');
    const other = connect('ann', `/jupyter/api/kernels/${ann.id}/channels?session_id=other`);
    expect(await other.status).toBe(101);
    ann.ws.send(request('execute_request', { code: 'print("got", input())', allow_stdin: true }));
    const asked = () => ann.heard.find(({ msg_type }) => msg_type === 'input_request');
    await vi.waitFor(() => expect(asked()).toBeDefined(), atPace(30_000));
    other.ws.send(request('input_reply', { value: 'wrong' }, {}, 'stdin'));
    other.ws.send(request('kernel_info_request', {}));
    await vi.waitFor(
      () => expect(other.heard.some(({ msg_type }) => msg_type === 'kernel_info_reply')).toBe(true),
      atPace(10_000),
    );
    expect(other.heard.some(({ msg_type }) => msg_type === 'input_request')).toBe(false);
    ann.ws.send(request('input_reply', { value: 'right' }, {}, 'stdin'));
    await vi.waitFor(() => expect(JSON.stringify(ann.heard)).toContain('got right'), atPace(10_000));
  });

  it('that floods its kernel with requests is told so, and harms no other', { timeout: atPace(120_000) }, async () => {
    const [ann, bob] = [await joined('ann'), await joined('bob')];
    await run(bob, '1');
    const flood = request('execute_request', { code: 'import time; time.sleep(0.05)' });
    for (let at = 0; at < 5000; at++) ann.ws.send(flood);
    const begun = performance.now();
    expect(await run(bob, 'print("served")')).toBe('served\n');
    expect(performance.now() - begun).toBeLessThan(atPace(20_000));
    expect((await call('ann', 'DELETE', `/jupyter/api/kernels/${ann.id}`)).status).toBe(204);
    expect(await ann.closed).toBe(1000);
  });

  it('that sends too much in one message is sent away', { timeout: atPace(60_000) }, async () => {
    const ann = await joined('ann');
    ann.ws.send(request('execute_request', { code: `# ${'x'.repeat(11 * 1024 * 1024)}` }));
    expect(await ann.closed).toBe(1009);
  });

  it('that prints without end and reads nothing is cut off, and the service stays', {
    timeout: atPace(120_000),
  }, async () => {
    const ann = await joined('ann');
    ann.ws.pause();
    ann.ws.send(request('execute_request', { code: 'for _ in range(100):\n    print("x" * 1_000_000)' }));
    const bob = await joined('bob');
    expect(await run(bob, 'print("served")')).toBe('served\n');
    const { status } = await call('ann', 'DELETE', `/jupyter/api/kernels/${ann.id}`);
    expect(status).toBe(204);
  });

  it('makes no more kernels than one key may have', { timeout: atPace(120_000) }, async () => {
    const made: string[] = [];
    let last = 0;
    for (let at = 0; at < 205 && last !== 409; at++) {
      const { status, body } = await call('bob', 'POST', '/jupyter/api/kernels');
      last = status;
      if (status === 201) made.push((JSON.parse(body) as { id: string }).id);
    }
    expect(last).toBe(409);
    for (const id of made) await call('bob', 'DELETE', `/jupyter/api/kernels/${id}`);
    expect((await call('bob', 'GET', '/jupyter/api/kernels')).body).toBe('[]');
  });
});
