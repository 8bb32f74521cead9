import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { newId } from '../../src/core/index.ts';
import { idPattern, LibreChatClient, startForLibreChat } from '../support/librechat.ts';
import type { TestServer } from '../support/server.ts';

/** LibreChat's contract for runs as seen from outside: raw requests to a real server with two keys. */
let server: TestServer;
let ann: LibreChatClient;
let bob: LibreChatClient;
beforeAll(async () => {
  ({ server, ann, bob } = await startForLibreChat());
});
afterAll(() => server?.stop());

describe('addresses and credentials', () => {
  test.each(['', '/v1', '//', '/v1/'])('serves below "%s"', async (prefix) => {
    const client = new LibreChatClient(`${server.url}${prefix}`, 'ann-secret-0001');
    expect((await client.run('bash', 'echo hi')).body.stdout).toBe('hi\n');
  });

  test('refuses a missing and a wrong key with 401, two credentials with 400', async () => {
    for (const key of [undefined, 'wrong']) {
      const { status, body } = await new LibreChatClient(`${server.url}/v1`, key).run('py', '1');
      expect(status).toBe(401);
      expect(body).toEqual({ error: expect.any(String) });
    }
    const both = await ann.exec({ lang: 'py', code: '' }, { authorization: 'Bearer a.b.c' });
    expect(both.status).toBe(400);
  });

  test('answers health without a key, and what it does not know with 404', async () => {
    const anonymous = new LibreChatClient(server.url);
    expect((await anonymous.get('/v1/health')).status).toBe(200);
    expect(await ann.get('/nothing/here')).toMatchObject({ status: 404, body: { error: 'Not found' } });
  });

  test('answers in time for LibreChat’s own helpers', async () => {
    const started = performance.now();
    await ann.run('bash', `python3 - <<'PY'\nprint('{"ok":true}')\nPY`);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('the answer of a run', () => {
  test('has every field', async () => {
    const { status, body } = await ann.run('py', 'print(1 + 2)');
    expect(status).toBe(200);
    expect(body).toEqual({
      session_id: expect.stringMatching(idPattern),
      storage_session_id: body.session_id,
      stdout: '3\n',
      stderr: '',
      code: 0,
      signal: null,
      message: null,
      status: null,
      wall_time: expect.any(Number),
      cpu_time: expect.any(Number),
      memory: expect.any(Number),
      files: [],
    });
  });

  test.each<[string, string]>([
    ['py', 'import sys; print("out"); print("err", file=sys.stderr); sys.exit(3)'],
    ['Python', 'import sys; print("out"); print("err", file=sys.stderr); sys.exit(3)'],
    ['js', 'console.log("out"); console.error("err"); process.exit(3)'],
    ['node', 'console.log("out"); console.error("err"); process.exit(3)'],
    ['bun-js', 'console.log("out"); console.error("err"); process.exit(3)'],
    ['ts', 'const s: string = "out"; console.log(s); console.error("err"); process.exit(3)'],
    ['TypeScript', 'const s: string = "out"; console.log(s); console.error("err"); process.exit(3)'],
    ['bash', 'echo out; echo err >&2; exit 3'],
    ['sh', 'echo out; echo err >&2; exit 3'],
  ])('is 200 when %s exits with a status of its own', async (lang, code) => {
    const { status, body } = await ann.run(lang, code);
    expect(status).toBe(200);
    expect(body).toMatchObject({ stdout: 'out\n', stderr: 'err\n', code: 3, signal: null, status: null });
  });

  test('keeps the traceback', async () => {
    const { body } = await ann.run('py', 'def f():\n    raise KeyError("k")\nf()');
    expect(body.code).toBe(1);
    expect(body.stderr).toMatch(/Traceback[\s\S]*main\.py[\s\S]*KeyError: 'k'/);
  });

  test('says that the time was over, and keeps what was printed', async () => {
    const { status, body } = await ann.run('py', 'print("first", flush=True)\nwhile True: pass', { timeout: 2000 });
    expect(status).toBe(200);
    expect(body).toMatchObject({ stdout: 'first\n', status: 'TO', code: null, signal: 'SIGKILL' });
    expect(body.stderr).toMatch(/\n\[sandbox\] Time limit exceeded\n$/);
  });

  test('says that memory ran out', async () => {
    const { status, body } = await ann.run('py', 'x = []\nwhile True: x.append(bytearray(10_000_000))');
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'SG', message: 'Out of memory' });
    expect(body.stderr).toMatch(/\n\[sandbox\] Out of memory\n$/);
  });

  test('says that there was too much output', async () => {
    const flood = await ann.run('py', 'while True: print("x" * 10000)');
    expect(flood.body).toMatchObject({ status: 'OL', message: 'stdout length exceeded' });
    expect(flood.body.stderr).toMatch(/\n\[sandbox\] stdout length exceeded\n$/);
    const long = await ann.run('py', 'print("x" * 200_000)');
    expect(long.body).toMatchObject({ status: 'OL', code: 0 });
    const loud = await ann.run('py', 'import sys; sys.stderr.write("x" * 200_000); print("done")');
    expect(loud.body).toMatchObject({ status: null, code: 0, stdout: 'done\n' });
    expect(loud.body.stderr).toMatch(/\n\[sandbox\] stderr truncated at \d+ bytes\n$/);
  });

  test('carries 64 KiB of output whole', async () => {
    const { body } = await ann.run('py', 'print("x" * 65_535)');
    expect(body).toMatchObject({ status: null, stderr: '' });
    expect(body.stdout).toHaveLength(65_536);
  });

  test('gives arguments, and Unicode both ways', async () => {
    const { body } = await ann.run('py', 'import sys; print(sys.argv[1:], "ü漢🎉")', { args: ['a b', 'é', ''] });
    expect(body.stdout).toBe("['a b', 'é', ''] ü漢🎉\n");
  });

  test('ignores keys it does not know, and never logs what was sent', async () => {
    const { status } = await ann.run('py', 'print("code-canary-1")', {
      apiKey: 'body-canary-2',
      LIBRECHAT_CODE_API_KEY: 'body-canary-2',
      user_id: 'u',
      session_id: 'anything at all',
      runtime_session_hint: '/ not valid /',
      codeSessionKey: {},
    });
    expect(status).toBe(200);
    expect(server.output()).not.toMatch(/canary|secret-000/);
  });

  test('shows a world of /mnt/data, python3, cat and jq, without a network', async () => {
    const { body } = await ann.run('bash', 'pwd; echo $HOME; which python3 cat jq | wc -l; touch /tmp/x && echo tmp');
    expect(body.stdout).toBe('/mnt/data\n/mnt/data\n3\ntmp\n');
    const net = await ann.run('py', 'import socket\nsocket.create_connection(("192.0.2.1", 80), 2)');
    expect(net.body.code).toBe(1);
    expect((await ann.run('bash', 'ls /tmp /mnt/data | grep x; true')).body.stdout).not.toContain('x\n');
  });

  test.each([
    ['py', 'import os\nprint(os.environ["PWD"], os.getcwd())'],
    ['js', 'console.log(process.env.PWD, process.cwd())'],
    ['bash', 'echo "$PWD" "$(env | grep ^PWD= | cut -d= -f2)"'],
  ])('%s says where it is', async (lang, code) => {
    expect((await ann.run(lang, code)).body.stdout).toBe('/mnt/data /mnt/data\n');
  });

  test.each(['py', 'js', 'ts', 'bash'])('%s does not report its own source', async (lang) => {
    const { body } = await ann.run(lang, lang === 'py' ? 'print(1)' : lang === 'bash' ? 'true' : 'console.log(1)');
    expect(body.files).toEqual([]);
  });
});

describe('refusals of a run', () => {
  const ref = { id: newId(), storage_session_id: newId(), name: 'a', kind: 'user', resource_id: 'u' };
  test.each<[string, object]>([
    ['no lang', { code: '1' }],
    ['no code', { lang: 'py' }],
    ['an unknown language', { lang: 'cobol', code: '1' }],
    ['a language that is an inherited property', { lang: 'constructor', code: '1' }],
    ['args that are no strings', { lang: 'py', code: '1', args: [1] }],
    ['NUL in the code', { lang: 'py', code: 'print(1)\0' }],
    ['NUL in an argument', { lang: 'py', code: '1', args: ['a\0b'] }],
    ['too many arguments', { lang: 'py', code: '1', args: Array(10_001).fill('') }],
    ['too long arguments', { lang: 'py', code: '1', args: Array(3).fill('x'.repeat(50_000)) }],
    ['files that are no list', { lang: 'py', code: '1', files: {} }],
    ['a malformed id', { lang: 'py', code: '1', files: [{ ...ref, id: 'x' }] }],
    ['an unknown kind', { lang: 'py', code: '1', files: [{ ...ref, kind: 'root' }] }],
    [
      'too many files',
      { lang: 'py', code: '1', files: Array.from({ length: 257 }, (_, i) => ({ ...ref, name: `${i}` })) },
    ],
    ['a file as a directory', { lang: 'py', code: '1', files: [ref, { ...ref, id: newId(), name: 'a/b' }] }],
    ...['/etc/passwd', '../x', 'a/../b', 'a//b', './a', '', 'a\\b', 'a\nb', 'x'.repeat(257), `${'a/'.repeat(10)}b`].map(
      (name): [string, object] => [
        `the name ${JSON.stringify(name).slice(0, 20)}`,
        { lang: 'py', code: '1', files: [{ ...ref, name }] },
      ],
    ),
  ])('%s is 400, for good', async (_, body) => {
    const answer = await ann.exec(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.any(String) });
  });

  test('malformed JSON is 400, a body beyond the limit 413', async () => {
    const json = { 'content-type': 'application/json' };
    expect((await ann.request('/exec', { method: 'POST', body: '{"lang"', headers: json })).status).toBe(400);
    const big = await ann.run('py', '#'.repeat(1024 * 1024));
    expect(big.status).toBe(413);
    expect(big.body).toEqual({ error: expect.any(String) });
  });

  test('a file that is unknown, or another key’s, stops the whole call', async () => {
    const theirs = await bob.attach('secret.csv', 'bob only');
    for (const file of [ref, { ...theirs, name: 'b.csv' }]) {
      const { status, body } = await ann.run('bash', 'cat *', { files: [file] });
      expect(status).toBe(403);
      expect(body).toEqual({ error: 'Unauthorized file reference' });
    }
  });

  test('both profiles are served, another is refused', async () => {
    for (const [profile, status] of [
      ['stateful', 200],
      ['default', 200],
      ['other', 400],
    ] as const) {
      const answer = await ann.exec({ lang: 'bash', code: 'true' }, { 'x-codeapi-expected-profile': profile });
      expect(answer.status).toBe(status);
    }
  });
});

test('a run ends when its client goes away', async () => {
  const gone = new AbortController();
  const input = await ann.attach('in.csv', 'a');
  const code = 'import time\nwhile True: time.sleep(0.05)';
  const { url } = server;
  const running = async () => {
    const headers = { authorization: 'Bearer ann-secret-0001' };
    const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
    return Number(/executions_running (\d+)/.exec(metrics)?.[1]);
  };
  const pending = ann
    .request('/exec', {
      method: 'POST',
      body: JSON.stringify({ lang: 'py', code, files: [input] }),
      headers: { 'content-type': 'application/json' },
      signal: gone.signal,
    })
    .catch((error: Error) => error.name);
  await vi.waitFor(async () => expect(await running()).toBe(1), { timeout: 20_000 });
  gone.abort();
  expect(await pending).toBe('AbortError');
  await vi.waitFor(async () => expect(await running()).toBe(0), { timeout: 20_000 });
});
