import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { idPattern, type LibreChatClient, startForLibreChat } from '../support/librechat.ts';
import type { TestServer } from '../support/server.ts';

/** LibreChat's uploads as seen from outside: raw requests to a real server. */
let server: TestServer;
let ann: LibreChatClient;
beforeAll(async () => {
  ({ server, ann } = await startForLibreChat());
});
afterAll(() => server?.stop());

describe('uploads', () => {
  test('keep names, sizes and order', async () => {
    const names = ['a/b/données 漢.csv', 'pkg/__init__.py', '.hidden', "it's (1).txt"];
    const { status, body } = await ann.upload(
      names.map((name) => ({ name, content: name.startsWith('pkg') ? '' : name })),
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({ message: 'success', session_id: body.storage_session_id });
    expect(body.session_id).toMatch(idPattern);
    expect(body.files.map(({ filename }) => filename)).toEqual(names);
    const { bytes } = await ann.download(body.session_id, body.files[1]!.fileId);
    expect(bytes).toHaveLength(0);
  });

  test.each<[string, number, readonly { name: string; content: string }[], Record<string, string>]>([
    ['no file', 400, [], { kind: 'user' }],
    ['a bad kind', 400, [{ name: 'a', content: '' }], { kind: 'root' }],
    ['a skill without version', 400, [{ name: 'a', content: '' }], { kind: 'skill', id: 's' }],
    ['a version without skill', 400, [{ name: 'a', content: '' }], { kind: 'user', version: '1' }],
    ['an absolute name', 400, [{ name: '/etc/x', content: '' }], {}],
    ['a climbing name', 400, [{ name: '../x', content: '' }], {}],
    ['a backslash', 400, [{ name: 'a\\b', content: '' }], {}],
    ['too big a file', 413, [{ name: 'a', content: 'x'.repeat(1024 * 1024 + 1) }], {}],
  ])('%s is %i', async (_, status, files, fields) => {
    const answer = await ann.upload(files, fields);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ error: expect.any(String) });
  });

  test('that are no form are 400', async () => {
    for (const path of ['/upload', '/upload/batch']) {
      const json = { 'content-type': 'application/json' };
      expect((await ann.request(path, { method: 'POST', body: '{}', headers: json })).status).toBe(400);
      const bare = { 'content-type': 'multipart/form-data' };
      expect((await ann.request(path, { method: 'POST', body: 'x', headers: bare })).status).toBe(400);
    }
  });

  test('in a batch are answered for one by one', async () => {
    const fields = { kind: 'skill', id: 's', version: '1', read_only: 'true' };
    const all = await ann.upload(
      ['s/SKILL.md', 's/lib/a.py', 's/__init__.py'].map((name) => ({ name, content: '' })),
      fields,
      '/upload/batch',
    );
    expect(all).toMatchObject({ status: 200, body: { message: 'success', succeeded: 3, failed: 0 } });
    expect(all.body.files.map(({ filename }) => filename)).toEqual(['s/SKILL.md', 's/lib/a.py', 's/__init__.py']);

    const some = await ann.upload(
      [
        { name: 'good', content: 'g' },
        { name: '../bad', content: 'b' },
        { name: 'big', content: 'x'.repeat(1024 * 1024 + 1) },
      ],
      fields,
      '/upload/batch',
    );
    expect(some).toMatchObject({
      status: 200,
      body: {
        message: 'partial_success',
        files: [
          { status: 'success', filename: 'good' },
          { status: 'error', filename: '../bad', error: expect.any(String) },
          { status: 'error', filename: 'big', error: 'File size limit exceeded' },
        ],
        succeeded: 1,
        failed: 2,
      },
    });

    const none = await ann.upload([{ name: '../bad', content: 'b' }], fields, '/upload/batch');
    expect(none).toMatchObject({ status: 400, body: { message: 'error', succeeded: 0, failed: 1 } });
    expect(await ann.upload([], fields, '/upload/batch')).toMatchObject({
      status: 400,
      body: { error: 'No files provided' },
    });
    const bad = await ann.upload([{ name: 'a', content: '' }], { kind: 'skill', id: 's' }, '/upload/batch');
    expect(bad).toMatchObject({ status: 400, body: { files: [{ status: 'error', filename: 'a' }] } });
  });

  test('beyond the number that may come are left out of a batch, and refuse an upload', async () => {
    const files = Array.from({ length: 7 }, (_, i) => ({ name: `${i}.txt`, content: `${i}` }));
    expect(await ann.upload(files, {}, '/upload/batch')).toMatchObject({
      status: 200,
      body: { message: 'partial_success', succeeded: 5, filesLimitReached: true, maxFiles: 5 },
    });
    expect((await ann.upload(files)).status).toBe(413);
  });

  test('that stall are answered with 504', async () => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    await once(socket, 'connect');
    const type = 'Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 10000';
    const part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf of it';
    socket.write(`POST /v1/upload HTTP/1.1\r\nHost: x\r\nX-API-Key: ann-secret-0001\r\n${type}\r\n\r\n${part}`);
    let answer = '';
    for await (const chunk of socket.setEncoding('utf8')) answer += chunk;
    expect(answer).toMatch(/^HTTP\/1.1 504 [\s\S]*\{"error":"[^"]+"\}$/);
  });
});
