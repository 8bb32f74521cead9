import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The terminal of a session over a WebSocket, on a real server with real sandboxes. */

const keys = { ann: 'ann-key-0123456789', bob: 'bob-key-0123456789' };
const patience = { timeout: 20_000, interval: 50 };

let server: TestServer;
let api: NativeClient;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_API_KEYS: `ann:${keys.ann},bob:${keys.bob}` },
  });
  api = nativeClient({ ...server, key: keys.ann });
});
afterAll(() => server?.stop());

function open(session: string, query = '', headers: Record<string, string> = { 'x-api-key': keys.ann }) {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/v1/sessions/${session}/terminal${query}`, { headers });
  ws.on('error', () => {});
  onTestFinished(() => ws.terminate());
  let shown = '';
  const frames: Record<string, unknown>[] = [];
  ws.on('message', (data, isBinary) => {
    if (isBinary) shown += data;
    else frames.push(JSON.parse(String(data)));
  });
  const refused = new Promise<{ status: number; body: { error: string }; retryAfter: string | undefined }>((resolve) =>
    ws.once('unexpected-response', async (_, response) => {
      const text = (await response.toArray()).join('');
      resolve({
        status: response.statusCode!,
        body: JSON.parse(text),
        retryAfter: response.headers['retry-after'],
      });
    }),
  );
  const opened = new Promise<void>((resolve) => ws.once('open', resolve));
  const closed = new Promise<number>((resolve) => ws.once('close', resolve));
  const shows = (text: string | RegExp) => expect.poll(() => shown, patience).toMatch(text);
  return { ws, frames, opened, closed, refused, shows, shown: () => shown };
}

const running = async (session: string) =>
  (await api.json<{ data: { state: string }[] }>('GET', `/sessions/${session}/commands`)).data.filter(
    ({ state }) => state === 'running',
  ).length;

describe('a terminal', () => {
  it('is Bash in the sandbox, takes bytes, another size and Ctrl-C, and says how it ended', async () => {
    const session = await api.session();
    const terminal = open(session, '?cols=91&rows=31');
    await terminal.opened;
    await terminal.shows(/[$#] $/);
    terminal.ws.send(Buffer.from('echo "$((6*7)) $BASH_VERSION"; stty size\n'));
    await terminal.shows(/42 \d+\.\d+[\s\S]*31 91/);
    terminal.ws.send('{"cols":100,"rows":40}');
    await expect
      .poll(() => {
        terminal.ws.send(Buffer.from('stty size\n'));
        return terminal.shown();
      }, patience)
      .toContain('40 100');
    terminal.ws.send(Buffer.from('echo begun$((1+1)); sleep 1000\n'));
    await terminal.shows('begun2');
    terminal.ws.send(Buffer.from('\x03'));
    // What is typed while Bash takes the signal may be lost.
    await expect
      .poll(() => {
        terminal.ws.send(Buffer.from('echo after$((1+1))\n'));
        return terminal.shown();
      }, patience)
      .toContain('after2');
    terminal.ws.send(Buffer.from('echo kept > kept.txt; exit 3\n'));
    expect(await terminal.closed).toBe(1000);
    expect(terminal.frames).toEqual([{ exit: 3, reason: 'exited', signal: null }]);
    expect((await api.cell(session, 'print(open("kept.txt").read())')).stdout).toBe('kept\n\n');
  });

  it('runs one line where one is given', async () => {
    const terminal = open(await api.session(), `?command=${encodeURIComponent('tty && printf "a b" && false')}`);
    expect(await terminal.closed).toBe(1000);
    expect(terminal.shown()).toMatch(/\/dev\/pts\/\d+\s+a b$/);
    expect(terminal.frames).toEqual([{ exit: 1, reason: 'exited', signal: null }]);
  });

  it('tells what it does not take, and goes on', async () => {
    const terminal = open(await api.session());
    await terminal.opened;
    const wrong = ['{', '{"cols":0,"rows":1}', '{"cols":1e9,"rows":1}', '[]', 'x'.repeat(500)];
    for (const text of wrong) terminal.ws.send(text);
    await expect.poll(() => terminal.frames.length, patience).toBe(wrong.length);
    for (const frame of terminal.frames) expect(frame).toEqual({ error: expect.any(String) });
    terminal.ws.send(Buffer.from('echo $((6*7))\n'));
    await terminal.shows('42');
  });

  it('sends all of a flood to a client that reads slowly', async () => {
    const terminal = open(await api.session(), '?command=seq%201000000');
    await terminal.opened;
    terminal.ws.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    terminal.ws.resume();
    expect(await terminal.closed).toBe(1000);
    expect(terminal.frames).toEqual([{ exit: 0, reason: 'exited', signal: null }]);
    expect(terminal.shown().length).toBe(6_888_896 + 1_000_000);
  });

  it('ends with its connection, and with what was started in it', async () => {
    const session = await api.session();
    const terminal = open(session);
    await terminal.opened;
    terminal.ws.send(Buffer.from('trap "" HUP; sleep 1000 & sleep 1001\n'));
    await terminal.shows('sleep 1001');
    expect(await running(session)).toBe(1);
    terminal.ws.terminate();
    await expect.poll(() => running(session), patience).toBe(0);
  });

  it('is refused before the upgrade: without a key, to another key, for a wrong size, beyond what a session may run', async () => {
    const session = await api.session();
    expect(await open(session, '', {}).refused).toMatchObject({ status: 401, body: { error: expect.any(String) } });
    expect((await open(session, '', { 'x-api-key': 'wrong' }).refused).status).toBe(401);
    const ofBob = await open(session, '', { 'x-api-key': keys.bob }).refused;
    expect(ofBob).toMatchObject({ status: 404, body: { error: expect.any(String) } });
    expect((await open('x'.repeat(21)).refused).status).toBe(404);
    for (const query of ['?cols=0', '?rows=1001', '?cols=many', '?command='])
      expect((await open(session, query).refused).status).toBe(400);
    expect((await api.send('GET', `/sessions/${session}/terminal`)).status).toBe(400);
    const opened = Array.from({ length: 16 }, () => open(session));
    await Promise.all(opened.map((terminal) => terminal.opened));
    const beyond = await open(session).refused;
    expect(beyond).toMatchObject({ status: 429, retryAfter: '10' });
    for (const { ws } of opened) ws.terminate();
    await expect.poll(() => running(session), patience).toBe(0);
  });
});
