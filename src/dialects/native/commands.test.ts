import { expect, it } from 'vitest';
import { keys, nativeServer } from '../../../test/support/native-server.ts';

const sse = { accept: 'text/event-stream' };

async function open() {
  const server = await nativeServer();
  const { json: session } = await server.call('POST', '/v1/sessions', {});
  return { ...server, id: session.id as string, base: `/v1/sessions/${session.id}` };
}

it('starts a command, tells what it says, and reads it again from an event on', async () => {
  const { call, base } = await open();
  const started = await call('POST', `${base}/commands`, { argv: ['echo', 'hello'], tag: 'greeting' });
  expect(started.status).toBe(201);
  expect(started.json).toMatchObject({ argv: ['echo', 'hello'], cwd: '/mnt/data', tag: 'greeting', pid: 2 });
  const at = started.headers.get('location')!;
  expect(at).toBe(`${base}/commands/${started.json.id}`);
  const { text } = await call('GET', at, undefined, sse);
  expect(text).toContain('event: stdout\nid: 1\ndata: {"text":"hello\\n"}\n\n');
  expect(text).toContain('event: ended\nid: 2\ndata: {"reason":"exited","exit_code":0,"signal":null}\n\n');
  expect(text).toMatch(/event: files\nid: 3\ndata: {"changed":\[\],"deleted":\[\]}\n\n$/);
  const rest = await call('GET', at, undefined, { ...sse, 'last-event-id': '1' });
  expect(rest.text).not.toContain('stdout');
  expect(rest.text).toContain('event: ended\nid: 2');
  expect((await call('GET', `${base}/commands`)).json.data).toHaveLength(1);
  expect((await call('GET', at)).json).toMatchObject({ state: 'ended', end: { exit_code: 0 } });
});

it('writes to a command, ends its input, signals it and forgets it', async () => {
  const { call, send, base } = await open();
  const body = { argv: ['cat'], stdin: true };
  const { json: command } = await call('POST', `${base}/commands`, body);
  const at = `${base}/commands/${command.pid}`;
  const bytes = { 'content-type': 'application/octet-stream' };
  expect((await send('POST', `${at}/stdin?close=true`, 'typed', bytes)).status).toBe(204);
  expect((await call('GET', at, undefined, sse)).text).toContain('"typed"');
  const { json: other } = await call('POST', `${base}/commands`, { command: 'sleep 1000' });
  expect(other.argv).toEqual(['/bin/bash', '-c', 'sleep 1000']);
  const signal = (name: string) => call('POST', `${base}/commands/${other.id}/signal`, { signal: name });
  expect((await signal('SIGNOT')).status).toBe(400);
  expect((await signal('SIGTERM')).json).toEqual({ signalled: true });
  expect((await signal('SIGTERM')).json).toEqual({ signalled: false });
  expect((await call('POST', `${base}/commands/${other.id}/terminal`, { columns: 9, rows: 9 })).status).toBe(409);
  expect((await call('DELETE', `${base}/commands/${other.id}`)).status).toBe(204);
  expect((await call('GET', `${base}/commands/${other.id}`)).status).toBe(404);
});

it('refuses what it cannot start, one command too many, and another’s session', async () => {
  const { call, base } = await open();
  const start = (body: object, key = keys.ann) => call('POST', `${base}/commands`, body, { 'x-api-key': key });
  expect((await start({})).status).toBe(400);
  expect((await start({ command: 'ls', argv: ['ls'] })).status).toBe(400);
  expect((await start({ argv: ['a\0b'] })).status).toBe(400);
  expect((await start({ argv: ['no-such-program'] })).status).toBe(400);
  expect((await start({ command: 'ls' }, keys.bob)).status).toBe(404);
  for (let i = 0; i < 16; i++) expect((await start({ command: 'wait' })).status).toBe(201);
  const refused = await start({ command: 'wait' });
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toBe('10');
});

it('reads, writes, lists, moves and removes files of the sandbox', async () => {
  const { call, send, base } = await open();
  const path = '?path=/tmp/a.txt';
  const bytes = { 'content-type': 'application/octet-stream' };
  expect(await (await send('PUT', `${base}/fs/content${path}`, 'abcdef', bytes)).json()).toMatchObject({ size: 6 });
  expect((await call('GET', `${base}/fs/entry${path}`)).json).toMatchObject({ path: '/tmp/a.txt', kind: 'file' });
  expect((await call('GET', `${base}/fs/content${path}`)).text).toBe('abcdef');
  const part = await call('GET', `${base}/fs/content${path}`, undefined, { range: 'bytes=2-3' });
  expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, 'cd', 'bytes 2-3/6']);
  expect((await call('POST', `${base}/fs/move`, { from: '/tmp/a.txt', to: '/tmp/b.txt' })).json.path).toBe(
    '/tmp/b.txt',
  );
  expect((await call('GET', `${base}/fs/list?path=/tmp`)).json.data).toHaveLength(1);
  expect((await call('DELETE', `${base}/fs/entry?path=/tmp/b.txt`)).status).toBe(204);
  expect((await call('GET', `${base}/fs/content?path=/tmp/b.txt`)).status).toBe(404);
  expect((await send('PUT', `${base}/fs/content${path}`, 'x'.repeat(1001), bytes)).status).toBe(413);
  for (const route of ['entry', 'list', 'content', 'changes'])
    expect((await call('GET', `${base}/fs/${route}${path}`, undefined, { 'x-api-key': keys.bob })).status).toBe(404);
});
