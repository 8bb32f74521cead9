import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProgramAnswer } from '../../src/dialects/librechat/programmatic-wire.ts';
import { LibreChatClient } from '../support/librechat.ts';
import { startServer, type TestServer } from '../support/server.ts';

type Body = ProgramAnswer & { error?: string };
type Round = Extract<ProgramAnswer, { status: 'tool_call_required' }>;

const tools = [
  {
    name: 'echo',
    parameters: { type: 'object', properties: { n: {}, text: { type: 'string' } } },
    defer_loading: true,
  },
  { name: 'read-it' },
];

let server: TestServer;
let ann: LibreChatClient;
let bob: LibreChatClient;
beforeAll(async () => {
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: 'ann:ann-secret-0001,bob:bob-secret-0002',
      DRAGOMAN_TOOL_WAIT_MS: '6000',
      DRAGOMAN_TOOL_EXECUTIONS: '8',
      DRAGOMAN_LOG_LEVEL: 'debug',
    },
  });
  ann = new LibreChatClient(`${server.url}/v1`, 'ann-secret-0001');
  bob = new LibreChatClient(`${server.url}/v1`, 'bob-secret-0002');
});
afterAll(() => server.stop());

const post = <T = Body>(
  body: object,
  client = ann,
  more: { headers?: Record<string, string>; signal?: AbortSignal } = {},
) =>
  client.request<T>('/exec/programmatic', {
    method: 'POST',
    body: JSON.stringify(body),
    ...more,
    headers: { 'content-type': 'application/json', ...more.headers },
  });
const start = (code: string, more: object = {}, client = ann) => post({ code, tools, ...more }, client);
const round = async (code: string, more: object = {}) => (await start(code, more)).body as Round;
const resume = (token: string, results: object[], client = ann) =>
  post({ continuation_token: token, tool_results: results }, client);
const value = (call_id: string, result: unknown) => ({ call_id, result, is_error: false });

describe('a program', () => {
  it('goes round by round to its end, and prints everything once', async () => {
    const first = await round(
      'print("so far")\na, b = await asyncio.gather(echo(n=1), echo(n=2))\nprint(a, b)\nprint(await read_it())\nopen("o.txt", "w").write("x")',
    );
    expect(first).toEqual({
      status: 'tool_call_required',
      session_id: expect.stringMatching(/^[\w-]{21}$/),
      storage_session_id: first.session_id,
      continuation_token: expect.any(String),
      tool_calls: [
        { id: 'call_001', name: 'echo', input: { n: 1 } },
        { id: 'call_002', name: 'echo', input: { n: 2 } },
      ],
      partial_stdout: 'so far\n',
    });
    const second = await resume(first.continuation_token, [
      value('call_001', { a: [null] }),
      value('call_002', 'zwei'),
    ]);
    expect(second.body).toMatchObject({ tool_calls: [{ id: 'call_003', name: 'read-it', input: {} }] });
    const { continuation_token: token } = second.body as Round;
    const last = await resume(token, [{ call_id: 'call_003', result: null }]);
    expect(last.body).toMatchObject({
      status: 'completed',
      stdout: "so far\n{'a': [None]} zwei\nNone\n",
      stderr: '',
      session_id: first.session_id,
      files: [{ name: 'o.txt', session_id: first.session_id }],
    });
    // Who did not get the answer asks again; there is none to anything else.
    expect((await resume(token, [{ call_id: 'call_003', result: null }])).body).toEqual(last.body);
    const gone = { status: 404, body: { error: 'Execution not found or expired' } };
    expect(await resume(token, [value('call_003', 'other')])).toMatchObject(gone);
    expect(await resume(first.continuation_token, [value('call_001', 1)])).toMatchObject(gone);
    expect(await resume(token, [{ call_id: 'call_003', result: null }], bob)).toMatchObject(gone);
  });

  it('is told what cannot be an argument, at the line that gave it', async () => {
    const { body } = await start(
      'try: await echo(n=float("nan"))\nexcept TypeError as e: print(e)\nn = []; n.append(n)\nawait echo(n=n)',
    );
    expect(body).toMatchObject({
      status: 'error',
      stdout: expect.stringMatching(/^the arguments are not JSON: .*float/),
      stderr:
        'Traceback (most recent call last):\n  File "/mnt/data/main.py", line 4, in <module>\n    await echo(n=n)\nTypeError: the arguments are not JSON: Circular reference detected\n',
    });
  });

  it('may answer some calls now and others later, and again what it answered before', async () => {
    const first = await round('for r in asyncio.as_completed([echo(n=n) for n in range(3)]): print(await r)');
    const ids = first.tool_calls.map(({ id }) => id);
    const second = await resume(first.continuation_token, [value(ids[2]!, 'c')]);
    expect(second.body).toMatchObject({ status: 'tool_call_required', tool_calls: [{ id: ids[0] }, { id: ids[1] }] });
    const again = await resume(first.continuation_token, [value(ids[2]!, 'c')]);
    expect(again.body).toEqual(second.body);
    const { continuation_token: token } = second.body as Round;
    expect((await resume(token, [value(ids[2]!, 'else')])).status).toBe(409);
    const last = await resume(token, [value(ids[0]!, 'a'), value(ids[1]!, 'b'), value(ids[2]!, 'c')]);
    expect(last.body).toMatchObject({ status: 'completed' });
    expect((last.body as { stdout: string }).stdout.split('\n').sort()).toEqual(['', 'a', 'b', 'c']);
  });

  it('fails in words its client passes on', async () => {
    const run = async (code: string, more = {}) => (await start(code, more)).body;
    expect(await run('sys.exit(7)')).toMatchObject({ status: 'error', error: 'Sandbox exited with code 7' });
    expect(await run('print(1)\nraise ValueError("no")')).toMatchObject({
      error: 'Sandbox exited with code 1',
      stdout: '1\n',
      stderr: expect.stringContaining('ValueError: no'),
    });
    expect(await run('while :; do :; done', { lang: 'bash', timeout: 1500 })).toMatchObject({
      error: 'Time limit exceeded',
    });
    expect(await run('import os\nos.kill(os.getpid(), 9)')).toMatchObject({ error: 'Sandbox exited with code 137' });
    expect(await run('read_tool', { lang: 'bash', tools: [{ name: 'read' }] })).toMatchObject({
      tool_calls: [{ name: 'read' }],
    });
  });

  it('is JavaScript or TypeScript as well', async () => {
    for (const lang of ['javascript', 'ts']) {
      const first = await round('console.log((await tools.echo({ n: 1 })).n)', { lang });
      const { body } = await resume(first.continuation_token, [value('call_001', { n: 5 })]);
      expect(body).toMatchObject({ status: 'completed', stdout: '5\n' });
    }
  });

  it('ends when its calls are not answered', async () => {
    const { continuation_token: token } = await round('await echo()');
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect((await resume(token, [value('call_001', 1)])).status).toBe(404);
  });

  it('is one of so many of a principal', async () => {
    const begun = await Promise.all(Array.from({ length: 9 }, () => start('await echo()')));
    const refused = begun.filter(({ status }) => status === 429);
    expect(refused).toMatchObject([{ body: { error: 'rate_limited', retry_after_seconds: 5 } }]);
    expect((await start('print(1)', {}, bob)).body).toMatchObject({ status: 'completed' });
    for (const { body } of begun)
      if (body.status === 'tool_call_required') await resume(body.continuation_token, [value('call_001', 1)]);
  });
});

describe('a continuation is refused', () => {
  it.each([
    ['no results', (token: string) => ({ continuation_token: token, tool_results: [] }), 400],
    ['results that are no list', (token: string) => ({ continuation_token: token, tool_results: {} }), 400],
    ['a result without a call', (token: string) => ({ continuation_token: token, tool_results: [{ result: 1 }] }), 400],
    [
      'a call twice',
      (token: string) => ({ continuation_token: token, tool_results: [value('call_001', 1), value('call_001', 1)] }),
      400,
    ],
    [
      'a call that was never made',
      (token: string) => ({ continuation_token: token, tool_results: [value('call_002', 1)] }),
      400,
    ],
    [
      '201 results',
      (token: string) => ({ continuation_token: token, tool_results: Array(201).fill(value('call_001', 1)) }),
      400,
    ],
    [
      'a result above 5 MB',
      (token: string) => ({ continuation_token: token, tool_results: [value('call_001', 'x'.repeat(5_000_001))] }),
      400,
    ],
    [
      'a body above 10 MB',
      (token: string) => ({ continuation_token: token, tool_results: [value('call_001', 'x'.repeat(10_000_001))] }),
      413,
    ],
    ['no token', () => ({ continuation_token: 'x', tool_results: [value('call_001', 1)] }), 400],
    [
      'a later round',
      (token: string) => ({ continuation_token: token.replace('.1.', '.2.'), tool_results: [value('call_001', 1)] }),
      400,
    ],
    [
      'another execution',
      (token: string) => ({
        continuation_token: token.replace(/^./, (c) => (c === 'A' ? 'B' : 'A')),
        tool_results: [value('call_001', 1)],
      }),
      404,
    ],
  ])('with %s: %3$s', async (_, make, status) => {
    const { continuation_token: token } = await round('print(await echo())');
    expect((await post(make(token))).status).toBe(status);
    expect((await resume(token, [value('call_001', 'fine')])).body).toMatchObject({
      status: 'completed',
      stdout: 'fine\n',
    });
  });

  it('of another principal, and while another is under way', async () => {
    const { continuation_token: token } = await round('await echo()\nimport time\ntime.sleep(2)\nprint("end")');
    expect(await resume(token, [value('call_001', 1)], bob)).toMatchObject({
      status: 404,
      body: { error: 'Execution not found or expired' },
    });
    // The order of the two is not defined.
    const both = await Promise.all([1, 2].map(() => resume(token, [value('call_001', 1)])));
    const [done, refused] = both.toSorted((one, other) => one.status - other.status);
    expect([done!.status, done!.body]).toMatchObject([200, { status: 'completed', stdout: 'end\n' }]);
    expect(refused!.status).toBe(409);
  });

  it('after a restart of the server, for good', async () => {
    const own = await startServer({ env: { DRAGOMAN_API_KEYS: 'ann:ann-secret-0001' } });
    const client = new LibreChatClient(`${own.url}/v1`, own.key);
    const { body } = await start('await echo()', {}, client);
    await own.stop();
    expect(await resume((body as Round).continuation_token, [value('call_001', 1)])).toMatchObject({
      status: 200,
      body: { status: 'error', stderr: expect.stringContaining('The service was restarted'), stdout: '', files: [] },
    });
  });
});

describe('a start is refused', () => {
  it.each([
    ['no code', { code: '' }],
    ['no tools', { tools: [] }],
    ['101 tools', { tools: Array.from({ length: 101 }, (_, n) => ({ name: `t${n}` })) }],
    ['a language that cannot', { lang: 'cobol' }],
    ['a timeout that is none', { timeout: -1 }],
    ['names that fall together', { tools: [{ name: 'a.b' }, { name: 'a-b' }], lang: 'bash' }],
    [
      'a reserved file',
      { files: [{ id: 'A'.repeat(21), storage_session_id: 'A'.repeat(21), name: 'd/_ptc_history.json' }] },
    ],
  ])('with %s', async (_, more) => {
    expect(await start('1', more)).toMatchObject({ status: 400, body: { error: expect.any(String) } });
  });
});

describe('cancelling', () => {
  const cancel = (id: unknown, client = ann) =>
    client.request<{ status: string }>('/exec/programmatic/cancel', {
      method: 'POST',
      body: JSON.stringify({ request_id: id }),
      headers: { 'content-type': 'application/json' },
    });
  const named = (id: string, code: string) =>
    post({ code, tools }, ann, { headers: { 'x-librechat-code-request-id': id } });

  it('ends what runs and what waits, of one’s own', async () => {
    const [running, waiting] = [crypto.randomUUID(), crypto.randomUUID()];
    const answered = named(running, 'while True: pass');
    const parked = (await named(waiting, 'await echo()')).body as Round;
    expect((await cancel(waiting, bob)).status).toBe(404);
    expect(await cancel(waiting)).toMatchObject({ status: 202, body: { status: 'cancellation_requested' } });
    await expect.poll(async () => (await resume(parked.continuation_token, [value('call_001', 1)])).status).toBe(404);
    expect((await cancel(running)).status).toBe(202);
    expect((await answered).status).toBe(499);
    expect(await cancel(running)).toMatchObject({ status: 200, body: { status: 'already_completed' } });
    expect((await cancel('no id')).status).toBe(400);
    expect((await cancel(crypto.randomUUID())).status).toBe(404);
  });

  it('is what a closed connection means', async () => {
    const gone = new AbortController();
    const request = post({ code: 'import time\ntime.sleep(1)\nawait echo()\n', tools, timeout: 60_000 }, ann, {
      signal: gone.signal,
    });
    setTimeout(() => gone.abort(), 300);
    await expect(request).rejects.toThrow();
    // Its place among the eight is free again.
    await expect
      .poll(
        async () => {
          const begun = await Promise.all(Array.from({ length: 8 }, () => start('await echo()')));
          for (const { body } of begun)
            if (body.status === 'tool_call_required') await resume(body.continuation_token, [value('call_001', 1)]);
          return begun.filter(({ status }) => status === 200).length;
        },
        { timeout: 30_000 },
      )
      .toBe(8);
  });
});
