import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { commandOf, legacyMcp, type McpClient, modernMcp, runOf, sendMcp, sessionIn, textOf } from '../support/mcp.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The tools on a real server, in both eras of the protocol. */
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

const legacy = (headers?: Record<string, string>, version?: string) => legacyMcp(server, headers, version);
const modern = (headers?: Record<string, string>) => modernMcp(server, headers);

describe('run_code', () => {
  it('answers text, then figures, then links', async () => {
    const client = await legacy();
    const result = await client.call('run_code', {
      code: 'import matplotlib.pyplot as plt\nprint("first")\nplt.plot([1]); plt.show()\nopen("ü b.csv", "w").write("a,b")\n6 * 7',
    });
    expect(result.content.map(({ type }) => type)).toEqual(['text', 'image', 'resource_link']);
    const [text, image, link] = result.content;
    expect(text!.text).toMatch(/^first\n\[figure 1: image\/png, attached\]\n42\n\[Files written: .*ü b\.csv/);
    expect(Buffer.from(image!.data!, 'base64').subarray(1, 4).toString()).toBe('PNG');
    expect(image!.data).not.toMatch(/\s/);
    expect(link).toEqual({
      type: 'resource_link',
      uri: `dragoman://sessions/${sessionIn(result)}/files/%C3%BC%20b.csv`,
      name: 'ü b.csv',
      mimeType: 'text/csv',
      size: 3,
      annotations: { audience: ['user'] },
    });
    expect(result).not.toHaveProperty('structuredContent');
    expect(runOf(result)).toMatchObject({ status: 'done', outcome: 'completed', exit_code: 0, stdout: 'first\n' });
    const next = await client.call('run_code', { code: 'plt.plot([2]); plt.show(); plt.plot([3]); plt.show()' });
    expect(next.content.map(({ type }) => type)).toEqual(['text', 'image', 'image']);
  });

  it('tells of a program that fails as a result, not as a failed tool', async () => {
    const result = await (await legacy()).call('run_code', { code: 'print("before")\nraise ValueError("no")' });
    expect(result.isError).toBeUndefined();
    expect(textOf(result)).toMatch(/before\n[\s\S]*ValueError: no/);
    expect(runOf(result)).toMatchObject({ error: { name: 'ValueError', value: 'no' } });
  });

  it('tells what ended a run', async () => {
    const result = await (await legacy()).call('run_code', { code: 'while True: pass', timeout_seconds: '1' });
    expect(textOf(result)).toContain('[Stopped at the time limit of 1 s.]');
    expect(runOf(result)).toMatchObject({ outcome: 'timed_out' });
  });

  it('speaks other languages, and takes null for what is left out', async () => {
    const result = await modern().call('run_code', {
      code: 'echo "$((6 * 7))"',
      language: 'bash',
      session_id: null,
      timeout_seconds: null,
    });
    expect(textOf(result)).toMatch(/^42\n/);
  });

  it('saves figures that are too many or too large, and links them', async () => {
    const result = await modern().call('run_code', {
      code: 'import matplotlib.pyplot as plt\nfor i in range(9):\n    plt.plot([i]); plt.show()',
    });
    expect(result.content.filter(({ type }) => type === 'image')).toHaveLength(8);
    const [link] = result.content.filter(({ type }) => type === 'resource_link');
    expect(textOf(result)).toContain(`[figure 9: image/png, saved as ${link!.name}]`);
    const files = await nativeClient(server).json<{ data: { path: string }[] }>(
      'GET',
      `/sessions/${sessionIn(result)}/files`,
    );
    expect(files.data.map(({ path }) => path)).toEqual([link!.name]);
  });

  it.each([
    ['no code', {}, 'code: is required: give the source text'],
    ['code that is no text', { code: ['x'] }, 'code: must be text'],
    ['a language that is not there', { code: 'x', language: 'cobol' }, 'cobol'],
    ['a limit that is none', { code: 'x', timeout_seconds: -1 }, 'timeout_seconds'],
    ['a session that never was', { code: 'x', session_id: 'session_1' }, 'Leave session_id out.'],
  ])('answers %s with a sentence for the model', async (_, given, sentence) => {
    const result = await modern().call('run_code', given);
    expect(result.isError).toBe(true);
    expect(result.content).toHaveLength(1);
    expect(textOf(result)).toContain(sentence);
  });

  it('leaves links out where the host cannot use them', async () => {
    const code = 'open("a.txt", "w").write("x")';
    const off = await (await legacy({ 'x-dragoman-links': 'off' })).call('run_code', { code });
    const first = await (await legacy({}, '2025-03-26')).call('run_code', { code });
    for (const result of [off, first]) {
      expect(result.content.map(({ type }) => type)).toEqual(['text']);
      expect(textOf(result)).toContain('a.txt');
    }
  });
});

describe('the session of a call', () => {
  const variable = async (client: McpClient, more: object = {}) =>
    textOf(await client.call('run_code', { code: 'print("x" in globals())', ...more })).split('\n')[0];

  it('is that of the MCP session in the older revisions', async () => {
    const [one, other] = [await legacy(), await legacy()];
    await one.call('run_code', { code: 'x = 1' });
    expect(await variable(one)).toBe('True');
    expect(await variable(other)).toBe('False');
  });

  it('is a new one for each call in the stateless revision, unless a handle is passed on', async () => {
    const first = await modern().call('run_code', { code: 'x = 1' });
    expect(textOf(first)).toContain('(new session)');
    expect(await variable(modern())).toBe('False');
    expect(await variable(modern(), { session_id: sessionIn(first) })).toBe('True');
  });

  it.each([['legacy'], ['modern']])('is the one that a header names, %s', async (era) => {
    const named = { 'x-dragoman-session': `chat-${era}` };
    const client = era === 'legacy' ? await legacy(named) : modern(named);
    await client.call('run_code', { code: 'x = 1' });
    expect(await variable(era === 'legacy' ? await legacy(named) : modern(named))).toBe('True');
    const { data } = await nativeClient(server).json<{ data: { name: string }[] }>('GET', `/sessions?name=chat-${era}`);
    expect(data).toHaveLength(1);
  });

  it.each([['new'], ['null'], ['{{LIBRECHAT_BODY_CONVERSATIONID}}'], ['']])(
    'is not one named %j, under which all users of a host would meet',
    async (name) => {
      const [one, other] = [modern({ 'x-dragoman-session': name }), modern({ 'x-dragoman-session': name })];
      await one.call('run_code', { code: 'x = 1' });
      expect(await variable(other)).toBe('False');
    },
  );

  it('is not that of an MCP session because a header names it so', async () => {
    const client = await legacy();
    const first = await client.call('run_code', { code: 'x = 1' });
    const { name } = await nativeClient(server).json<{ name: string }>('GET', `/sessions/${sessionIn(first)}`);
    expect(name).toMatch(/^mcp:/);
    const headers = { 'x-dragoman-session': name };
    for (const other of [await legacy(headers), modern(headers)]) {
      const { status, messages } = await other.send('resources/list');
      expect([status, messages[0]!.error]).toMatchObject([400, { code: -32600 }]);
    }
  });

  it('follows the handle before the header', async () => {
    const first = await modern().call('run_code', { code: 'x = 1' });
    const client = await legacy({ 'x-dragoman-session': 'elsewhere' });
    expect(await variable(client, { session_id: sessionIn(first) })).toBe('True');
  });

  it('outlives the end of the MCP session', async () => {
    const client = await legacy();
    const first = await client.call('run_code', { code: 'x = 1' });
    const ended = await fetch(`${server.url}/mcp`, {
      method: 'DELETE',
      headers: { 'x-api-key': server.key, ...client.headers },
    });
    expect(ended.status).toBe(204);
    expect((await client.send('tools/list')).status).toBe(404);
    expect(await variable(await legacy(), { session_id: sessionIn(first) })).toBe('True');
  });

  it.each([
    ['read_file', { path: 'a.txt' }],
    ['list_files', {}],
    ['reset_session', {}],
  ])('has to be named for %s by a client that has none', async (tool, given) => {
    const result = await modern().call(tool, given);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain('session_id');
  });
});

describe('long runs', () => {
  it('report the last printed line every second, and nothing after the answer', async () => {
    const client = await legacy();
    const { messages, headers } = await client.send('tools/call', {
      name: 'run_code',
      arguments: { code: 'import time\nfor i in range(4):\n    print("step", i, flush=True)\n    time.sleep(0.7)' },
      _meta: { progressToken: 'mine' },
    });
    expect(headers.get('content-type')).toContain('text/event-stream');
    expect(headers.get('x-accel-buffering')).toBe('no');
    const progress = messages.filter(({ method }) => method === 'notifications/progress').map(({ params }) => params!);
    expect(progress.length).toBeGreaterThan(1);
    expect(progress[0]).toMatchObject({ progressToken: 'mine', message: expect.stringMatching(/^step \d$/) });
    const values = progress.map((params) => params.progress as number);
    expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b));
    expect(messages.at(-1)).toMatchObject({ result: { content: expect.anything() } });
    expect(messages.filter(({ result }) => result)).toHaveLength(1);
  });

  it('report nothing without a token', async () => {
    const { messages } = await (await legacy()).send('tools/call', {
      name: 'run_code',
      arguments: { code: 'import time; time.sleep(1.2); print("done")' },
    });
    expect(messages).toHaveLength(1);
  });

  it('answer after wait_seconds, go on, and are checked', async () => {
    const client = modern();
    const first = await client.call('run_code', {
      code: 'import time\nprint("begun", flush=True)\ntime.sleep(3)\nprint("over")',
      wait_seconds: 1,
    });
    expect(textOf(first)).toMatch(/^begun\n\[Still running after 1 s\. Call check_run with run_id \S+ to wait/);
    const { run_id } = runOf(first);
    expect(runOf(first)).toMatchObject({ status: 'running', session_id: sessionIn(first) });
    const waiting = await client.call('check_run', { run_id, wait_seconds: 0 });
    expect(textOf(waiting)).toMatch(/^begun\n/);
    const done = await client.call('check_run', { run_id });
    expect(textOf(done)).toMatch(/^begun\nover\n/);
    expect(textOf(await client.call('check_run', { run_id }))).toBe(textOf(done));
  });

  it('are stopped by check_run, and variables stay', async () => {
    const client = await legacy();
    await client.call('run_code', { code: 'x = 1' });
    const begun = await client.call('run_code', { code: 'import time\ntime.sleep(60)', wait_seconds: 0 });
    const stopped = await client.call('check_run', { run_id: runOf(begun).run_id, stop: true });
    expect(runOf(stopped)).toMatchObject({ status: 'done' });
    expect(textOf(await client.call('run_code', { code: 'print(x)' }))).toMatch(/^1\n/);
  });

  it('are ended by a cancellation, without an answer, and the session is free at once', async () => {
    const client = await legacy();
    await client.call('run_code', { code: 'x = 1' });
    const params = { name: 'run_code', arguments: { code: 'import time\nprint("on", flush=True)\ntime.sleep(60)' } };
    const cancelled = client.send('tools/call', params, { id: 'long' });
    const runs = () => nativeClient(server).json<{ data: { busy: boolean }[] }>('GET', '/sessions?limit=1');
    await eventually(async () => expect((await runs()).data[0]!.busy).toBe(true));
    expect((await client.notify('notifications/cancelled', { requestId: 'long' })).status).toBe(202);
    expect((await cancelled).messages).toEqual([]);
    expect(textOf(await client.call('run_code', { code: 'print(x)' }))).toMatch(/^1\n/);
  });

  it('end when a stateless client hangs up, and go on when an older one does', async () => {
    const native = nativeClient(server);
    for (const [client, finishes] of [
      [modern(), false],
      [await legacy(), true],
    ] as const) {
      const session = await native.session();
      const busy = async () => (await native.json<{ busy: boolean }>('GET', `/sessions/${session}`)).busy;
      const code = 'import time\ntime.sleep(3)\nopen("over.txt", "w").close()';
      const gone = new AbortController();
      const sent = client
        .send('tools/call', { name: 'run_code', arguments: { session_id: session, code } }, { signal: gone.signal })
        .catch(() => undefined);
      await eventually(async () => expect(await busy()).toBe(true));
      gone.abort();
      await sent;
      await eventually(async () => expect(await busy()).toBe(false));
      const { data } = await native.json<{ data: unknown[] }>('GET', `/sessions/${session}/files`);
      expect(data).toHaveLength(finishes ? 1 : 0);
    }
  });
});

describe('files', () => {
  it('are written, listed, read and removed', async () => {
    const client = await legacy();
    const wrote = await client.call('write_file', { path: '/mnt/data/in/a.txt', text: 'one\ntwo\nthree\n' });
    expect(textOf(wrote)).toMatch(/^Wrote in\/a\.txt \(14 bytes\)\./);
    await client.call('write_file', { path: 'b.bin', base64: Buffer.from([0, 1, 2]).toString('base64') });
    const session_id = sessionIn(wrote);
    const listed = await client.call('list_files', {});
    expect(listed.structuredContent).toMatchObject({
      session_id,
      files: [
        { path: 'b.bin', size: 3, mime: 'application/octet-stream' },
        { path: 'in/a.txt', size: 14, mime: 'text/plain', uri: `dragoman://sessions/${session_id}/files/in/a.txt` },
      ],
    });
    expect(textOf(listed)).toMatch(/^b\.bin \(3 bytes\)\nin\/a\.txt \(14 bytes\)\n/);
    expect(textOf(await client.call('run_code', { code: 'print(open("in/a.txt").read())' }))).toMatch(/^one\ntwo\n/);
    expect(textOf(await client.call('read_file', { path: 'in/a.txt', offset: 2, limit: 1 }))).toMatch(
      /^two\n\[More lines follow: read on with offset 3\.\]/,
    );
    const binary = await client.call('read_file', { path: 'b.bin' });
    expect(textOf(binary)).toContain('is no text');
    expect(binary.content[1]).toMatchObject({ type: 'resource_link', name: 'b.bin' });
    await client.call('run_code', { code: 'x = 1' });
    await client.call('reset_session', {});
    expect(
      textOf(await client.call('run_code', { code: 'import os\nprint("x" in globals(), sorted(os.listdir()))' })),
    ).toMatch(/^False \['b\.bin', 'in'\]/);
    await client.call('reset_session', { delete_files: true });
    expect((await client.call('list_files', {})).structuredContent).toEqual({ session_id, files: [] });
  });

  it('that are tables or documents are read as text, and told of in the list', async () => {
    const client = await legacy();
    const code =
      'import pandas as pd\npd.DataFrame({"region": ["North", "South"], "sum": [1, 2]}).to_excel("b.xlsx", index=False)';
    await client.call('run_code', { code });
    expect(textOf(await client.call('read_file', { path: 'b.xlsx' }))).toMatch(
      /^\[b\.xlsx as text, .*\]\nSheet1: 2 rows, 2 columns\nregion\tsum\nNorth\t1\nSouth\t2\n/,
    );
    expect(textOf(await client.call('list_files', {}))).toMatch(/^b\.xlsx \(\d[^)]*\)/);
    await client.call('run_code', { code: 'open("b.xlsx", "wb").write(b"PK" + bytes(100))' });
    expect(textOf(await client.call('read_file', { path: 'b.xlsx' }))).toContain('could not be read');
  });

  it('that are images are shown', async () => {
    const client = await legacy();
    await client.call('run_code', { code: 'import matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig("a.png")' });
    const { content } = await client.call('read_file', { path: 'a.png' });
    expect(content[1]).toMatchObject({ type: 'image', mimeType: 'image/png' });
  });

  it.each([
    ['both', { path: 'a', text: 'x', base64: 'eA==' }, 'either text or base64'],
    ['neither', { path: 'a' }, 'either text or base64'],
    ['what is no base64', { path: 'a', base64: '%%%' }, 'base64: is not base64'],
    ['a path that leads out', { path: '../a', text: 'x' }, 'segments'],
    ['an absolute path', { path: '/etc/passwd', text: 'x' }, 'relative'],
  ])('are not written with %s', async (_, given, sentence) => {
    const result = await modern().call('write_file', given);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(sentence);
  });

  it('are resources, text or bytes, with links that stay readable', async () => {
    const client = await legacy();
    expect((await client.send('resources/list')).messages[0]!.result).toEqual({ resources: [] });
    await client.call('write_file', { path: 'a.csv', text: 'a,b' });
    await client.call('write_file', { path: 'b.bin', base64: 'AAEC' });
    const { resources } = (await client.send('resources/list')).messages[0]!.result;
    expect(resources).toMatchObject([
      { name: 'a.csv', mimeType: 'text/csv', size: 3 },
      { name: 'b.bin', size: 3 },
    ]);
    const [text, bytes] = resources;
    for (const reader of [client, await legacy(), modern()]) {
      const read = async (uri: string) => (await reader.send('resources/read', { uri })).messages[0]!;
      expect((await read(text.uri)).result.contents).toEqual([{ uri: text.uri, mimeType: 'text/csv', text: 'a,b' }]);
      expect((await read(bytes.uri)).result.contents).toMatchObject([{ blob: 'AAEC' }]);
      const code = reader.headers['mcp-session-id'] ? -32002 : -32602;
      for (const uri of [`${text.uri}x`, 'file:///etc/passwd', text.uri.replace('a.csv', '..%2F..%2Fetc%2Fpasswd')])
        expect((await read(uri)).error).toMatchObject({ code, data: { uri } });
    }
    // Without a session of its own a client is never shown the files of all.
    expect((await modern().send('resources/list')).messages[0]!.result).toMatchObject({ resources: [] });
  });
});

it('survives a restart of the service, handle, MCP session and files', async () => {
  const own = await startServer({ dataDir: mkdtempSync(join(tmpdir(), 'dragoman-mcp-')) });
  const client = await legacyMcp(own);
  await client.call('write_file', { path: 'a.txt', text: 'kept' });
  await own.stop();
  const again = await startServer({ dataDir: own.dataDir });
  try {
    const { key } = own;
    const { messages, status } = await sendMcp(
      { url: again.url, key },
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read_file', arguments: { path: 'a.txt' } } },
      client.headers,
    );
    expect([status, textOf(messages[0]!.result)]).toEqual([200, expect.stringMatching(/^kept\n/)]);
  } finally {
    await again.stop();
    rmSync(own.dataDir, { recursive: true, force: true });
  }
});

describe('run_command', () => {
  it('runs beside the code of its session, and tells its streams and exit code', async () => {
    const client = await legacy();
    await client.call('run_code', { code: 'import os; os.makedirs("sub"); x = 1' });
    const result = await client.call('run_command', { command: 'pwd; echo err >&2; exit 3', cwd: 'sub' });
    expect(result.isError).toBeUndefined();
    expect(textOf(result)).toContain('[Exit code 3.]');
    expect(commandOf(result)).toMatchObject({
      status: 'done',
      exit_code: 3,
      stdout: '/mnt/data/sub\n',
      stderr: 'err\n',
    });
    expect(textOf(await client.call('run_code', { code: 'print(x)' }))).toMatch(/^1\n/);
  });

  it('is ended at its time limit, and when it prints too much', async () => {
    const client = await legacy();
    const late = await client.call('run_command', { command: 'echo on; sleep 600', timeout_seconds: 1 });
    expect(textOf(late)).toMatch(/^on\n\[Stopped at the time limit of 1 s\./);
    const flood = await client.call('run_command', { command: 'yes' });
    expect(textOf(flood)).toContain('[Stopped: too much output.');
    expect(textOf(flood).length).toBeLessThan(200_000);
    const left = await client.call('run_command', { command: 'pgrep -x yes; pgrep -x sleep' });
    expect(commandOf(left)).toMatchObject({ stdout: '' });
  });

  it('goes on in the background, and is waited for', async () => {
    const client = modern();
    const begun = await client.call('run_command', {
      command: 'echo begun; while [ ! -e go ]; do sleep 0.1; done; echo over; exit 4',
      background: true,
    });
    const session_id = sessionIn(begun);
    const { command_id } = commandOf(begun);
    expect(commandOf(begun)).toMatchObject({ status: 'running', exit_code: null });
    await client.call('run_command', { command: 'touch go', session_id });
    const done = await client.call('check_command', { command_id, wait_seconds: 30, session_id });
    expect(commandOf(done)).toMatchObject({ status: 'done', exit_code: 4, stdout: 'begun\nover\n' });
  });

  it('is ended by a cancellation', async () => {
    const client = await legacy();
    await client.call('run_code', { code: '1' });
    const params = { name: 'run_command', arguments: { command: 'touch begun; sleep 599' } };
    const cancelled = client.send('tools/call', params, { id: 'command' });
    const shell = async (command: string) => commandOf(await client.call('run_command', { command })).stdout;
    await eventually(async () => expect(await shell('ls')).toContain('begun'));
    await client.notify('notifications/cancelled', { requestId: 'command' });
    await cancelled;
    await eventually(async () => expect(await shell('pgrep -fx "sleep 599"')).toBe(''));
  });

  it.each([
    ['run_command', { command: null }, 'command: is required'],
    ['run_command', { command: 'true', cwd: '/no/such' }, '/no/such'],
    ['check_command', { command_id: 'never' }, 'Run it again'],
  ])('%s with %j answers a sentence for the model', async (tool, given, sentence) => {
    const client = await legacy();
    const result = await client.call(tool, given);
    expect(result.isError).toBe(true);
    expect(textOf(result)).toContain(sentence);
  });
});
