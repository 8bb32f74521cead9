import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { exec } from '../support/client.ts';
import { rawConnection } from '../support/http.ts';
import { LibreChatClient } from '../support/librechat.ts';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace, testTier } from '../support/tier.ts';
import { attacking } from './attack.ts';

describe('requests', attacking('requests'), () => {
  let server: TestServer;
  beforeAll(async () => {
    // One place: if a program leaks it, the next one cannot run.
    const env = { DRAGOMAN_CONCURRENCY: '1', DRAGOMAN_BODY_TIMEOUT_MS: '1000', DRAGOMAN_UPLOAD_TIMEOUT_MS: '1000' };
    server = await startServer({ env: { ...env, DRAGOMAN_RATE_LIMITS: 'exec=10000/30s,upload=1000/1m' } });
  });
  afterAll(() => server.stop());

  const head = (path: string, length: number, type = 'application/json') =>
    `POST ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;
  const works = async () => {
    const signal = AbortSignal.timeout(atPace(40_000));
    expect(await exec(server, { lang: 'py', code: 'print(6 * 7)' }, { signal })).toMatchObject({ stdout: '42\n' });
  };

  it.each([
    ['nothing', ''],
    ['no JSON', '{"lang": "py", "code": '],
    ['no object', '[]'],
    ['binary', '\0\x01\x02\xff'],
    ['numbers for words', '{"lang": 1, "code": 2}'],
    ['no such language', '{"lang": "cobol", "code": "1"}'],
    ['a language that is a path', '{"lang": "../../etc", "code": "1"}'],
    ['a language that every object has', '{"lang": "constructor", "code": "1"}'],
    ['depth without end', `{"lang": "py", "code": "1", "args": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
    ['arguments without end', JSON.stringify({ lang: 'py', code: '1', args: Array(20_000).fill('x') })],
    ['a zero byte in an argument', JSON.stringify({ lang: 'py', code: '1', args: ['a\0b'] })],
    ['an endless program', JSON.stringify({ lang: 'py', code: 'x'.repeat(9 << 20) })],
    ['a prototype', '{"lang": "py", "__proto__": {"code": "1"}}'],
    ['files that are none', '{"lang": "py", "code": "1", "files": [1, null, {"id": {}}]}'],
  ])('that are malformed are told so: %s', async (_, body) => {
    const headers = { 'content-type': 'application/json', 'x-api-key': server.key };
    const response = await fetch(`${server.url}/v1/exec`, { method: 'POST', headers, body });
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(response.status).toBeLessThan(500);
    expect(await response.json()).toHaveProperty('error');
    await works();
  });

  it.each([
    '/v1/download/../../../../../../etc/passwd',
    '/v1/download/..%2f..%2f..%2fetc/passwd',
    '/v1/download/%2e%2e/dragoman.db',
    '/v1/download/..%5c..%5c/dragoman.db',
    '/v1/download/%00/%00',
    '/v1/files/..%2f..%2fdragoman.db?detail=full',
    '/v1/sessions/..%2f/objects/..%2f..%2fapi-key',
  ])('whose path climbs reach no file: %s', async (path) => {
    // As it is: fetch would tidy it up.
    const { socket, closed } = rawConnection(server.url);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nx-api-key: ${server.key}\r\nconnection: close\r\n\r\n`);
    const answer = await closed;
    expect(answer).toMatch(/^HTTP\/1.1 4\d\d /);
    expect(answer).not.toMatch(/root:|SQLite|dgm_/);
  });

  it.each([
    '../../climbed',
    '/tmp/climbed',
    'a/../../climbed',
    'a\0b',
    '..',
    '.',
    'a\\..\\..\\climbed',
    '\n',
    'x'.repeat(300),
  ])('whose file name climbs write no file: %j', async (name) => {
    const client = new LibreChatClient(`${server.url}/v1`, server.key);
    const stored = await client.upload([{ name: 'honest.txt', content: 'honest' }], { kind: 'user', id: 'u' });
    const { fileId: id } = stored.body.files[0]!;
    const file = { id, name, storage_session_id: stored.body.storage_session_id, kind: 'user', resource_id: 'u' };
    const script = 'find / -xdev -name "*climbed*" 2>/dev/null; find /mnt/data /tmp -type f | wc -l';
    const { status, body } = await client.run('bash', script, { files: [file] });
    // A backslash is no separator here: the file is one with a strange name, in its place.
    if (status === 200)
      expect(body.stdout.split('\n').every((line) => /^(\/mnt\/data\/\S*|\d+|)$/.test(line))).toBe(true);
    else expect(status).toBe(400);
    expect(readdirSync(server.dataDir).filter((entry) => entry.includes('climbed'))).toEqual([]);
  });

  it('that come slowly are cut off', async () => {
    const uploads = [
      ['/v1/exec', 'application/json', '{'],
      [
        '/v1/upload',
        'multipart/form-data; boundary=b',
        '--b\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n',
      ],
    ] as const;
    for (const [path, type, first] of uploads) {
      const { socket, closed } = rawConnection(server.url);
      socket.write(head(path, 1e6, type) + first);
      const trickle = setInterval(() => socket.write('x'), 100);
      expect(await closed.finally(() => clearInterval(trickle))).toMatch(/^(HTTP\/1.1 (408|504) |$)/);
    }
    await works();
  });

  it('that are left at any stage leave nothing occupied', { timeout: atPace(60_000) }, async () => {
    const body = JSON.stringify({ lang: 'py', code: 'import time\nopen("f", "w").write("x" * 1000)\ntime.sleep(0.4)' });
    const whole = head('/v1/exec', body.length) + body;
    const cut = [10, 60, whole.length - body.length, whole.length - 10, whole.length];
    for (const length of cut) {
      for (const after of [0, 30, 300, 600]) {
        const { socket } = rawConnection(server.url);
        socket.write(whole.slice(0, length));
        await new Promise((resolve) => setTimeout(resolve, after));
        // With a reset, as a machine that is switched off.
        socket.resetAndDestroy();
      }
    }
    await works();
  });
});

describe('restarts of a session that is being removed', attacking('requests'), () => {
  it('are answered that it is there, busy or gone, and are no fault of the service', {
    timeout: atPace(120_000),
  }, async () => {
    const server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
    onTestFinished(() => server.stop());
    const native = nativeClient(server);
    const seen = new Set<string>();
    const send = async (method: string, path: string) => {
      const { status } = await native.send(method, path);
      seen.add(`${method} ${status}`);
    };
    for (let round = 0; round < 8; round++) {
      const id = await native.session();
      await native.cell(id, 'x = 1');
      const restarts = [0, 1].map(() => send('POST', `/sessions/${id}/restart`));
      // Later in each round, so that it comes at every stage of a restart.
      await new Promise((resolve) => setTimeout(resolve, 2 * (round % 4)));
      await Promise.all([...restarts, send('DELETE', `/sessions/${id}`)]);
    }
    const allowed = ['POST 200', 'POST 404', 'POST 409', 'DELETE 204'];
    expect([...seen].filter((each) => !allowed.includes(each))).toEqual([]);
    expect(server.output()).not.toMatch(/"level":(?:50|60|"error")/);
  });
});

describe('principals', attacking('tenants'), () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { DRAGOMAN_API_KEYS: 'ann:secret-of-ann,bob:secret-of-bob' } });
  });
  afterAll(() => server.stop());

  it('see, use and delete no file of another', async () => {
    const [ann, bob] = ['ann', 'bob'].map((name) => new LibreChatClient(`${server.url}/v1`, `secret-of-${name}`));
    const { body } = await ann!.run('bash', 'echo private > private.txt');
    const [file] = body.files;
    const ref = { ...file, kind: 'user', resource_id: 'ann' };
    const at = `${body.session_id}/${file!.id}`;
    expect((await bob!.get(`/download/${at}?kind=user&id=ann`)).status).toBe(404);
    expect((await bob!.get(`/files/${body.session_id}?detail=full&kind=user&id=ann`)).status).toBe(404);
    expect((await bob!.run('bash', 'cat private.txt', { files: [ref] })).status).toBe(403);
    expect((await bob!.request(`/files/${at}?kind=user&id=ann`, { method: 'DELETE' })).status).toBe(404);
    expect((await ann!.get(`/download/${at}?kind=user&id=ann`)).body).toBe('private\n');
  });

  it('share no session, however it is named', async () => {
    const [ann, bob] = ['ann', 'bob'].map((name) => new LibreChatClient(`${server.url}/v1`, `secret-of-${name}`));
    const stateful = { 'x-codeapi-expected-profile': 'stateful' };
    const cell = (client: LibreChatClient, code: string) =>
      client.exec({ lang: 'py', code, runtime_session_hint: 'the-same' }, stateful);
    await cell(ann!, 'secret = 1\nopen("private.txt", "w").write("private")');
    const seen = await cell(bob!, 'import os\nprint("secret" in dir(), os.listdir())');
    expect(seen.body).toMatchObject({ stdout: 'False []\n', runtime_status: 'new' });
    expect((await cell(ann!, 'print(secret)')).body).toMatchObject({ stdout: '1\n', runtime_status: 'reused' });
  });
});

it(
  'credentials and bodies are in no log, and no credential is on the disk as it is',
  attacking('credentials'),
  async () => {
    const mark = 'mark-4fbe1c';
    const server = await startServer({ env: { DRAGOMAN_LOG_LEVEL: 'debug', DRAGOMAN_LOG_FORMAT: 'json' } });
    try {
      const client = new LibreChatClient(`${server.url}/v1`, server.key);
      await client.run('py', `print("${mark}")  # ${mark}`, { args: [mark], stdin: mark });
      await client.upload([{ name: `${mark}.txt`, content: mark }], { kind: 'user', id: mark });
      await new LibreChatClient(`${server.url}/v1`, `${mark}-wrong-key`).run('py', mark);
      await fetch(`${server.url}/v1/download/${mark}/${mark}?api_key=${mark}`);
      await fetch(`${server.url}/${mark}?key=${mark}`, { headers: { authorization: `Bearer ${mark}` } });
      const [announced, ...log] = server.output().split('Try it:');
      expect(announced).not.toContain(mark);
      expect(log.join('')).not.toContain(mark);
      // The first start shows the key it has made, once and on the terminal.
      expect(server.output().split(server.key).length).toBe(2);
      // What tests share of a tier is behind links.
      const files = readdirSync(server.dataDir, { recursive: true, withFileTypes: true }).filter(
        (file) => file.isFile() && realpathSync(file.parentPath).startsWith(realpathSync(server.dataDir)),
      );
      const telling = files.filter((file) => readFileSync(join(file.parentPath, file.name)).includes(server.key));
      expect(telling.map(({ name }) => name)).toEqual(['api-key']);
    } finally {
      await server.stop();
    }
  },
);

describe('isolation that cannot be set up', attacking('refusal'), () => {
  const folder = () => {
    const made = mkdtempSync(join(tmpdir(), 'dragoman-refusal-'));
    chmodSync(made, 0o755);
    onTestFinished(() => rmSync(made, { recursive: true, force: true }));
    return made;
  };

  it('for want of a program that the tier needs ends the start', async () => {
    const path = folder();
    execFileSync('ln', ['-s', process.execPath, '/usr/bin/unshare', '/usr/bin/cat', path]);
    await expect(startServer({ env: { PATH: path } })).rejects.toThrow(
      testTier() === 'gvisor' ? /nsenter/ : /bwrap|bubblewrap/,
    );
  });

  it('for want of an image ends the start', async () => {
    await expect(startServer({ env: { DRAGOMAN_IMAGE: folder() } })).rejects.toThrow(/DRAGOMAN_IMAGE/);
  });
});
