import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { exec } from '../support/client.ts';
import { allEvents, eventsOf, type StreamEvent } from '../support/events.ts';
import { type CellAnswer, type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The native API on a real server with real sandboxes. */

let server: TestServer;
let api: NativeClient;
let other: NativeClient;
beforeAll(async () => {
  server = await startServer({
    env: {
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789,bob:bob-key-0123456789',
      DRAGOMAN_MAX_UPLOAD_BYTES: '4m',
      DRAGOMAN_OUTPUT_BYTES: '64k',
    },
  });
  server = { ...server, key: 'ann-key-0123456789' };
  api = nativeClient(server);
  other = nativeClient({ ...server, key: 'bob-key-0123456789' });
});
afterAll(() => server?.stop());

const textOf = (events: readonly StreamEvent[], name: string) =>
  events
    .filter(({ event }) => event === name)
    .map(({ data }) => data.text)
    .join('');

async function until(events: AsyncGenerator<StreamEvent>, found: (event: StreamEvent) => boolean) {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    if (found(next.value)) return next.value;
  }
  throw new Error('the stream ended');
}

it('a restart that meets a deletion is answered 200, 404 or 409, never as an error of the service', async () => {
  for (let round = 0; round < 8; round++) {
    const id = await api.session();
    await api.cell(id, 'x = 1');
    const restarts = Array.from({ length: 4 }, () => api.send('POST', `/sessions/${id}/restart`));
    const deleted = api.send('DELETE', `/sessions/${id}`);
    const late = Array.from({ length: 2 }, () => api.send('POST', `/sessions/${id}/restart`));
    for (const { status } of await Promise.all([...restarts, ...late])) expect([200, 404, 409]).toContain(status);
    expect((await deleted).status).toBe(204);
    expect((await api.send('GET', `/sessions/${id}`)).status).toBe(404);
  }
});

describe('cells', () => {
  it('build on each other, show values and figures, and tell of files', async () => {
    const id = await api.session();
    expect(await api.cell(id, 'import pandas as pd\ndf = pd.DataFrame({"a": [1, 2]})')).toMatchObject({
      state: 'fresh',
      outcome: 'completed',
      interpreter: 'kept',
    });
    const second = await api.cell(id, 'print("hé")\ndf.to_csv("out.csv")\ndf');
    expect(second).toMatchObject({ state: 'continued', stdout: 'hé\n', error: null });
    expect(second.results[0]!['text/html']).toContain('<table');
    expect(second.artifacts).toMatchObject([{ path: 'out.csv', change: 'created' }]);
    const figure = await api.cell(id, 'import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()');
    const png = Buffer.from(String(figure.results.find((each) => 'image/png' in each)!['image/png']), 'base64');
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    const failed = await api.cell(id, 'df.nothing');
    expect(failed).toMatchObject({ outcome: 'completed', error: { name: 'AttributeError' } });
    expect((await api.cell(id, 'len(df)')).results[0]).toMatchObject({ 'text/plain': '2' });
  });

  it('alone keep nothing but their files', async () => {
    const run = (code: string) =>
      api.json<{ session_id: string; state: string; artifacts: { path: string }[]; error: { name: string } | null }>(
        'POST',
        '/executions',
        { language: 'python', code },
      );
    const first = await run('x = 1\nopen("kept.txt", "w").write("kept")');
    expect(first).toMatchObject({ state: 'fresh', artifacts: [{ path: 'kept.txt' }] });
    expect((await run('x')).error).toMatchObject({ name: 'NameError' });
    const file = await api.send('GET', `/sessions/${first.session_id}/files/kept.txt`);
    expect(await file.text()).toBe('kept');
    expect((await other.send('GET', `/sessions/${first.session_id}/files/kept.txt`)).status).toBe(404);
  });

  it('run in every language, in one workspace', async () => {
    const id = await api.session();
    await api.cell(id, 'open("n.txt", "w").write("41")');
    expect((await api.cell(id, 'echo $(( $(cat n.txt) + 1 ))', { language: 'bash' })).stdout).toBe('42\n');
    const js = await api.cell(id, 'console.log(require("fs").readFileSync("n.txt", "utf8"))', { language: 'js' });
    expect(js.stdout).toBe('41\n');
    const unknown = await api.send('POST', `/sessions/${id}/executions`, { language: 'cobol', code: '' });
    expect([unknown.status, ((await unknown.json()) as { error: string }).error]).toEqual([
      400,
      'unsupported_language',
    ]);
  });

  it('lose their variables with the sandbox and say so', async () => {
    const id = await api.session();
    await api.cell(id, 'x = 1\nopen("kept.txt", "w").write("kept")');
    const dead = await api.cell(id, 'import os\nos._exit(3)');
    expect(dead.interpreter).toBe('lost');
    const next = await api.cell(id, 'print(open("kept.txt").read())\nx');
    expect(next).toMatchObject({ state: 'restored', stdout: 'kept\n', error: { name: 'NameError' } });
    await api.cell(id, 'x = 2');
    await api.json('POST', `/sessions/${id}/restart`);
    expect((await api.cell(id, 'x')).error).toMatchObject({ name: 'NameError' });
  });
});

describe('events', () => {
  it('leave while the code runs', async () => {
    const id = await api.session();
    const code = 'import time\nprint("first", flush=True)\nname = input\ntime.sleep(3)\nprint("second")\n6 * 7';
    const events = eventsOf(await api.stream(id, code));
    await until(events, ({ event }) => event === 'stdout');
    const between = performance.now();
    const rest = await Array.fromAsync(events);
    expect(performance.now() - between).toBeGreaterThan(1000);
    expect(rest.map(({ event }) => event)).toEqual(['stdout', 'result', 'done']);
    expect(rest[1]!.data['text/plain']).toBe('42');
    expect(rest[2]!.data).toMatchObject({ session_id: id, outcome: 'completed', state: 'fresh' });
  });

  it.each([
    [
      'python',
      'import subprocess, sys\nfor n in range(5):\n    print(n)\n    display(n)\nprint("x", file=sys.stderr)\ndisplay(5)\nsubprocess.run(["echo", "y"]);',
    ],
    [
      'javascript',
      'for (let n = 0; n < 5; n++) { console.log(n); display(n); } console.error("x"); display(5); console.log("y");',
    ],
  ])('tell what %s printed and showed in its order, and so does the notebook', async (language, code) => {
    const id = await api.session();
    const events = await allEvents(await api.stream(id, code, { language }));
    const told = events.slice(1, -1).map(({ data }) => (data.text ?? data['text/plain']).trim());
    expect(told).toEqual(['0', '0', '1', '1', '2', '2', '3', '3', '4', '4', 'x', '5', 'y']);
    type Shown = { text?: string; data?: Record<string, string> };
    const { cells } = await api.json<{ cells: { outputs: Shown[] }[] }>('GET', `/sessions/${id}/notebook`);
    const { outputs } = cells[0]!;
    expect(outputs.map(({ text, data }) => (text ?? data!['text/plain'])!.trim())).toEqual(told);
  });

  it('hold whole characters, however the program cuts them', async () => {
    const id = await api.session();
    const code = `import os, time
for byte in "aé€🙂".encode():
    os.write(1, bytes([byte]))
    time.sleep(0.02)`;
    const events = await allEvents(await api.stream(id, code));
    expect(textOf(events, 'stdout')).toBe('aé€🙂');
  });

  it('are resumed where a dropped connection left off, in whatever file they are told of', async () => {
    const id = await api.session();
    const leave = new AbortController();
    const code =
      'import time\nfor n in range(8):\n    print(n, flush=True)\n    time.sleep(0.2)\nopen("a.txt", "w").write("a")';
    const events = eventsOf(await api.stream(id, code, {}, leave.signal));
    const { data: start } = await until(events, ({ event }) => event === 'start');
    const seen = await until(events, ({ data }) => data.text === '2\n');
    leave.abort();
    await events.return(undefined).catch(() => {});
    const resumed = await api.send('GET', `/executions/${start.id}`, undefined, {
      accept: 'text/event-stream',
      'last-event-id': seen.id!,
    });
    const rest = await allEvents(resumed);
    expect(textOf(rest, 'stdout')).toBe('3\n4\n5\n6\n7\n');
    expect(rest.at(-2)).toMatchObject({ event: 'artifact', data: { path: 'a.txt' } });
    expect(rest.at(-1)).toMatchObject({ event: 'done', data: { outcome: 'completed' } });
    const over = await api.send('GET', `/sessions/${id}/executions/${start.id}`, undefined, {
      accept: 'text/event-stream',
      'last-event-id': rest.at(-1)!.id!,
    });
    expect(over.status).toBe(204);
    const plain = await api.json<{ stdout: string }>('GET', `/executions/${start.id}`);
    expect(plain.stdout).toBe('0\n1\n2\n3\n4\n5\n6\n7\n');
    expect((await other.send('GET', `/executions/${start.id}`)).status).toBe(404);
  });

  it('wait for a reader that does not read, and cost the server little', async () => {
    const id = await api.session();
    const code = 'for _ in range(300):\n    print("x" * 10_000)';
    const body = JSON.stringify({ language: 'python', code });
    const { hostname, port } = new URL(server.url);
    const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))![1]) / 1024;
    await api.cell(id, code);
    const before = memory();
    const sockets = Array.from({ length: 20 }, () => {
      const socket = connect(Number(port), hostname);
      socket.pause();
      socket.on('error', () => {});
      socket.write(
        `POST /v1/sessions/${id}/executions HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\naccept: text/event-stream\r\n` +
          `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return socket;
    });
    // They queue behind each other: this one comes last.
    expect((await api.cell(id, '1')).outcome).toBe('completed');
    // Each printed 3 MB; the history of one keeps 8 MiB at most, a connection some kilobytes.
    expect(memory() - before).toBeLessThan(250);
    for (const socket of sockets) socket.destroy();
  });
});

describe('a session', () => {
  it('is interrupted and keeps its variables', async () => {
    const id = await api.session();
    const events = eventsOf(
      await api.stream(id, 'n = 0\nwhile True:\n    n += 1\n    if n == 1: print("runs", flush=True)'),
    );
    await until(events, ({ event }) => event === 'stdout');
    const info = await api.json<{ busy: boolean; state: string }>('GET', `/sessions/${id}`);
    expect(info).toMatchObject({ busy: true, state: 'live' });
    expect(await api.json('POST', `/sessions/${id}/interrupt`)).toEqual({ interrupted: true });
    const rest = await Array.fromAsync(events);
    expect(rest.find(({ event }) => event === 'error')!.data.name).toBe('KeyboardInterrupt');
    expect((await api.cell(id, 'n > 0')).results[0]!['text/plain']).toBe('True');
    expect(await api.json('POST', `/sessions/${id}/interrupt`)).toEqual({ interrupted: false });
    // With arguments it is a program of its own, which has nothing to keep but its files.
    const program = 'import time\nopen("begun", "w").close()\nprint("begun", flush=True)\ntime.sleep(20)';
    const running = eventsOf(await api.stream(id, program, { args: ['x'] }));
    await until(running, ({ event }) => event === 'stdout');
    expect(await api.json('POST', `/sessions/${id}/interrupt`)).toEqual({ interrupted: true });
    expect((await Array.fromAsync(running)).at(-1)!.data.outcome).toBe('cancelled');
    expect((await api.cell(id, 'import os; os.listdir()')).results).toEqual([{ 'text/plain': "['begun']" }]);
  });

  it('is forked, each with files of its own', async () => {
    const id = await api.session({ name: 'original' });
    await api.send('PUT', `/sessions/${id}/files/dir/a.txt`, 'one');
    const { id: copy } = await api.json<{ id: string }>('POST', `/sessions/${id}/fork`, { name: 'copy' });
    await api.cell(copy, 'open("dir/a.txt", "w").write("two")');
    await api.cell(copy, 'open("b.txt", "w").write("b")');
    const read = async (session: string) => (await api.send('GET', `/sessions/${session}/files/dir/a.txt`)).text();
    expect([await read(id), await read(copy)]).toEqual(['one', 'two']);
    expect((await api.json<{ data: unknown[] }>('GET', `/sessions/${id}/files`)).data).toHaveLength(1);
  });

  it('is written down as a notebook that Jupyter’s schema takes', async () => {
    const id = await api.session();
    await api.cell(id, 'import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint("a")\n{"a": 1}');
    await api.cell(id, '1 / 0');
    await api.cell(id, 'true', { language: 'bash' });
    const response = await api.send('GET', `/sessions/${id}/notebook`);
    expect(response.headers.get('content-type')).toMatch(/^application\/x-ipynb\+json/);
    const notebook = (await response.json()) as { cells: { source: string; outputs: { output_type: string }[] }[] };
    const schema = readFileSync(new URL('../fixtures/nbformat/nbformat.v4.5.schema.json', import.meta.url), 'utf8');
    const { $schema, ...draft } = JSON.parse(schema);
    const ajv = new Ajv({ strict: false });
    expect(ajv.validate(draft, notebook), ajv.errorsText()).toBe(true);
    expect(notebook.cells.map(({ outputs }) => outputs.map((each) => each.output_type))).toEqual([
      ['display_data', 'stream', 'execute_result'],
      ['error'],
      [],
    ]);
    expect(notebook.cells[2]!.source).toBe('%%bash\ntrue');
  });

  it('survives the service', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-native-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const options = { dataDir, env: { DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789' } };
    const first = await startServer(options);
    const client = nativeClient(first);
    const id = await client.session({ name: 'lasting' });
    const { id: execution } = await client.cell(id, 'open("a.txt", "w").write("a")\nprint("said")');
    await first.stop();
    const again = await startServer(options);
    const next = nativeClient(again);
    expect(await next.json('GET', `/sessions/${id}`)).toMatchObject({ name: 'lasting', state: 'dormant' });
    expect(await next.json('GET', `/executions/${execution}`)).toMatchObject({ status: 'done', stdout: 'said\n' });
    const events = await allEvents(
      await next.send('GET', `/executions/${execution}`, undefined, { accept: 'text/event-stream' }),
    );
    expect(events.map(({ event }) => event)).toEqual(['start', 'stdout', 'artifact', 'done']);
    expect(await next.cell(id, 'open("a.txt").read()')).toMatchObject({
      state: 'restored',
      results: [{ 'text/plain': "'a'" }],
    });
    const usage = await next.json<{ total: object }>('GET', '/usage');
    expect(usage.total).toMatchObject({ executions: 2, bytes_stored: 1 });
    await again.stop();
  }, 60_000);

  it('keeps what code made as it was, over a restart of the service, a fork and an archive', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dragoman-native-'));
    onTestFinished(() => rmSync(dataDir, { recursive: true }));
    const options = { dataDir, env: { DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789' } };
    const first = await startServer(options);
    const client = nativeClient(first);
    const id = await client.session();
    const bash = { language: 'bash' };
    await client.cell(id, 'echo "int main(){return 7;}" > a.c && gcc -o app a.c && mkdir -p .config logs', bash);
    await client.cell(id, 'echo x > .config/own && chmod 600 .config/own', bash);
    const { data: before } = await client.json<{ data: { path: string }[] }>('GET', `/sessions/${id}/files`);
    expect(before.map(({ path }) => path)).toEqual(['.config/own', 'a.c', 'app']);
    await first.stop();
    const again = await startServer(options);
    const next = nativeClient(again);
    const { id: fork } = await next.json<{ id: string }>('POST', `/sessions/${id}/fork`, {});
    const look = './app; echo $?; ls -A; stat -c %a app a.c .config/own';
    const found = '7\n.config\na.c\napp\nlogs\n755\n644\n600\n';
    for (const session of [id, fork]) {
      expect(await next.cell(session, look, bash)).toMatchObject({ stdout: found, artifacts: [], deleted: [] });
    }
    const zip = new Uint8Array(await (await next.send('GET', `/sessions/${id}/archive`)).arrayBuffer());
    await fetch(`${again.url}/v1/sessions/${fork}/files/all.zip`, {
      method: 'PUT',
      headers: { 'x-api-key': again.key, 'content-type': 'application/zip' },
      body: zip,
    });
    const modes = await next.cell(
      fork,
      'import zipfile\nprint({i.filename: oct(i.external_attr >> 16) for i in zipfile.ZipFile("all.zip").infolist()})',
    );
    expect(modes.stdout).toBe("{'.config/own': '0o100600', 'a.c': '0o100644', 'app': '0o100755'}\n");
    await again.stop();
  }, 60_000);
});

describe('kernels', () => {
  const path = (id: string, rest = '') => `/sessions/${id}/kernels${rest}`;
  const call = async (client: NativeClient, method: string, at: string, body?: unknown) => {
    const response = await client.send(method, at, body);
    const text = await response.text();
    return { status: response.status, headers: response.headers, json: text === '' ? undefined : JSON.parse(text) };
  };

  it('are made, run in, listed, restarted and removed', async () => {
    const id = await api.session();
    await api.cell(id, 'x = "default"');
    const made = await call(api, 'POST', path(id), { language: 'py', directory: 'analysis' });
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/v1${path(id, `/${made.json.id}`)}`);
    expect(made.json).toMatchObject({ language: 'python', directory: 'analysis', default: false, state: 'dormant' });
    const cell = (code: string) => api.cell(id, code, { kernel_id: made.json.id });
    expect(await cell('x = "own"\nopen("a.txt", "w").write("1")')).toMatchObject({
      state: 'fresh',
      artifacts: [{ path: 'analysis/a.txt' }],
    });
    expect(await cell('print(x)')).toMatchObject({ state: 'continued', stdout: 'own\n' });
    expect(await api.cell(id, 'print(x)')).toMatchObject({ stdout: 'default\n' });
    const listed = await call(api, 'GET', path(id));
    expect(listed.json.data).toMatchObject([
      { id: 'python', default: true, state: 'live' },
      { id: made.json.id, state: 'live' },
    ]);
    const restarted = await call(api, 'POST', path(id, `/${made.json.id}/restart`));
    expect([restarted.status, restarted.json.state]).toEqual([200, 'dormant']);
    expect(await cell('print("x" in dir())')).toMatchObject({ state: 'restored', stdout: 'False\n' });
    expect((await call(api, 'DELETE', path(id, `/${made.json.id}`))).status).toBe(204);
    expect((await call(api, 'GET', path(id, `/${made.json.id}`))).status).toBe(404);
    const gone = await call(api, 'POST', `/sessions/${id}/executions`, {
      language: 'python',
      code: '1',
      kernel_id: made.json.id,
    });
    expect([gone.status, gone.json.error]).toEqual([404, 'not_found']);
  });

  it('are refused where none can be, and are not found by another key', async () => {
    const id = await api.session();
    const refused = async (body: object) => {
      const { status, json } = await call(api, 'POST', path(id), body);
      return [status, json.error];
    };
    expect(await refused({ language: 'php' })).toEqual([400, 'invalid_request']);
    expect(await refused({ language: 'python', directory: '../up' })).toEqual([400, 'invalid_request']);
    expect(await refused({})).toEqual([400, 'invalid_request']);
    expect((await call(other, 'GET', path(id))).status).toBe(404);
    expect((await call(other, 'POST', path(id), { language: 'python' })).status).toBe(404);
  });
});

describe('tools', () => {
  const tools = [
    {
      name: 'get_weather',
      description: 'Weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
    { name: 'echo', parameters: { type: 'object', additionalProperties: true } },
  ];
  const results = (calls: NonNullable<CellAnswer['tool_calls']>, value: (input: { city: string }) => unknown) => ({
    results: calls.map(({ id: call, input }) => ({ id: call, value: value(input as { city: string }) })),
  });

  it('are called by a cell and answered round by round', async () => {
    const id = await api.session();
    const code = `import asyncio
both = await asyncio.gather(*(tools.get_weather(city=city) for city in ("Oslo", "Rome")))
more = await tools.get_weather(city=str(sum(both)))
more`;
    const first = await api.cell(id, code, { tools });
    expect(first.status).toBe('tool_calls');
    expect(first.tool_calls!.map(({ input }) => input)).toEqual([{ city: 'Oslo' }, { city: 'Rome' }]);
    const path = `/sessions/${id}/executions/${first.id}`;
    expect(await api.json('GET', path)).toEqual(first);
    const second = await api.json<CellAnswer>(
      'POST',
      `${path}/tool_results`,
      results(first.tool_calls!, () => 21),
    );
    expect(second.tool_calls!.map(({ input }) => input)).toEqual([{ city: '42' }]);
    const answer = results(second.tool_calls!, ({ city }) => `sunny in ${city}`);
    const end = await api.json<CellAnswer>('POST', `${path}/tool_results`, answer);
    expect(end).toMatchObject({ status: 'done', results: [{ 'text/plain': "'sunny in 42'" }] });
    expect((await api.send('POST', `${path}/tool_results`, answer)).status).toBe(409);
    expect((await api.cell(id, 'both')).results[0]!['text/plain']).toBe('[21, 21]');
  });

  it('fail as exceptions a program can catch', async () => {
    const code = 'try:\n    await tools.echo(a=1)\nexcept Exception as error:\n    print("caught", error)';
    const request = { language: 'python', code, tools };
    const first = await api.json<CellAnswer>('POST', '/executions', request);
    const [call] = first.tool_calls!;
    const end = await api.json<CellAnswer>('POST', `/executions/${first.id}/tool_results`, {
      results: [{ id: call!.id, error: 'no such echo' }],
    });
    expect(end.stdout).toContain('no such echo');
  });

  it('are told in a stream, which goes on with the answers', async () => {
    const id = await api.session();
    const events = eventsOf(await api.stream(id, 'print((await tools.echo(n=1))["n"])', { tools }));
    const { data: start } = await until(events, ({ event }) => event === 'start');
    const { data: call } = await until(events, ({ event }) => event === 'tool_call');
    expect(call).toMatchObject({ name: 'echo', input: { n: 1 } });
    const wrong = { results: [{ id: 'never-made', value: 1 }] };
    expect((await api.send('POST', `/executions/${start.id}/tool_results`, wrong)).status).toBe(400);
    expect((await other.send('POST', `/executions/${start.id}/tool_results`, wrong)).status).toBe(404);
    const right = { results: [{ id: call.id, value: { n: 'é' } }] };
    const taken = await api.send('POST', `/executions/${start.id}/tool_results`, right, { prefer: 'respond-async' });
    expect([200, 202]).toContain(taken.status);
    expect(textOf(await Array.fromAsync(events), 'stdout')).toBe('é\n');
  });
});

describe('files', () => {
  it('go in and out by path, one and all', async () => {
    const id = await api.session();
    const put = await api.send('PUT', `/sessions/${id}/files/in/d%C3%A4ta.csv`, 'a,b\n1,2\n', {
      'content-type': 'text/csv',
    });
    expect(await put.json()).toMatchObject({ path: 'in/däta.csv', size: 8, mime: 'text/csv' });
    // As curl sends a body without a content type of its own.
    const untold = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await (await api.send('PUT', `/sessions/${id}/files/t.csv`, 'a', untold)).json()).toMatchObject({
      mime: 'text/csv',
    });
    await api.send('DELETE', `/sessions/${id}/files/t.csv`);
    const { stdout } = await api.cell(
      id,
      'print(open("in/däta.csv").read())\nopen("big.bin", "wb").write(bytes(3_000_000))',
    );
    expect(stdout).toBe('a,b\n1,2\n\n');
    await api.send('PUT', `/sessions/${id}/files/in/d%C3%A4ta.csv`, 'new');
    expect((await api.cell(id, 'print(open("in/däta.csv").read())')).stdout).toBe('new\n');
    const zip = new Uint8Array(await (await api.send('GET', `/sessions/${id}/archive`)).arrayBuffer());
    const reader = await api.session();
    await fetch(`${server.url}/v1/sessions/${reader}/files/all.zip`, {
      method: 'PUT',
      headers: { 'x-api-key': server.key, 'content-type': 'application/zip' },
      body: zip,
    });
    const listed = await api.cell(
      reader,
      'import zipfile\nz = zipfile.ZipFile("all.zip")\nprint(z.testzip(), [(i.filename, i.file_size) for i in z.infolist()], z.read("in/däta.csv"))',
    );
    expect(listed.stdout).toBe("None [('big.bin', 3000000), ('in/däta.csv', 3)] b'new'\n");
    expect((await api.send('DELETE', `/sessions/${id}/files/big.bin`)).status).toBe(204);
    expect((await api.cell(id, 'import os\nos.path.exists("big.bin")')).results[0]!['text/plain']).toBe('False');
  }, 60_000);

  it('are the same objects in LibreChat’s API', async () => {
    const id = await api.session();
    const { artifacts } = await api.cell(id, 'open("a.txt", "w").write("shared")');
    const file = artifacts[0]!.id;
    const get = (path: string) => fetch(`${server.url}${path}`, { headers: { 'x-api-key': server.key } });
    expect(await (await get(`/v1/download/${id}/${file}`)).text()).toBe('shared');
    expect((await get(`/v1/sessions/${id}/objects/${file}`)).status).toBe(200);
    expect(await (await get(`/v1/files/${id}`)).json()).toHaveLength(1);
    const run = await exec(server, {
      lang: 'bash',
      code: 'cat a.txt',
      files: [{ id: file, storage_session_id: id, name: 'a.txt' }],
    });
    expect(run.stdout).toBe('shared');
    const form = new FormData();
    form.append('file', new Blob(['up']), 'up.txt');
    const upload = await fetch(`${server.url}/v1/upload`, {
      method: 'POST',
      headers: { 'x-api-key': server.key },
      body: form,
    });
    const { session_id, files } = (await upload.json()) as { session_id: string; files: { id: string }[] };
    const copied = await api.send('POST', `/sessions/${id}/files`, { session_id, id: files[0]!.id, path: 'x/up.txt' });
    expect(copied.status).toBe(201);
    expect((await api.cell(id, 'print(open("x/up.txt").read())')).stdout).toBe('up\n');
    expect((await api.send('GET', `/sessions/${session_id}/files/up.txt`)).status).toBe(200);
  });

  it.each([
    '..%2f..%2f..%2fetc%2fpasswd',
    '../../../../etc/passwd',
    '%2e%2e/%2e%2e/x',
    'a/%2e%2e/%2e%2e/b',
    './x',
    'a//b',
    '%2fetc%2fpasswd',
    'a%00b',
    'a%5c..%5cb',
    'a%0d%0ab',
    '%ff',
    '%',
    '%ed%a0%80',
    `${'d/'.repeat(12)}x`,
    'x'.repeat(257),
    'x'.repeat(20_000),
  ])('refuse %s', async (path) => {
    const id = await api.session();
    const { hostname, port } = new URL(server.url);
    for (const method of ['PUT', 'GET', 'DELETE']) {
      const answer = await new Promise<string>((resolve) => {
        const socket = connect(Number(port), hostname);
        let text = '';
        socket.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        socket.on('error', () => {}).on('close', () => resolve(text));
        socket.write(
          `${method} /v1/sessions/${id}/files/${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\n` +
            `connection: close\r\ncontent-length: ${method === 'PUT' ? 1 : 0}\r\n\r\n${method === 'PUT' ? 'x' : ''}`,
        );
      });
      expect(answer).toMatch(/^HTTP\/1\.1 (20[04]|4\d\d) /);
      // Repeated slashes count as one: that is a path like any other.
      if (path !== 'a//b') expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    }
    const { data } = await api.json<{ data: unknown[] }>('GET', `/sessions/${id}/files`);
    expect(data).toEqual([]);
  });

  it('over the limit are refused while they arrive, and nothing of them is kept', async () => {
    const id = await api.session();
    async function* endless() {
      for (;;) yield new Uint8Array(65_536);
    }
    const response = await fetch(`${server.url}/v1/sessions/${id}/files/large`, {
      method: 'PUT',
      headers: { 'x-api-key': server.key },
      body: ReadableStream.from(endless()),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(413);
    const said = await api.send('PUT', `/sessions/${id}/files/large`, 'x'.repeat(5_000_000));
    expect(said.status).toBe(413);
    expect((await api.json<{ data: unknown[] }>('GET', `/sessions/${id}/files`)).data).toEqual([]);
  });
});

describe('another key', () => {
  it('finds nothing of it', async () => {
    const id = await api.session();
    const { id: execution } = await api.cell(id, 'open("a.txt", "w").write("secret")\n"secret"');
    for (const [method, path, body] of [
      ['GET', `/sessions/${id}`],
      ['PATCH', `/sessions/${id}`, { name: 'mine' }],
      ['DELETE', `/sessions/${id}`],
      ['POST', `/sessions/${id}/executions`, { language: 'python', code: '1' }],
      ['GET', `/sessions/${id}/executions/${execution}`],
      ['GET', `/executions/${execution}`],
      ['POST', `/executions/${execution}/cancel`],
      ['POST', `/executions/${execution}/tool_results`, { results: [{ id: 'x', value: 1 }] }],
      ['POST', `/sessions/${id}/interrupt`],
      ['POST', `/sessions/${id}/restart`],
      ['POST', `/sessions/${id}/fork`],
      ['GET', `/sessions/${id}/notebook`],
      ['GET', `/sessions/${id}/files`],
      ['GET', `/sessions/${id}/files/a.txt`],
      ['PUT', `/sessions/${id}/files/a.txt`, 'x'],
      ['DELETE', `/sessions/${id}/files/a.txt`],
      ['GET', `/sessions/${id}/archive`],
    ] as const) {
      const response = await other.send(method, path, body);
      expect([method, path, response.status]).toEqual([method, path, 404]);
      expect(await response.text()).not.toContain('secret');
    }
    expect((await other.json<{ data: unknown[] }>('GET', '/sessions')).data).toEqual([]);
    expect((await api.cell(id, 'open("a.txt").read()')).results[0]!['text/plain']).toBe("'secret'");
  });
});

it('counts what each key has used', async () => {
  const before = await other.json<{ total: { executions: number } }>('GET', '/usage');
  const id = await other.session();
  await other.cell(id, 'sum(range(1_000_000))');
  await other.send('PUT', `/sessions/${id}/files/a`, '12345');
  await (await other.send('GET', `/sessions/${id}/files/a`)).text();
  const { total, days } = await other.json<{ total: Record<string, number>; days: unknown[] }>('GET', '/usage');
  expect(total.executions).toBe(before.total.executions + 1);
  expect(total.bytes_stored).toBeGreaterThanOrEqual(5);
  expect(total.bytes_served).toBeGreaterThanOrEqual(5);
  expect(total.cpu_ms).toBeGreaterThan(0);
  expect(days).toHaveLength(1);
});

it('knows no session, execution or event that never was', async () => {
  for (const path of [`/sessions/${newId()}`, `/executions/${newId()}`, `/sessions/${newId()}/files/a`]) {
    expect((await api.send('GET', path)).status).toBe(404);
  }
  expect((await api.send('GET', '/sessions/no-id')).status).toBe(400);
});
