import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LibreChatClient } from '../support/librechat.ts';
import { agents, Conversation } from '../support/librechat-agents.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** LibreChat's own client, unchanged, against a real server. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** The ways an operator can point LibreChat at us. */
const doors: [string, () => { baseUrl: string; authHeaders?: Record<string, string> }][] = [
  ['a key in the path and no credential', () => ({ baseUrl: `${server.url}/k/${server.key}/v1` })],
  ['a key in the path and a trailing slash', () => ({ baseUrl: `${server.url}/k/${server.key}/v1/` })],
  ['a key as X-API-Key', () => ({ baseUrl: `${server.url}/v1`, authHeaders: { 'X-API-Key': server.key } })],
  ['a key as a bearer token', () => ({ baseUrl: server.url, authHeaders: { Authorization: `Bearer ${server.key}` } })],
  [
    'a key as the password of Basic credentials',
    () => ({ baseUrl: server.url, authHeaders: { Authorization: `Basic ${btoa(`librechat:${server.key}`)}` } }),
  ],
];
const door = doors[0]![1];
const talk = () => new Conversation({ ...door(), executionProfile: 'default' });
const raw = () => new LibreChatClient(`${server.url}/v1`, server.key);

describe('running code', () => {
  test.each(doors)('works with %s', async (_, options) => {
    const answer = await new Conversation(options()).run('py', 'print(6 * 7)');
    expect(answer).toMatchObject({ content: 'stdout:\n42', artifact: { session_id: expect.any(String) } });
  });

  test('shows the model a wrong key as a matter of access', async () => {
    const answer = await new Conversation({ baseUrl: `${server.url}/k/wrong/v1` }).run('py', 'print(1)');
    expect(answer.status).toBe('error');
    expect(answer.content).toContain('Code execution is not authorized');
  });

  test.each([
    ['py', 'import sys; print("hi", sys.argv[1:])', "hi ['a b']"],
    ['js', 'console.log("hi", process.argv.slice(2))', "hi [ 'a b' ]"],
    ['ts', 'const n: number = 1; console.log("hi", n, process.argv[2])', 'hi 1 a b'],
    ['bash', 'echo "hi $1"', 'hi a b'],
  ])('runs %s with arguments', async (lang, code, said) => {
    expect((await talk().run(lang, code, ['a b'])).content).toContain(said);
  });

  test('shows the model what a failed program wrote', async () => {
    const answer = await talk().run('py', 'print("before")\nraise ValueError("no good")');
    expect(answer.status).not.toBe('error');
    expect(answer.content).toContain('before');
    expect(answer.content).toContain('ValueError: no good');
  });

  test.each([
    ['c', '#include <stdio.h>\nint main(void) { puts("hi"); }'],
    ['f90', 'program hello\n  print *, "hi"\nend program hello'],
    ['rs', 'fn main() { println!("hi"); }'],
    ['php', 'echo "hi";'],
    ['r', 'cat("hi\\n")'],
  ])('runs %s, which only the full image has', async (lang, code) => {
    expect((await talk().run(lang, code)).content).toContain('hi');
  });

  test('runs a tool-free programmatic call, top-level await included', async () => {
    const tool = agents.createProgrammaticToolCallingTool({ ...door(), executionProfile: 'default' });
    const args = { code: 'import asyncio\nawait asyncio.sleep(0)\nprint("awaited")', tool_manifest: [] };
    const call = { name: 'run_tools_with_code', args, id: 'c1', type: 'tool_call', toolDefs: [] };
    expect((await tool.invoke(call)).content).toContain('awaited');
  });
});

describe('files between calls', () => {
  test('a file of one call is there in the next, changed in place, and removed', async () => {
    const chat = talk();
    const made = await chat.run('py', 'open("/mnt/data/notes.txt", "w").write("one\\n")');
    expect(made.content).toContain('1 persisted file(s)');
    expect(chat.files).toEqual([expect.objectContaining({ name: 'notes.txt' })]);
    const before = chat.files[0]!;

    expect((await chat.bash('cat notes.txt')).content).toBe('stdout:\none');
    expect(chat.files).toEqual([expect.objectContaining({ id: before.id, inherited: true })]);

    await chat.bash('echo two >> notes.txt');
    expect(chat.files).toHaveLength(1);
    expect(chat.files[0]!.id).not.toBe(before.id);
    expect((await chat.run('js', 'console.log(require("fs").readFileSync("notes.txt", "utf8"))')).content).toContain(
      'one\ntwo',
    );

    await chat.bash('rm notes.txt');
    expect(chat.files).toEqual([]);
  });

  test('an unchanged input is not announced as a new file', async () => {
    const chat = talk();
    await chat.bash('echo x > a.txt');
    expect((await chat.bash('cat a.txt')).content).not.toContain('Generated files');
  });

  test('plots come back as images and can be downloaded', async () => {
    const chat = talk();
    const code = 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig("plots/p.png")\n';
    const answer = await chat.run('py', `import os\nos.makedirs("plots")\n${code}print("done")`);
    expect(answer.content).toContain('including 1 image(s)');
    const [file] = answer.artifact!.files!;
    expect(file).toMatchObject({ name: 'plots/p.png', storage_session_id: answer.artifact!.session_id });
    const { bytes } = await raw().download(file!.storage_session_id!, file!.id, '?kind=user&id=u1');
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
  });

  test('uploaded files of users, agents and skills can be read in a run', async () => {
    const chat = talk();
    const client = raw();
    for (const [name, fields] of [
      ['mine.csv', { kind: 'user', id: 'u1' }],
      ['dossier/ünï.csv', { kind: 'agent', id: 'agent_1' }],
      ['skill/lib/tool.py', { kind: 'skill', id: 'skill_1', version: '2', read_only: 'true' }],
    ] as [string, Record<string, string>][]) {
      const ref = await client.attach(name, `this is ${name}\n`, fields);
      chat.attach(ref.storage_session_id, [ref]);
    }
    const { content } = await chat.bash('cat mine.csv dossier/*.csv skill/lib/tool.py');
    expect(content).toBe('stdout:\nthis is mine.csv\nthis is dossier/ünï.csv\nthis is skill/lib/tool.py');
    expect(chat.files).toHaveLength(3);
    expect((await chat.bash('cat skill/lib/tool.py')).content).toContain('this is skill/lib/tool.py');
  });

  test('the files of a session can be listed by the client', async () => {
    const client = raw();
    const { body } = await client.upload(
      [
        { name: 'd/a.csv', content: 'a' },
        { name: 'b.txt', content: 'b' },
      ],
      { kind: 'agent', id: 'agent_1' },
    );
    const { baseUrl } = door();
    const files = await agents.fetchSessionFiles(baseUrl, body.session_id, { kind: 'agent', id: 'agent_1' });
    expect(files).toEqual(
      body.files.map(({ fileId: id, filename: name }) => ({
        id,
        name,
        kind: 'agent',
        resource_id: 'agent_1',
        storage_session_id: body.session_id,
      })),
    );
    const chat = talk();
    chat.attach(body.session_id, files);
    expect((await chat.bash('ls b.txt d')).content).toBe('stdout:\nb.txt\n\nd:\na.csv');
  });

  test('a reference to a file that is gone stops the call before anything runs', async () => {
    const chat = talk();
    const client = raw();
    const ref = await client.attach('a.csv', 'a');
    chat.attach(ref.storage_session_id, [ref]);
    await client.request(`/files/${ref.storage_session_id}/${ref.id}`, { method: 'DELETE' });
    const answer = await chat.bash('cat a.csv');
    expect(answer.status).toBe('error');
    expect(answer.content).toContain('not authorized');
  });
});

describe('LibreChat’s own helpers', () => {
  test('reading a file prints its JSON as the last line', async () => {
    const chat = talk();
    await chat.bash('printf "a\\nb\\n" > t.txt');
    const code = `python3 - <<'PY'\nimport json\nprint(json.dumps({"content": open("/mnt/data/t.txt").read()}))\nPY`;
    const { content } = await chat.bash(code);
    expect(JSON.parse(content.trimEnd().split('\n').at(-1)!)).toEqual({ content: 'a\nb\n' });
  });
});
