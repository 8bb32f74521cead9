import { ContentsManager, Drive, KernelManager, ServerConnection, SessionManager } from '@jupyterlab/services';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

const settings = (path = '/jupyter/home') =>
  ServerConnection.makeSettings({
    baseUrl: `${server.url}${path}`,
    token: server.key,
    appendToken: true,
    WebSocket: WebSocket as never,
  });
const contents = () => new ContentsManager({ defaultDrive: new Drive({ serverSettings: settings() }) });

async function call(method: string, path: string, body?: unknown) {
  const headers = { authorization: `token ${server.key}`, 'content-type': 'text/plain;charset=UTF-8' };
  const text = body === undefined ? null : JSON.stringify(body);
  const response = await fetch(`${server.url}/jupyter${path}`, { method, headers, body: text });
  const said = await response.text();
  return { status: response.status, headers: response.headers, text: said };
}

describe('the contents of a home', () => {
  it('are made, saved, renamed, copied, kept as they were, and removed by JupyterLab’s library', async () => {
    const manager = contents();
    const notebook = await manager.newUntitled({ type: 'notebook' });
    expect(notebook).toMatchObject({ path: 'Untitled.ipynb', type: 'notebook', writable: true });
    const content = { cells: [], metadata: { own: 'é' }, nbformat: 4, nbformat_minor: 5 };
    await manager.save(notebook.path, { type: 'notebook', format: 'json', content });
    expect((await manager.get(notebook.path)).content).toEqual(content);
    const kept = await manager.createCheckpoint(notebook.path);
    await manager.save(notebook.path, { type: 'notebook', format: 'json', content: { ...content, metadata: {} } });
    await manager.restoreCheckpoint(notebook.path, kept.id);
    expect((await manager.get(notebook.path)).content).toEqual(content);
    expect(await manager.listCheckpoints(notebook.path)).toHaveLength(1);
    const folder = await manager.newUntitled({ type: 'directory' });
    expect((await manager.get(folder.path)).content).toEqual([]);
    await manager.rename(folder.path, 'wörk ä');
    await manager.copy(notebook.path, 'wörk ä');
    await manager.rename(notebook.path, 'wörk ä/own 1.ipynb');
    const listed = await manager.get('wörk ä');
    expect((listed.content as { name: string }[]).map(({ name }) => name).sort()).toEqual([
      'Untitled-Copy1.ipynb',
      'own 1.ipynb',
    ]);
    await expect(manager.rename('wörk ä/own 1.ipynb', 'wörk ä/Untitled-Copy1.ipynb')).rejects.toThrow(
      'There is something',
    );
    await expect(manager.delete('wörk ä')).rejects.toThrow('not empty');
    for (const { path } of listed.content as { path: string }[]) await manager.delete(path);
    await manager.delete('wörk ä');
    expect((await manager.get('')).content).toEqual([]);
    manager.dispose();
  });

  it('hold text and bytes, whole and in pieces, and give the bytes', async () => {
    const manager = contents();
    await manager.save('a.txt', { type: 'file', format: 'text', content: 'text ü' });
    expect(await manager.get('a.txt')).toMatchObject({ content: 'text ü', format: 'text', mimetype: 'text/plain' });
    const bytes = Buffer.from([0xff, 0, 1]);
    await manager.save('b.bin', { type: 'file', format: 'base64', content: bytes.toString('base64') });
    expect(await manager.get('b.bin')).toMatchObject({ content: bytes.toString('base64'), format: 'base64', size: 3 });
    for (const [chunk, content] of [
      [1, 'one '],
      [2, 'two '],
      [-1, 'three'],
    ] as const)
      await call('PUT', '/home/api/contents/c.txt', { type: 'file', format: 'text', content, chunk });
    expect((await manager.get('c.txt')).content).toBe('one two three');
    const got = await call('GET', '/home/files/a.txt');
    expect([got.text, got.headers.get('content-security-policy'), got.headers.get('content-disposition')]).toEqual([
      'text ü',
      'sandbox',
      null,
    ]);
    expect((await call('GET', '/home/files/a.txt?download=1')).headers.get('content-disposition')).toContain('a.txt');
    expect((await call('GET', '/home/api/contents/b.bin?format=text&type=file')).status).toBe(400);
    for (const name of ['a.txt', 'b.bin', 'c.txt']) await manager.delete(name);
    manager.dispose();
  });

  it.each(['../x', 'a/../../x', '%2e%2e/x', '..%2fx', 'a%00b', 'a\\b', `${'x/'.repeat(12)}x`, '.hidden%2f..%2fx'])(
    'refuse the path %s',
    async (path) => {
      for (const [method, body] of [
        ['PUT', { type: 'file', format: 'text', content: 'x' }],
        ['GET', undefined],
      ] as const) {
        const { status } = await call(method, `/home/api/contents/${path.replace('\\', '%5c')}`, body);
        expect([400, 404]).toContain(status);
      }
      const renamed = await call('PATCH', '/home/api/contents/none.txt', { path: decodeURIComponent(path) });
      expect([400, 404]).toContain(renamed.status);
    },
  );

  it('are shared by kernels from cell to cell, and by the contents API at once', async () => {
    const manager = contents();
    const kernels = new KernelManager({ serverSettings: settings() });
    const sessions = new SessionManager({ kernelManager: kernels, serverSettings: settings() });
    await sessions.ready;
    await manager.save('given.txt', { type: 'file', format: 'text', content: 'given' });
    const make = (path: string) =>
      sessions.startNew({ path, name: path, type: 'notebook', kernel: { name: 'python3' } });
    const [one, two] = [await make('one.ipynb'), await make('deep/er/two.ipynb')];
    const run = async ({ kernel }: typeof one, code: string) => {
      const future = kernel!.requestExecute({ code });
      let shown = '';
      future.onIOPub = ({ header, content }) => {
        if (header.msg_type === 'execute_result')
          shown = (content as { data: Record<string, string> }).data['text/plain']!;
      };
      const { content } = await future.done;
      return content.status === 'ok' ? shown : JSON.stringify(content);
    };
    expect(await run(one, 'open("given.txt").read()')).toBe("'given'");
    await run(one, 'open("made.txt", "w").write("made")');
    expect((await manager.get('made.txt')).content).toBe('made');
    expect(await run(two, 'import os; os.getcwd(), open("../../made.txt").read()')).toBe(
      "('/mnt/data/deep/er', 'made')",
    );
    await run(two, 'os.remove("../../given.txt"); open("own.txt", "w").write("2")');
    expect(await run(one, 'import os; os.path.exists("given.txt"), open("deep/er/own.txt").read()')).toBe(
      "(False, '2')",
    );
    await manager.save('made.txt', { type: 'file', format: 'text', content: 'changed' });
    expect(await run(one, 'open("made.txt").read()')).toBe("'changed'");
    await one.shutdown();
    await two.shutdown();
    expect((await manager.get('made.txt')).content).toBe('changed');
    for (const each of [sessions, kernels, manager]) each.dispose();
  });
});

it('notebooks that are too deep, and files that are none, are refused in words', async () => {
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
  const headers = { authorization: `token ${server.key}`, 'content-type': 'application/json' };
  const body = `{"type":"notebook","format":"json","content":{"cells":${deep},"padding":"${'x'.repeat(100_000)}"}}`;
  const url = `${server.url}/jupyter/home/api/contents/deep.ipynb`;
  const refused = await fetch(url, { method: 'PUT', headers, body });
  expect([refused.status, await refused.json()]).toEqual([400, { message: expect.any(String), reason: null }]);
  await call('PUT', '/home/api/contents/none.ipynb', { type: 'file', format: 'text', content: 'no JSON' });
  expect((await call('GET', '/home/api/contents/none.ipynb')).status).toBe(400);
  expect((await call('GET', '/home/api/contents/none.ipynb?type=file')).status).toBe(200);
  for (const content of [undefined, 5, null])
    expect((await call('PUT', '/home/api/contents/x.txt', { type: 'file', format: 'text', content })).status).toBe(400);
  expect((await call('PUT', '/home/api/contents/x.bin', { type: 'file', format: 'base64', content: '*' })).status).toBe(
    400,
  );
});

it('without a home the contents are an empty folder that cannot be written', async () => {
  expect(JSON.parse((await call('GET', '/api/contents')).text)).toMatchObject({
    type: 'directory',
    content: [],
    writable: false,
  });
  expect((await call('GET', '/api/contents/made.txt')).status).toBe(404);
  expect((await call('PUT', '/api/contents/x.txt', { type: 'file', format: 'text', content: '' })).status).toBe(403);
});
