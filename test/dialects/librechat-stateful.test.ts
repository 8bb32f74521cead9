import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Conversation } from '../support/librechat-agents.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const stateful = { 'x-codeapi-expected-profile': 'stateful' };

async function exec(body: object, headers: Record<string, string> = stateful) {
  const response = await fetch(`${server.url}/v1/exec`, {
    method: 'POST',
    headers: { 'x-api-key': server.key, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ lang: 'py', ...body }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> & { files: File[] } };
}

interface File {
  readonly id: string;
  readonly name: string;
  readonly storage_session_id: string;
  readonly inherited?: true;
}

async function download(file: File): Promise<string> {
  const url = `${server.url}/v1/download/${file.storage_session_id}/${file.id}?kind=user&id=u`;
  return (await fetch(url, { headers: { 'x-api-key': server.key } })).text();
}

describe('a hint', () => {
  test('names a session whose variables and files stay', async () => {
    const hint = { runtime_session_hint: 'conversation:1' };
    const first = await exec({ ...hint, code: 'x = 41\nopen("a.txt", "w").write("one")' });
    expect(first).toMatchObject({ status: 200, body: { runtime_status: 'new', files: [{ name: 'a.txt' }] } });
    const second = await exec({ ...hint, code: 'print(x + 1, open("a.txt").read())' });
    expect(second.body).toMatchObject({
      stdout: '42 one\n',
      runtime_status: 'reused',
      runtime_session_id: first.body.runtime_session_id,
      session_id: first.body.session_id,
      files: [],
    });
    expect(first.body.files[0]!.storage_session_id).toBe(first.body.session_id);
    expect(await download(first.body.files[0]!)).toBe('one');
    const other = await exec({ runtime_session_hint: 'conversation:2', code: 'print("x" in dir())' });
    expect(other.body).toMatchObject({ stdout: 'False\n', runtime_status: 'new' });
    expect(other.body.session_id).not.toBe(first.body.session_id);
  });

  test('is for one session, however many calls come at once', async () => {
    const calls = Array.from({ length: 5 }, () => exec({ runtime_session_hint: 'rush', code: '1' }));
    const ids = (await Promise.all(calls)).map(({ body }) => body.runtime_session_id);
    expect(new Set(ids).size).toBe(1);
  });

  test('means nothing to the default profile, nor when it is malformed', async () => {
    const plain = { 'x-codeapi-expected-profile': 'default' };
    const ignored = await exec({ runtime_session_hint: 'conversation:1', code: 'print("x" in dir())' }, plain);
    expect(ignored.body).toMatchObject({ stdout: 'False\n' });
    expect(ignored.body).not.toHaveProperty('runtime_session_id');
    expect((await exec({ runtime_session_hint: '/ no hint /', code: '1' })).body).not.toHaveProperty('runtime_status');
  });

  test('shows values, and figures as files', async () => {
    const code = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n6 * 7';
    const { body } = await exec({ runtime_session_hint: 'figures', code });
    expect(body).toMatchObject({ stdout: expect.stringContaining('42\n'), files: [{ name: 'plot_1.png' }] });
    expect((await download(body.files[0]!)).slice(1, 4)).toBe('PNG');
    expect((await exec({ runtime_session_hint: 'figures', code })).body.files).toMatchObject([{ name: 'plot_2.png' }]);
    const own = await fetch(`${server.url}/v1/sessions/${body.session_id}/files`, {
      headers: { 'x-api-key': server.key },
    });
    expect(((await own.json()) as { data: object[] }).data).toMatchObject([
      { source: 'program' },
      { source: 'program' },
    ]);
  });

  test('takes back what it gave, as the client sends it', async () => {
    const hint = { runtime_session_hint: 'files' };
    const { body } = await exec({ ...hint, code: 'open("n.txt", "w").write("1")' });
    await exec({ ...hint, code: 'open("n.txt", "w").write("2")' });
    const [file] = body.files;
    const again = await exec({
      ...hint,
      code: 'print(open("n.txt").read())',
      files: [{ ...file, kind: 'user', resource_id: 'u' }],
    });
    expect(again.body).toMatchObject({ stdout: '2\n' });
  });
});

describe('a call that keeps variables', () => {
  const plain = { 'x-codeapi-expected-profile': 'default' };

  test('goes on where an earlier answer left off, and only there', async () => {
    const first = await exec({ keep_variables: true, code: 'x = 41\nopen("a.txt", "w").write("one")' }, plain);
    expect(first.body).toMatchObject({ runtime_status: 'new', files: [{ name: 'a.txt' }] });
    const { session_id } = first.body;
    expect(await download(first.body.files[0]!)).toBe('one');
    const next = { keep_variables: true, session_id, code: 'print(x + 1, open("a.txt").read())' };
    const second = await exec(next, plain);
    expect(second.body).toMatchObject({ stdout: '42 one\n', runtime_status: 'reused', session_id });
    // Without the word it is the fresh program that clients of this profile expect.
    const fresh = await exec({ session_id, code: 'print("x" in dir())' }, plain);
    expect(fresh.body.stdout).toBe('False\n');
    expect(fresh.body).not.toHaveProperty('runtime_status');
  });

  test('begins anew where the named session is none: a program’s files, another key’s, a word', async () => {
    const program = await exec({ code: 'open("a.txt", "w").write("one")' }, plain);
    for (const session_id of [program.body.session_id, 'x'.repeat(21), 'no id', 7, null]) {
      const { body } = await exec({ keep_variables: true, session_id, code: 'print("x" in dir())' }, plain);
      expect(body).toMatchObject({ stdout: 'False\n', runtime_status: 'new' });
      expect(body.session_id).not.toBe(session_id);
    }
  });
});

test('the real client keeps its shell from call to call', async () => {
  const chat = new Conversation({
    baseUrl: `${server.url}/v1`,
    authHeaders: { 'X-API-Key': server.key },
    executionProfile: 'stateful',
    statefulSessions: true,
    runtimeSessionHint: 'chat-1',
  });
  await chat.bash('echo kept > /mnt/data/f.txt');
  expect((await chat.bash('cat /mnt/data/f.txt')).content).toContain('kept');
  expect((await chat.run('py', 'y = 5')).status).not.toBe('error');
  expect((await chat.run('py', 'print(y * 2)')).content).toContain('10');
});
