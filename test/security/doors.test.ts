import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { rawConnection } from '../support/http.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts';
import { attacking } from './attack.ts';

/** What every API gives to one key and no other, and what it accepts from strangers. */
const operatorsKey = 'sk-operators-own-key-0000';
let server: TestServer;
let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await startUpstream();
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: 'ann:secret-of-ann,bob:secret-of-bob',
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_UPSTREAM_PROVIDER: 'openai-compatible',
      DRAGOMAN_UPSTREAM_BASE_URL: upstream.baseUrl,
      DRAGOMAN_UPSTREAM_MODEL: 'scripted-model',
      DRAGOMAN_UPSTREAM_API_KEY: operatorsKey,
      DRAGOMAN_UPSTREAM_RETRIES: '0',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await upstream?.close();
});

const as = (name: 'ann' | 'bob') => nativeClient({ url: server.url, key: `secret-of-${name}` });
const said = async (response: Response) => ({ status: response.status, text: await response.text() });
const code = { type: 'code_interpreter', container: { type: 'auto' } };

async function upload(
  name: 'ann' | 'bob',
  path: string,
  file: string,
  content: string,
  more: Record<string, string> = {},
) {
  const form = new FormData();
  for (const [field, value] of Object.entries(more)) form.append(field, value);
  form.append('file', new Blob([content]), file);
  const headers = { 'x-api-key': `secret-of-${name}` };
  const response = await fetch(`${server.url}/v1${path}`, { method: 'POST', headers, body: form });
  return (await response.json()) as { id: string };
}

describe('what is one key’s', attacking('tenants'), () => {
  it('is to another as if there were nothing, at every door', { timeout: atPace(60_000) }, async () => {
    const ann = as('ann');
    const session = await ann.session({ name: 'private' });
    const execution = await ann.cell(session, 'open("private.txt", "w").write("private")');
    upstream.say([{ python: 'open("made.txt", "w").write("private")' }], [{ text: 'private' }]);
    const response = await ann.json<{ id: string; output: { type: string; container_id?: string }[] }>(
      'POST',
      '/responses',
      { model: 'scripted-model', input: 'private', tools: [code], background: true, store: true },
    );
    await expect
      .poll(async () => (await ann.json<{ status: string }>('GET', `/responses/${response.id}`)).status, {
        timeout: atPace(15_000),
      })
      .toBe('completed');
    const done = await ann.json<typeof response>('GET', `/responses/${response.id}`);
    const container = done.output.find(({ container_id: id }) => id)!.container_id!;
    const { data: inside } = await ann.json<{ data: { id: string }[] }>('GET', `/containers/${container}/files`);
    const file = await upload('ann', '/files', 'private.txt', 'private', { purpose: 'user_data' });
    const assistant = await ann.json<{ id: string }>('POST', '/assistants', {
      model: 'scripted-model',
      instructions: 'private',
    });
    expect(inside.length).toBeGreaterThan(0);

    /** Each address with an id of ann's, and with an unused one. */
    const doors = (ids: {
      session: string;
      execution: string;
      response: string;
      container: string;
      inside: string;
      file: string;
      assistant: string;
      stored: string;
    }): [string, string, unknown?, Record<string, string>?][] => [
      ['GET', `/sessions/${ids.session}`],
      ['PATCH', `/sessions/${ids.session}`, { name: 'mine' }],
      ['POST', `/sessions/${ids.session}/executions`, { language: 'python', code: '1' }],
      ['POST', `/sessions/${ids.session}/interrupt`],
      ['POST', `/sessions/${ids.session}/restart`],
      ['POST', `/sessions/${ids.session}/fork`, {}],
      ['GET', `/sessions/${ids.session}/files`],
      ['GET', `/sessions/${ids.session}/files/private.txt`],
      ['PUT', `/sessions/${ids.session}/files/private.txt`, 'mine'],
      ['DELETE', `/sessions/${ids.session}/files/private.txt`],
      ['GET', `/sessions/${ids.session}/archive`],
      ['GET', `/sessions/${ids.session}/notebook`],
      ['GET', `/executions/${ids.execution}`],
      ['GET', `/executions/${ids.execution}`, undefined, { accept: 'text/event-stream', 'last-event-id': '0' }],
      ['GET', `/sessions/${ids.session}/executions/${ids.execution}`],
      ['POST', `/executions/${ids.execution}/cancel`],
      ['POST', `/executions/${ids.execution}/tool_results`, { results: [{ id: 'x', value: 1 }] }],
      [
        'POST',
        '/executions',
        { language: 'python', code: '1', files: [{ session_id: ids.session, id: ids.stored, path: 'p' }] },
      ],
      ['GET', `/containers/${ids.container}`],
      ['GET', `/containers/${ids.container}/files`],
      ['GET', `/containers/${ids.container}/files/${ids.inside}`],
      ['GET', `/containers/${ids.container}/files/${ids.inside}/content`],
      ['DELETE', `/containers/${ids.container}/files/${ids.inside}`],
      ['DELETE', `/containers/${ids.container}`],
      ['POST', '/containers', { name: 'mine', file_ids: [ids.file] }],
      ['GET', `/files/${ids.file}`],
      ['GET', `/files/${ids.file}/content`],
      ['DELETE', `/files/${ids.file}`],
      ['GET', `/responses/${ids.response}`],
      ['GET', `/responses/${ids.response}?stream=true&starting_after=0`],
      ['GET', `/responses/${ids.response}/input_items`],
      ['POST', `/responses/${ids.response}/cancel`],
      ['DELETE', `/responses/${ids.response}`],
      ['POST', '/responses', { model: 'scripted-model', input: 'hello', previous_response_id: ids.response }],
      ['POST', '/responses/compact', { model: 'scripted-model', previous_response_id: ids.response }],
      ['POST', '/responses/input_tokens', { model: 'scripted-model', previous_response_id: ids.response }],
      [
        'POST',
        '/responses',
        { model: 'scripted-model', input: 'hello', tools: [{ type: 'code_interpreter', container: ids.container }] },
      ],
      [
        'POST',
        '/responses',
        {
          model: 'scripted-model',
          input: [{ role: 'user', content: [{ type: 'input_file', file_id: ids.file }] }],
          tools: [code],
        },
      ],
      ['GET', `/assistants/${ids.assistant}`],
      ['POST', `/assistants/${ids.assistant}`, { instructions: 'mine' }],
      ['DELETE', `/assistants/${ids.assistant}`],
      [
        'POST',
        '/assistants',
        { model: 'scripted-model', tool_resources: { code_interpreter: { file_ids: [ids.file] } } },
      ],
      ['DELETE', `/sessions/${ids.session}`],
    ];
    const { data: stored } = await ann.json<{ data: { id: string }[] }>('GET', `/sessions/${session}/files`);
    const own = {
      session,
      execution: execution.id,
      response: response.id,
      container,
      inside: inside[0]!.id,
      file: file.id,
      assistant: assistant.id,
      stored: stored[0]!.id,
    };
    const none = Object.fromEntries(
      Object.entries(own).map(([name, id]) => [name, id.replace(/[\w-]{21}$/, newId())]),
    ) as typeof own;
    const words = (text: string, ids: typeof own) =>
      Object.entries(ids).reduce(
        (all, [name, id]) => all.replaceAll(id, `<${name}>`).replaceAll(id.slice(0, 64), `<${name}>`),
        text,
      );
    const strange = doors(none);
    for (const [at, [method, path, body, headers]] of doors(own).entries()) {
      const foreign = await said(await as('bob').send(method, path, body, headers));
      const [, gonePath, goneBody] = strange[at]!;
      const gone = await said(await as('bob').send(method, gonePath, goneBody, headers));
      expect([method, words(path, own), foreign.status]).toEqual([method, words(path, own), gone.status]);
      expect(foreign.status).toBeGreaterThanOrEqual(400);
      expect(foreign.status).toBeLessThan(500);
      expect(words(foreign.text, own)).toBe(words(gone.text, none));
      expect(foreign.text).not.toContain('private');
    }
    // Lists of the other's hold none of it, and nothing of ann's is gone.
    for (const list of ['/sessions', '/containers', '/files', '/assistants'])
      expect(await as('bob').json<{ data: unknown[] }>('GET', list)).toMatchObject({ data: [] });
    for (const path of [
      `/sessions/${session}/files/private.txt`,
      `/containers/${container}/files/${own.inside}/content`,
      `/files/${file.id}/content`,
    ])
      expect(await said(await ann.send('GET', path))).toEqual({ status: 200, text: 'private' });
    for (const path of [`/responses/${response.id}`, `/assistants/${assistant.id}`])
      expect((await said(await ann.send('GET', path))).status).toBe(200);
  });

  it('is not reached through what a conversation claims of it', async () => {
    const { id: container } = await as('ann').json<{ id: string }>('POST', '/containers', { name: 'private' });
    await upload('ann', `/containers/${container}/files`, 'private.txt', 'private');
    const claims = [container, `cntr_${newId()}`, '../../etc', 'x', ''].flatMap((claimed) => {
      const call = { type: 'code_interpreter_call', id: 'ci_1', code: '1', status: 'completed', outputs: null };
      const packed = JSON.stringify({ summary: 'notes', container: claimed });
      const encrypted_content = `dragoman1.${Buffer.from(packed).toString('base64url')}`;
      return [
        { ...call, container_id: claimed },
        { type: 'compaction', encrypted_content },
      ];
    });
    for (const claimed of claims) {
      upstream.reset();
      upstream.say([{ python: 'import os; print(os.listdir())' }], [{ text: 'done' }]);
      const input = [claimed, { role: 'user', content: 'Go on.' }];
      const { status, text } = await said(
        await as('bob').send('POST', '/responses', { model: 'scripted-model', input, tools: [code] }),
      );
      expect([claimed, status < 500, text.includes('private')]).toEqual([claimed, true, false]);
      for (const { body } of upstream.requests) expect(JSON.stringify(body)).not.toContain('private');
    }
  });
});

describe('a conversation', attacking('requests'), () => {
  it('that grows without end is refused, not gathered in memory', { timeout: atPace(60_000) }, async () => {
    upstream.reset();
    upstream.always([{ text: 'so long' }]);
    const body = { model: 'scripted-model', input: 'x'.repeat(25 << 20), store: true };
    const answers: [number, string][] = [];
    for (let previous: string | undefined; answers.length < 4; ) {
      const { status, text } = await said(
        await as('bob').send('POST', '/responses', { ...body, previous_response_id: previous }),
      );
      answers.push([status, text.slice(0, 200)]);
      if (status !== 200) break;
      previous = JSON.parse(text).id;
    }
    upstream.reset();
    expect(answers.map(([status]) => status)).toEqual([200, 200, 200, 400]);
    expect(answers.at(-1)![1]).toContain('The conversation has grown too large');
  });
});

describe('names', attacking('requests'), () => {
  it.each([
    'C:evil.txt',
    'c:',
    '-rf',
    'a b\u202egpj.exe',
    '"; filename="x',
    "x'; rm -rf .",
    '%2e%2e%2fx',
    '🙂'.repeat(60),
    'CON',
    'a\u0301',
  ])(
    'that are strange come out as they are (composed, where Unicode has two forms), in lists, downloads and archives: %j',
    async (given) => {
      const name = given.normalize('NFC');
      const bob = as('bob');
      const session = await bob.session();
      const at = `/sessions/${session}/files/${encodeURIComponent(given)}`;
      expect((await said(await bob.send('PUT', at, 'content'))).status).toBe(200);
      const read = await bob.send('GET', at);
      expect(read.headers.get('content-disposition')).toMatch(/^attachment; filename\*=UTF-8''[A-Za-z0-9%._~!-]+$/);
      expect(await read.text()).toBe('content');
      expect(await bob.json('GET', `/sessions/${session}/files`)).toMatchObject({ data: [{ path: name }] });
      const archive = await bob.send('GET', `/sessions/${session}/archive`);
      const bytes = Buffer.from(await archive.arrayBuffer());
      expect([archive.status, bytes.subarray(0, 2).toString(), bytes.includes(name)]).toEqual([200, 'PK', true]);
      // Nowhere but below where it is unpacked.
      expect(/\.\.\/|^\//.test(bytes.subarray(30, 40).toString('latin1'))).toBe(false);
    },
  );

  it.each([
    ['a session', '/sessions', { name: '\ud800' }],
    ['a container', '/containers', { name: '\ud800' }],
    ['an assistant', '/assistants', { model: 'scripted-model', name: '\ud800' }],
  ])('that are half a character break nothing: %s', async (_, path, body) => {
    const bob = as('bob');
    const made = await said(await bob.send('POST', path, body));
    expect(made.status).toBeLessThan(500);
    if (made.status >= 400) return;
    const { id } = JSON.parse(made.text);
    const views = path === '/sessions' ? ['', '/notebook', '/archive'] : [''];
    for (const view of views) expect((await said(await bob.send('GET', `${path}/${id}${view}`))).status).toBe(200);
  });

  it.each(['text/html; charset=\u00e9', 'x\ty', '\x01', 'text/plain\u2028', 'x'.repeat(5000)])(
    'of types that no header may hold break no download: %j',
    async (type) => {
      const body = Buffer.concat([
        Buffer.from(
          `--b\r\ncontent-disposition: form-data; name="file"; filename="f.txt"\r\ncontent-type: ${type}\r\n\r\ncontent\r\n--b--\r\n`,
        ),
      ]);
      for (const path of ['/v1/upload', '/v1/files']) {
        const field = Buffer.from('--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n');
        const response = await fetch(server.url + path, {
          method: 'POST',
          headers: { 'x-api-key': 'secret-of-bob', 'content-type': 'multipart/form-data; boundary=b' },
          body: Buffer.concat([field, body]),
        });
        const answer = (await response.json()) as {
          id: string;
          storage_session_id: string;
          files: { fileId: string }[];
        };
        expect(response.status).toBeLessThan(500);
        if (response.status >= 400) continue;
        const at =
          path === '/v1/files'
            ? `/files/${answer.id}/content`
            : `/download/${answer.storage_session_id}/${answer.files[0]!.fileId}?kind=user`;
        const { status, text } = await said(await as('bob').send('GET', at));
        expect([path, status < 500]).toEqual([path, true]);
        if (status === 200) expect(text).toBe('content');
      }
    },
  );
});

describe('addresses in what a caller says', attacking('network'), () => {
  it('are never fetched: addresses of images, files, tools and hosts', async () => {
    let asked = 0;
    const listener = createServer((_, reply) => {
      asked++;
      reply.end('inside');
    }).listen(0, '127.0.0.1');
    onTestFinished(() => void listener.close());
    await new Promise((resolve) => listener.once('listening', resolve));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}/latest/meta-data`;
    upstream.always([{ text: 'seen' }]);
    const content = (part: object) => ({ model: 'scripted-model', input: [{ role: 'user', content: [part] }] });
    const bodies: [string, object][] = [
      ['/responses', content({ type: 'input_image', image_url: url })],
      ['/responses', content({ type: 'input_file', file_url: url })],
      ['/responses', { ...content({ type: 'input_file', file_url: url }), tools: [code] }],
      [
        '/responses',
        { model: 'scripted-model', input: 'x', tools: [{ type: 'mcp', server_label: 'x', server_url: url }] },
      ],
      [
        '/chat/completions',
        { model: 'scripted-model', messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] },
      ],
      [
        '/chat/completions',
        {
          model: 'scripted-model',
          tools: [{ type: 'code_interpreter' }],
          messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
        },
      ],
      ['/model/response', { model: 'scripted-model', inputs: [{ role: 'user', images: [url] }] }],
      ['/responses', { model: url, input: 'x' }],
      ['/responses', { model: `../../${url}`, input: 'x', base_url: url, tools: [code] }],
    ];
    for (const [path, body] of bodies) {
      const { text } = await said(await as('bob').send('POST', path, body, { 'x-forwarded-host': new URL(url).host }));
      expect(text).not.toContain('inside');
    }
    upstream.reset();
    expect(asked).toBe(0);
  });
});

describe('a model’s provider', attacking('credentials'), () => {
  it.each([401, 403, 400, 429, 500])(
    'that refuses with the operator’s own key in its words does not show it: %i',
    async (status) => {
      const refusal = {
        status,
        body: {
          error: { message: `Incorrect API key provided: ${operatorsKey}. See ${upstream.baseUrl}.`, type: 'x' },
        },
      };
      for (const [path, body] of [
        ['/responses', { model: 'scripted-model', input: 'x' }],
        ['/responses', { model: 'scripted-model', input: 'x', tools: [code] }],
        ['/responses', { model: 'scripted-model', input: 'x', tools: [code], stream: true }],
        ['/chat/completions', { model: 'scripted-model', messages: [{ role: 'user', content: 'x' }] }],
        [
          '/chat/completions',
          {
            model: 'scripted-model',
            messages: [{ role: 'user', content: 'x' }],
            stream: true,
            tools: [{ type: 'code_interpreter' }],
          },
        ],
        ['/model/response', { model: 'scripted-model', inputs: [{ role: 'user', content: 'x' }] }],
      ] as const) {
        upstream.reset();
        upstream.always(refusal);
        const { text } = await said(await as('bob').send('POST', path, body));
        expect([path, text.includes(operatorsKey)]).toEqual([path, false]);
      }
      upstream.reset();
      expect(server.output()).not.toContain(operatorsKey);
    },
  );
});

describe('streams', attacking('requests'), () => {
  it('that are left in the middle, at every door, leave nothing running', { timeout: atPace(60_000) }, async () => {
    const bob = as('bob');
    const session = await bob.session();
    upstream.always([{ python: 'import time\nfor n in range(50): print(n, flush=True); time.sleep(0.1)' }]);
    const doors: [string, object][] = [
      [
        '/executions',
        { language: 'python', code: 'import time\nfor n in range(100): print(n, flush=True); time.sleep(0.1)' },
      ],
      ['/responses', { model: 'scripted-model', input: 'x', tools: [code], stream: true }],
      [
        '/chat/completions',
        {
          model: 'scripted-model',
          messages: [{ role: 'user', content: 'x' }],
          tools: [{ type: 'code_interpreter' }],
          stream: true,
        },
      ],
    ];
    for (const [path, body] of doors)
      for (const after of [5, 150, 600]) {
        const text = JSON.stringify(body);
        const { socket } = rawConnection(server.url);
        socket.write(
          `POST /v1${path} HTTP/1.1\r\nhost: x\r\nx-api-key: secret-of-bob\r\naccept: text/event-stream\r\ncontent-type: application/json\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
        );
        await new Promise((resolve) => setTimeout(resolve, after));
        socket.resetAndDestroy();
      }
    upstream.reset();
    const running = async () => {
      const response = await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': 'secret-of-bob' } });
      return /^\w*executions_running (\d+)$/m.exec(await response.text())?.[1];
    };
    // A chat ends with its client; the programs of both others are ended, or have 5 s left at most.
    await expect.poll(running, { timeout: atPace(20_000) }).toBe('0');
    expect(await bob.cell(session, '6 * 7')).toMatchObject({ outcome: 'completed' });
  });
});
