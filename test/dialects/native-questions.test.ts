import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let api: NativeClient;
beforeAll(async () => {
  server = await startServer();
  api = nativeClient(server);
});
afterAll(() => server?.stop());

interface Completions {
  readonly matches: readonly string[];
  readonly start: number;
  readonly end: number;
}

const complete = (session: string, language: string, code: string, cursor?: number) =>
  api.json<Completions>('POST', `/sessions/${session}/complete`, { language, code, cursor });
const isComplete = async (session: string, language: string, code: string) =>
  (await api.json<{ status: string; indent: string }>('POST', `/sessions/${session}/is_complete`, { language, code }))
    .status;

describe('the variables of a JavaScript kernel', () => {
  it('are told in words, without getters or methods being called', async () => {
    const session = await api.session();
    const code = [
      'let total = 41.5; const title = "a".repeat(200); var count = 3n; const flags = [true, false];',
      'const loud = { get size() { globalThis.called = true; }, toString() { globalThis.called = true; } };',
      'class Trap { get [Symbol.toStringTag]() { globalThis.called = true; return "x"; } }; const trap = new Trap();',
      'const seen = new Map([[1, 2]]); function helper() {}; const nothing = null;',
    ].join('\n');
    await api.json('POST', `/sessions/${session}/executions`, { language: 'javascript', code });
    const list = (language: string) =>
      api.json<{ data: Record<string, unknown>[] }>('GET', `/sessions/${session}/variables?language=${language}`);
    const { data } = await list('javascript');
    expect(Object.fromEntries(data.map(({ name, ...rest }) => [name, rest]))).toMatchObject({
      total: { kind: 'number', preview: '41.5' },
      title: { kind: 'text', preview: expect.stringMatching(/^"a{70,79}/) },
      count: { kind: 'whole number', preview: '3n' },
      flags: { kind: 'list', preview: '2 items' },
      loud: { kind: 'object' },
      trap: { kind: 'object' },
      seen: { kind: 'mapping', preview: '1 items' },
      nothing: { kind: 'nothing' },
    });
    expect(data.map(({ name }) => name)).not.toContain('helper');
    expect((await list('ts')).data).toEqual(data);
    const { results } = await api.json<{ results: Record<string, string>[] }>(
      'POST',
      `/sessions/${session}/executions`,
      {
        language: 'javascript',
        code: 'globalThis.called === undefined',
      },
    );
    expect(results[0]!['text/plain']).toBe('true');
  });
});

describe('how code could go on', () => {
  it('is known from the variables of a Python kernel, and nothing runs', async () => {
    const session = await api.session();
    await api.cell(
      session,
      'import math\nnumbers = {"first": 1}\nclass Loud:\n    def __getattr__(self, name): print("called")\nloud = Loud()',
    );
    expect(await complete(session, 'python', 'math.sq')).toMatchObject({ matches: [expect.stringMatching(/sqrt$/)] });
    expect((await complete(session, 'py', 'numb')).matches).toContain('numbers');
    expect((await complete(session, 'python', 'numbers["fi')).matches.join()).toContain('first');
    // The cursor counts characters, not units of UTF-16.
    expect(await complete(session, 'python', '"😀"; numb + 1', 9)).toMatchObject({
      matches: ['numbers'],
      start: 5,
      end: 9,
    });
    await complete(session, 'python', 'loud.a');
    await complete(session, 'python', 'open("made", "w").wri');
    const after = await api.cell(session, 'import os; os.path.exists("made")');
    expect(after).toMatchObject({ stdout: '', state: 'continued' });
    expect(after.results[0]!['text/plain']).toBe('False');
  });

  it('is known in JavaScript, from constants and members, without getters being called', async () => {
    const session = await api.session();
    await api.json('POST', `/sessions/${session}/executions`, {
      language: 'javascript',
      code: 'const settings = { colour: 1, get loud() { globalThis.called = true; return {}; } };',
    });
    expect((await complete(session, 'js', 'setti')).matches).toContain('settings');
    expect(await complete(session, 'javascript', 'settings.col')).toEqual({ matches: ['colour'], start: 9, end: 12 });
    expect((await complete(session, 'typescript', '[].fil')).matches).toEqual([]);
    await complete(session, 'javascript', 'settings.loud.x');
    const { results } = await api.json<{ results: Record<string, string>[] }>(
      'POST',
      `/sessions/${session}/executions`,
      {
        language: 'javascript',
        code: 'typeof called',
      },
    );
    expect(results[0]!['text/plain']).toContain('undefined');
  });

  it('is known in Bash: commands and files', async () => {
    const session = await api.session();
    await api.json('POST', `/sessions/${session}/executions`, {
      language: 'bash',
      code: 'mkdir d; cd d; touch letter.txt',
    });
    expect((await complete(session, 'bash', 'mkfif')).matches).toContain('mkfifo');
    expect(await complete(session, 'bash', 'cat lett')).toEqual({ matches: ['letter.txt'], start: 4, end: 8 });
    expect((await complete(session, 'bash', 'echo; $(touch made); cat lett')).matches).toEqual(['letter.txt']);
    const { stdout } = await api.json<{ stdout: string }>('POST', `/sessions/${session}/executions`, {
      language: 'bash',
      code: 'ls',
    });
    expect(stdout).toBe('letter.txt\n');
  });
});

it.each([
  ['python', 'x = 1', 'complete'],
  ['python', 'for x in y:', 'incomplete'],
  ['python', 'x = = 1', 'invalid'],
  ['javascript', 'f(() => {', 'incomplete'],
  ['javascript', 'await f()', 'complete'],
  ['javascript', 'x +* 1', 'invalid'],
  ['bash', 'for x in 1 2; do', 'incomplete'],
  ['bash', 'echo "a', 'incomplete'],
  ['bash', 'echo a', 'complete'],
  ['bash', 'fi', 'invalid'],
])('of %s, %j is %s code', async (language, code, status) => {
  expect(await isComplete(await api.session(), language, code)).toBe(status);
});

describe('a question', () => {
  it('is no part of the history, and the kernel it starts is fresh', async () => {
    const session = await api.session();
    await complete(session, 'python', 'pri');
    expect(await api.cell(session, 'n = 1')).toMatchObject({ state: 'fresh' });
    await complete(session, 'python', 'pri');
    const { cells } = await api.json<{ cells: unknown[] }>('GET', `/sessions/${session}/notebook`);
    expect(cells).toHaveLength(1);
  });

  it('is refused where no kernel can be asked, and while the session runs something else', async () => {
    const session = await api.session();
    const ask = (language: string) => api.send('POST', `/sessions/${session}/complete`, { language, code: 'x' });
    expect((await ask('c')).status).toBe(400);
    expect((await ask('klingon')).status).toBe(400);
    await api.send(
      'POST',
      `/sessions/${session}/executions`,
      { language: 'python', code: 'import time; time.sleep(30)' },
      { prefer: 'respond-async' },
    );
    const busy = await ask('python');
    expect(busy.status).toBe(429);
    expect(await busy.json()).toMatchObject({ error: 'session_busy' });
    await api.send('POST', `/sessions/${session}/interrupt`);
  });

  it('of another key finds no session', async () => {
    const response = await fetch(`${server.url}/v1/sessions/Qy3kZr0vXc7TgWbN5mLpA/complete`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/json' },
      body: JSON.stringify({ language: 'python', code: 'x' }),
    });
    expect(response.status).toBe(404);
  });

  it('is answered with nothing by a kernel that lies', async () => {
    const session = await api.session();
    const code =
      'sh = get_ipython()\nsh.Completer.completions = lambda code, cursor: (_ for _ in ()).throw(RuntimeError("no"))';
    await api.cell(session, code);
    expect(await complete(session, 'python', 'abc')).toEqual({ matches: [], start: 3, end: 3 });
    const lie =
      'class Match:\n    start, end, text = 0, 10 ** 9, "x"\nsh.Completer.completions = lambda code, cursor: [Match()]';
    await api.cell(session, lie);
    expect(await complete(session, 'python', 'abc')).toEqual({ matches: [], start: 3, end: 3 });
    await api.cell(session, 'import time\nsh.Completer.completions = lambda code, cursor: time.sleep(60)');
    expect((await api.send('POST', `/sessions/${session}/complete`, { language: 'python', code: 'x' })).ok).toBe(true);
    expect((await api.cell(session, '6 * 7')).results[0]!['text/plain']).toBe('42');
  });
});
