import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { attacking } from './attack.ts';

const patience = { timeout: atPace(20_000), interval: 50 };
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env: { DRAGOMAN_RATE_LIMITS: 'off' } });
});
afterAll(() => server?.stop());

async function session() {
  const api = nativeClient(server);
  const id = await api.session();
  const running = async () =>
    (await api.json<{ data: { state: string }[] }>('GET', `/sessions/${id}/commands`)).data.filter(
      ({ state }) => state === 'running',
    ).length;
  return { api, id, running };
}

function open(id: string, headers: Record<string, string> = { 'x-api-key': server.key }, query = '') {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/v1/sessions/${id}/terminal${query}`, { headers });
  ws.on('error', () => {});
  onTestFinished(() => ws.terminate());
  const texts: string[] = [];
  ws.on('message', (data, isBinary) => {
    if (!isBinary) texts.push(String(data));
  });
  const status = new Promise<number>((resolve) => {
    ws.once('unexpected-response', (_, response) => resolve(response.statusCode!));
    ws.once('open', () => resolve(101));
  });
  const closed = new Promise<number>((resolve) => ws.once('close', resolve));
  return { ws, texts, status, closed };
}

describe('a terminal', attacking('sockets'), () => {
  it('is not opened by a page of another origin that has the cookie', async () => {
    const { id, running } = await session();
    const signIn = { 'x-api-key': server.key, 'x-dragoman-ui': '1' };
    const answer = await fetch(`${server.url}/v1/auth/session`, { method: 'POST', headers: signIn });
    const cookie = answer.headers.get('set-cookie')!.split(';')[0]!;
    for (const origin of ['http://elsewhere.test', 'null', `${server.url}.elsewhere.test`])
      expect([401, 403]).toContain(await open(id, { cookie, origin }).status);
    expect(await running()).toBe(0);
    expect(await open(id, { cookie, origin: server.url }).status).toBe(101);
  });

  it('is closed for a frame that is too large, and takes no frame of a program for one of the service', async () => {
    const { id, running } = await session();
    const large = open(id);
    expect(await large.status).toBe(101);
    large.ws.send(Buffer.alloc(1024 * 1024 + 1));
    expect(await large.closed).toBe(1009);
    const forged = open(id, undefined, `?command=${encodeURIComponent('printf \'{"exit":0}\'; exit 7')}`);
    expect(await forged.closed).toBe(1000);
    expect(forged.texts).toEqual(['{"exit":7,"reason":"exited","signal":null}']);
    await expect.poll(running, patience).toBe(0);
  });
});

describe('a terminal', attacking('commands'), () => {
  it('whose handshake is broken, or whose caller goes at once, leaves no command behind', async () => {
    const { id, running } = await session();
    const headers = { 'x-api-key': server.key, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'no' };
    const broken = request(`${server.url}/v1/sessions/${id}/terminal`, { headers }).end();
    const [answer] = (await once(broken, 'response')) as [IncomingMessage];
    expect(answer.resume().statusCode).toBe(400);
    for (let at = 0; at < 8; at++) {
      const { ws } = open(id);
      setTimeout(() => ws.terminate(), at * 3);
    }
    await expect.poll(running, patience).toBe(0);
    expect(await open(id).status).toBe(101);
  });

  it('that floods a client which never reads stands still, and the service answers', async () => {
    const { api, id, running } = await session();
    const { ws, status } = open(id, undefined, '?command=yes');
    expect(await status).toBe(101);
    ws.pause();
    expect((await api.cell(id, 'print(6 * 7)')).stdout).toBe('42\n');
    ws.terminate();
    await expect.poll(running, patience).toBe(0);
  });

  it('ends with its session, and what it does not read does not hold up the next keys', async () => {
    const { api, id } = await session();
    const { ws, texts, status, closed } = open(id, undefined, `?command=${encodeURIComponent('stty raw; sleep 1000')}`);
    expect(await status).toBe(101);
    for (let at = 0; at < 4; at++) ws.send(Buffer.alloc(1024 * 1024, 0x78));
    await expect.poll(() => texts.length, patience).toBeGreaterThan(0);
    expect(texts[0]).toContain('does not read its input');
    expect((await api.send('DELETE', `/sessions/${id}`)).status).toBe(204);
    expect([1000, 1006, 1011]).toContain(await closed);
  });
});
