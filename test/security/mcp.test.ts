import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { commandOf, legacyMcp, modernMcp, runOf, sendMcp, sessionIn, textOf } from '../support/mcp.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { attacking } from './attack.ts';

/** What a hostile model, host or neighbour can do at `/mcp`. */
const keys = { ada: 'ada-secret-0123456789', bob: 'bob-secret-0123456789' };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({
    env: {
      DRAGOMAN_API_KEYS: `ada:${keys.ada},bob:${keys.bob}`,
      DRAGOMAN_RATE_LIMITS: 'off',
      DRAGOMAN_PUBLIC_URL: 'https://code.example.org/',
    },
  });
});
afterAll(() => server?.stop());

const as = (name: keyof typeof keys) => ({ url: server.url, key: keys[name] });

describe('two keys', attacking('mcp'), () => {
  it('never reach each other’s sessions, runs, files or MCP sessions', async () => {
    const ada = await legacyMcp(as('ada'));
    const wrote = await ada.call('write_file', { path: 'secret.txt', text: 'of ada' });
    const session_id = sessionIn(wrote);
    const uri = `dragoman://sessions/${session_id}/files/secret.txt`;
    const begun = await ada.call('run_code', { code: 'x = "of ada"', wait_seconds: 10 });
    const { run_id } = runOf(begun);
    const started = await ada.call('run_command', { command: 'echo of ada; sleep 600', background: true });
    const { command_id } = commandOf(started);
    for (const bob of [await legacyMcp(as('bob')), modernMcp(as('bob'))]) {
      for (const [tool, given] of [
        ['run_code', { code: 'print(x, open("secret.txt").read())', session_id }],
        ['check_run', { run_id }],
        ['check_run', { run_id, stop: true }],
        ['run_command', { command: 'cat secret.txt', session_id }],
        ['check_command', { command_id, session_id }],
        ['check_command', { command_id, stop: true, session_id }],
        ['check_command', { command_id }],
        ['write_file', { path: 'secret.txt', text: 'of bob', session_id }],
        ['read_file', { path: 'secret.txt', session_id }],
        ['list_files', { session_id }],
        ['reset_session', { session_id, delete_files: true }],
      ] as const) {
        const result = await bob.call(tool, given);
        expect([tool, result.isError]).toEqual([tool, true]);
        expect(JSON.stringify(result)).not.toContain('of ada');
      }
      const read = (await bob.send('resources/read', { uri })).messages[0]!;
      const gone = (await bob.send('resources/read', { uri: uri.replace(session_id, 'A'.repeat(21)) })).messages[0]!;
      expect(read.error?.code).toBe(gone.error?.code);
      expect(read.error?.message).toBe(gone.error?.message);
      expect((await bob.send('resources/list')).messages[0]!.result.resources).toEqual([]);
    }
    const stolen = await sendMcp(as('bob'), { jsonrpc: '2.0', id: 1, method: 'tools/list' }, ada.headers);
    expect([stolen.status, stolen.messages[0]!.error?.message]).toEqual([404, 'Session not found']);
    const ended = await fetch(`${server.url}/mcp`, {
      method: 'DELETE',
      headers: { 'x-api-key': keys.bob, ...ada.headers },
    });
    expect(ended.status).toBe(404);
    expect(textOf(await ada.call('run_code', { code: 'print(x, open("secret.txt").read())' }))).toMatch(
      /^of ada of ada\n/,
    );
  });

  it('never cancel each other’s requests, nor those of another MCP session', async () => {
    const [ada, other, bob] = [await legacyMcp(as('ada')), await legacyMcp(as('ada')), await legacyMcp(as('bob'))];
    const session = await nativeClient(as('ada')).session();
    const running = ada.send(
      'tools/call',
      { name: 'run_code', arguments: { code: 'import time\ntime.sleep(2)\nprint("over")', session_id: session } },
      { id: 7 },
    );
    const busy = async () =>
      (await nativeClient(as('ada')).json<{ busy: boolean }>('GET', `/sessions/${session}`)).busy;
    await eventually(async () => expect(await busy()).toBe(true));
    for (const requestId of [7, '7', {}, null, [7]]) {
      await bob.notify('notifications/cancelled', { requestId });
      await other.notify('notifications/cancelled', { requestId });
    }
    await ada.notify('notifications/cancelled', { requestId: '7' });
    expect(textOf((await running).messages.at(-1)!.result)).toMatch(/^over\n/);
  });

  it('share no session by a name in a header', async () => {
    const named = { 'x-dragoman-session': 'shared' };
    await modernMcp(as('ada'), named).call('run_code', { code: 'x = 1' });
    const other = await modernMcp(as('bob'), named).call('run_code', { code: 'print("x" in globals())' });
    expect(textOf(other)).toMatch(/^False\n/);
  });
});

describe('addresses of files', attacking('mcp'), () => {
  const made = async () => {
    const result = await modernMcp(as('ada')).call('run_code', {
      code: 'open("page.html", "w").write("<script>alert(1)</script>")\nopen("other.txt", "w").write("of ada")',
    });
    const [, address] = /page\.html: (https:\/\/code\.example\.org\/mcp\/files\/[\w-]+)/.exec(textOf(result))!;
    expect(JSON.stringify(result.content)).toContain('Download: https://code.example.org/mcp/files/');
    return { result, path: new URL(address!).pathname };
  };

  it('need no key, lead to one file, and are never shown as a page', async () => {
    const { path } = await made();
    const response = await fetch(server.url + path);
    expect([response.status, await response.text()]).toEqual([200, '<script>alert(1)</script>']);
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; .*page\.html/);
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    const part = await fetch(server.url + path, { headers: { range: 'bytes=1-6' } });
    expect([part.status, await part.text()]).toEqual([206, 'script']);
    for (const method of ['POST', 'PUT', 'DELETE'])
      expect((await fetch(server.url + path, { method, headers: { 'x-api-key': keys.ada } })).status).toBe(404);
  });

  it('cannot be made up, and end with their file', async () => {
    const { result, path } = await made();
    const token = path.slice('/mcp/files/'.length);
    for (const wrong of [
      '',
      'x',
      token.slice(1),
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
      'A'.repeat(470),
      'A'.repeat(900),
    ])
      expect((await fetch(`${server.url}/mcp/files/${wrong}`)).status).toBeGreaterThanOrEqual(400);
    await modernMcp(as('ada')).call('reset_session', { session_id: sessionIn(result), delete_files: true });
    expect((await fetch(server.url + path)).status).toBe(404);
  });
});

describe('hostile arguments', attacking('mcp'), () => {
  const values: unknown[] = [
    0,
    -1,
    1e308,
    true,
    '',
    ' ',
    '\0',
    '../../etc/passwd',
    '/etc/passwd',
    '..\\..\\x',
    'a'.repeat(100_000),
    '\ud800',
    '%2e%2e%2f',
    [],
    ['a'],
    {},
    { toString: 'x', length: -1 },
    { __proto__: { path: 'x' } },
    '__proto__',
    "'; drop table sessions; --",
    '%s%n',
    'A'.repeat(21),
  ];
  const fields: Record<string, readonly string[]> = {
    run_code: ['code', 'language', 'session_id', 'timeout_seconds', 'wait_seconds'],
    check_run: ['run_id', 'wait_seconds', 'stop'],
    run_command: ['command', 'cwd', 'timeout_seconds', 'background', 'session_id'],
    check_command: ['command_id', 'wait_seconds', 'stop', 'session_id'],
    write_file: ['path', 'text', 'base64', 'session_id'],
    read_file: ['path', 'offset', 'limit', 'session_id'],
    list_files: ['session_id'],
    reset_session: ['session_id', 'delete_files'],
  };

  it.each(Object.entries(fields))('of %s are refused or harmless, and never a fault of ours', async (tool, names) => {
    const client = await legacyMcp(as('ada'));
    const usual: Record<string, unknown> = {
      code: '1',
      run_id: 'x',
      command: 'true',
      command_id: 'x',
      path: 'a',
      ...(tool === 'write_file' ? { text: 'x' } : {}),
    };
    for (const name of names)
      for (const value of values) {
        const { status, messages } = await client.send('tools/call', {
          name: tool,
          arguments: { ...usual, wait_seconds: 0, [name]: value },
        });
        expect(status).toBe(200);
        const [answer] = messages;
        expect(answer!.error).toBeUndefined();
        expect(answer!.result.content[0].text).not.toMatch(/at .*\.ts:\d+|SQLITE|TypeError: Cannot/);
      }
  });

  it('that are no object, and tools that are none, are refused', async () => {
    const client = modernMcp(as('ada'));
    for (const given of ['x', 7, [], true])
      expect((await client.send('tools/call', { name: 'list_files', arguments: given })).messages[0]!.error?.code).toBe(
        -32602,
      );
    for (const name of ['', '__proto__', 'constructor', 'toString', 'run_code '])
      expect((await client.send('tools/call', { name, arguments: {} })).messages[0]!.error?.code).toBeLessThan(-32000);
  });

  it('in headers cannot name a session that is none', async () => {
    for (const name of ['a\tb', 'x'.repeat(201)]) {
      const { status } = await modernMcp(as('ada'), { 'x-dragoman-session': name }).send('tools/list');
      expect(status).toBe(400);
    }
  });

  it('of progress are bounded and hold no control characters, whatever is printed', async () => {
    const client = await legacyMcp(as('ada'));
    const code =
      'import time\nfor i in range(3):\n    print("\\x1b[31m" + "y" * 100_000 + "\\x07 end\\r", end="", flush=True)\n    time.sleep(0.8)';
    const { messages } = await client.send('tools/call', {
      name: 'run_code',
      arguments: { code },
      _meta: { progressToken: 1 },
    });
    const told = messages.filter(({ method }) => method === 'notifications/progress');
    expect(told.length).toBeGreaterThan(0);
    for (const { params } of told) {
      expect((params!.message as string).length).toBeLessThanOrEqual(300);
      expect(params!.message).not.toMatch(/\p{Cc}/u);
    }
    for (const progressToken of [{}, [], null, true]) {
      const quiet = await client.send('tools/call', {
        name: 'run_code',
        arguments: { code: 'import time; time.sleep(0.8)' },
        _meta: { progressToken },
      });
      expect(quiet.messages).toHaveLength(1);
    }
  });

  it('that programs choose, as names of files, stay what they are', async () => {
    const result = await modernMcp(as('ada')).call('run_code', {
      code: 'for name in ["a?b#c d.txt", "<script>.html", "x](http:y).txt"]:\n    open(name, "w").write("x")',
    });
    const links = result.content.filter(({ type }) => type === 'resource_link');
    expect(links).toHaveLength(3);
    for (const { uri } of links) expect(uri).toMatch(/^dragoman:\/\/sessions\/[\w-]{21}\/files\/[\w.%~!*'()-]+$/);
  });
});

describe('load', attacking('mcp'), () => {
  const residentMiB = () => {
    const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))!;
    return Number(kib) / 1024;
  };

  it('of a thousand idle MCP sessions of one key costs nothing, and all of them go on', async () => {
    const before = residentMiB();
    const clients: Awaited<ReturnType<typeof legacyMcp>>[] = [];
    for (let batch = 0; batch < 50; batch++)
      clients.push(...(await Promise.all(Array.from({ length: 20 }, () => legacyMcp(as('ada'))))));
    expect(new Set(clients.map(({ headers }) => headers['mcp-session-id'])).size).toBe(1000);
    // Nothing of them is kept; what grows is garbage of the requests.
    expect(residentMiB() - before).toBeLessThan(150);
    expect(textOf(await clients[0]!.call('run_code', { code: 'print(6 * 7)' }))).toMatch(/^42\n/);
    expect(textOf(await (await legacyMcp(as('bob'))).call('run_code', { code: 'print(6 * 7)' }))).toMatch(/^42\n/);
    for (const client of [clients[500]!, clients.at(-1)!]) expect((await client.send('ping')).status).toBe(200);
  });

  it('of clients that leave in the middle of everything leaves nothing behind', async () => {
    const { headers } = await legacyMcp(as('ada'));
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'run_code', arguments: { code: 'import time\ntime.sleep(1)' }, _meta: { progressToken: 1 } },
    });
    const { hostname, port } = new URL(server.url);
    const head = [
      'POST /mcp HTTP/1.1',
      'host: x',
      `x-api-key: ${keys.ada}`,
      'content-type: application/json',
      'accept: application/json, text/event-stream',
      `content-length: ${body.length}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ].join('\r\n');
    for (const sent of [head, `${head}\r\n\r\n`, `${head}\r\n\r\n${body.slice(0, 40)}`, `${head}\r\n\r\n${body}`]) {
      const socket = connect(Number(port), hostname);
      await new Promise((resolve) => socket.once('connect', resolve));
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(sent, resolve));
      socket.destroy();
    }
    const gauges = async () => {
      const page = await (await fetch(`${server.url}/metrics`, { headers: { 'x-api-key': keys.ada } })).text();
      return Number(/^dragoman_mcp_calls_running (\d+)/m.exec(page)![1]);
    };
    await eventually(async () => expect(await gauges()).toBe(0));
    expect(textOf(await (await legacyMcp(as('bob'))).call('run_code', { code: 'print(1)' }))).toMatch(/^1\n/);
  });

  it('of large answers that are not read is bounded for one key, and others are served', async () => {
    const native = nativeClient(as('ada'));
    const session = await native.session();
    await native.cell(
      session,
      'import os, base64, zlib, struct\nraw = os.urandom(3_500_000)\nopen("a.png", "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + raw)',
    );
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'read_file', arguments: { path: 'a.png', session_id: session } },
    });
    const { headers } = await legacyMcp(as('ada'));
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: 60 }, () => {
      const socket = connect(Number(port), hostname).pause();
      socket.on('error', () => {});
      const lines = Object.entries({ ...headers, 'x-api-key': keys.ada, 'content-type': 'application/json' });
      socket.write(
        `POST /mcp HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`,
      );
      return socket;
    });
    const bob = await legacyMcp(as('bob'));
    for (let turn = 0; turn < 5; turn++)
      expect(textOf(await bob.call('run_code', { code: 'print(1)' }))).toMatch(/^1\n/);
    expect(residentMiB()).toBeLessThan(1000);
    for (const socket of sockets) socket.destroy();
  });
});

it('a rate limit is a sentence with the seconds to wait', attacking('mcp'), async () => {
  const limited = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'exec=2/60s' } });
  try {
    const client = await legacyMcp(limited);
    const results = [];
    for (let turn = 0; turn < 3; turn++) results.push(await client.call('run_code', { code: 'print(1)' }));
    expect(results.map(({ isError }) => isError ?? false)).toEqual([false, false, true]);
    expect(textOf(results[2]!)).toMatch(/^Too many requests; try again in \d+ s\.$/);
  } finally {
    await limited.stop();
  }
});
