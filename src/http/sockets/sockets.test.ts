import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { apiKey, noRates, plansWith, rawConnection, type ServeOptions, serve } from '../../../test/support/http.ts';
import { DragomanError } from '../../core/index.ts';
import type { Dialect } from '../dialect.ts';
import type { SocketBounds } from './bounded-socket.ts';
import { addSocket } from './sockets.ts';

const withKey = { headers: { 'x-api-key': apiKey } };

/** Answers every message by itself, and knows what it was sent. */
function echo(bounds: Partial<SocketBounds> = {}) {
  const heard: string[] = [];
  const dialect: Dialect = {
    name: 'echo',
    tokenPrefix: '/echo',
    register(app) {
      app.get('/plain', async () => 'plain');
      addSocket(
        app,
        { url: '/echo/:id', rateClass: 'exec', isUndescribed: true },
        ({ params }) => {
          if ((params as { id: string }).id === 'gone') throw new DragomanError('not_found');
          return (socket) => ({
            message(data, isText) {
              heard.push(data.toString());
              if (data.toString() === 'fail') throw new Error('the inside story');
              if (data.toString().startsWith('send ')) socket.send(Buffer.alloc(Number(data.toString().slice(5))));
              else socket.send(isText ? data.toString() : data);
            },
            closed: () => void heard.push('closed'),
          });
        },
        { protocols: ['best', 'good'], bounds },
      );
    },
  };
  return { dialect, heard };
}

async function listening(options: ServeOptions & { readonly bounds?: Partial<SocketBounds> } = {}) {
  const { dialect, heard } = echo(options.bounds);
  const server = serve({ dialects: [dialect], ...options });
  const base = await server.listen();
  const open = (path: string, more: object = withKey, protocols: string[] = []) => {
    const ws = new WebSocket(`${base.replace('http', 'ws')}${path}`, protocols, more);
    ws.on('error', () => {});
    onTestFinished(() => ws.terminate());
    const refused = new Promise<number>((resolve) =>
      ws.once('unexpected-response', (_, { statusCode }) => resolve(statusCode!)),
    );
    const closed = new Promise<number>((resolve) => ws.once('close', (code) => resolve(code)));
    return { ws, refused, closed };
  };
  return { ...server, base, open, heard };
}

test('a WebSocket takes text and bytes, and the best protocol it was offered', async () => {
  const { open, heard } = await listening();
  const { ws, closed } = open('/v1/echo/1', withKey, ['other', 'good', 'best']);
  await once(ws, 'open');
  expect(ws.protocol).toBe('best');
  ws.send('text');
  const [text, isBinary] = await once(ws, 'message');
  expect([String(text), isBinary]).toEqual(['text', false]);
  ws.send(Buffer.from([1, 2]));
  const [bytes, areBinary] = await once(ws, 'message');
  expect([[...bytes], areBinary]).toEqual([[1, 2], true]);
  ws.close(1000);
  expect(await closed).toBe(1000);
  await vi.waitFor(() => expect(heard.at(-1)).toBe('closed'));
});

test('a WebSocket gets no protocol that it was not offered', async () => {
  const { open } = await listening();
  const { ws } = open('/echo/1');
  await once(ws, 'open');
  expect(ws.protocol).toBe('');
});

test.each([
  ['no key', '/echo/1', {}, 401],
  ['a wrong key', '/echo/1?token=wrong', {}, 401],
  ['what is not there', '/echo/gone', withKey, 404],
  ['an unknown address', '/nothing', withKey, 404],
  ['an address that is no WebSocket', '/plain', withKey, 400],
  ['two keys', `/echo/1?token=other`, withKey, 400],
])('refuses %s before the upgrade', async (_, path, more, status) => {
  const { open, heard } = await listening();
  expect(await open(path, more).refused).toBe(status);
  expect(heard).toEqual([]);
});

test('refuses what is over the rate, and a plain request', async () => {
  const plans = plansWith({ ...noRates, exec: { count: 1, periodMs: 60_000 } });
  const { open, app } = await listening({ plans });
  await once(open('/echo/1').ws, 'open');
  expect(await open('/echo/1').refused).toBe(429);
  const { statusCode } = await (await listening()).app.inject({ url: '/echo/1', ...withKey });
  expect(statusCode).toBe(400);
  void app;
});

test('takes a token of the address, and shows it in no log', async () => {
  const { open, log } = await listening();
  const { ws, closed } = open(`/echo/1?session_id=s&token=${apiKey}`, {});
  await once(ws, 'open');
  ws.close();
  await closed;
  await vi.waitFor(() => expect(log).toContainEqual(expect.objectContaining({ route: '/echo/:id', status: 101 })));
  expect(JSON.stringify(log)).not.toContain(apiKey);
});

test.each(['token', 'Token', 'Bearer'])('takes Authorization: %s', async (scheme) => {
  const { open } = await listening();
  const { ws } = open('/echo/1', { headers: { authorization: `${scheme} ${apiKey}` } });
  await once(ws, 'open');
});

test.each(['token', 'token ', 'token None', 'Bearer None'])(
  '"%s" beside a key in the path is no credential',
  async (authorization) => {
    const { open } = await listening();
    await once(open(`/k/${apiKey}/echo/1`, { headers: { authorization } }).ws, 'open');
    expect(await open('/echo/1', { headers: { authorization } }).refused).toBe(401);
  },
);

test('without credentials a page of another origin opens nothing', async () => {
  const { open, base } = await listening({ authentication: { mode: 'open' } });
  expect(await open('/echo/1', { headers: { origin: 'http://elsewhere.test' } }).refused).toBe(401);
  await once(open('/echo/1', { headers: { origin: base } }).ws, 'open');
});

test('a client that offers another protocol gets its usual answer', async () => {
  const { base } = await listening();
  const { socket, closed } = rawConnection(base);
  socket.write(
    `GET /plain HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\nconnection: Upgrade, close\r\nupgrade: h2c\r\n\r\n`,
  );
  expect(await closed).toMatch(/^HTTP\/1.1 200 .*plain$/s);
});

test('a message that is too large, or in too many pieces, ends its socket', async () => {
  const { open, heard } = await listening({ bounds: { maxMessageBytes: 1000 } });
  const large = open('/echo/1');
  await once(large.ws, 'open');
  large.ws.send('x'.repeat(1001));
  expect(await large.closed).toBe(1009);
  const pieces = open('/echo/1');
  await once(pieces.ws, 'open');
  for (let at = 0; at < 5000; at++) pieces.ws.send('', { fin: false });
  expect(await pieces.closed).toBe(1008);
  expect(heard.filter((each) => each !== 'closed')).toEqual([]);
});

test.each([
  ['no mask', Buffer.from([0x81, 0x01, 0x61]), 1002],
  ['a reserved bit', Buffer.from([0xf1, 0x80, 0, 0, 0, 0]), 1002],
  ['an unknown kind', Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
  ['text that is no UTF-8', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff]), 1007],
  ['a length beyond any', Buffer.from([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009],
])('a frame with %s ends its socket', async (_, frame, code) => {
  const { base, heard } = await listening();
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  const parts: Buffer[] = [];
  socket.on('data', (data) => parts.push(data));
  socket.write(
    `GET /echo/1 HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n\r\n`,
  );
  socket.write(frame);
  await once(socket, 'close');
  const said = Buffer.concat(parts);
  const goodbye = said.subarray(said.indexOf('\r\n\r\n') + 4);
  expect([goodbye[0], goodbye.readUInt16BE(2)]).toEqual([0x88, code]);
  expect(heard.filter((each) => each !== 'closed')).toEqual([]);
});

test('a peer that does not read is cut off', async () => {
  const { open } = await listening({ bounds: { maxUnsentBytes: 4_000_000 }, timeouts: { pingEveryMs: 50 } });
  const { ws, closed } = open('/echo/1');
  await once(ws, 'open');
  ws.pause();
  for (let at = 0; at < 40; at++) ws.send('send 1000000');
  setTimeout(() => ws.resume(), 500);
  expect(await closed).toBe(1006);
});

test('a peer that reads nothing of what waits for it is cut off in time', async () => {
  const { open } = await listening({ bounds: { unreadMs: 300 }, timeouts: { pingEveryMs: 50 } });
  const { ws, closed } = open('/echo/1');
  await once(ws, 'open');
  ws.pause();
  ws.send('send 20000000');
  setTimeout(() => ws.resume(), 1500);
  expect(await closed).toBe(1006);
});

test('a peer that answers no ping is cut off, and one that does stays', async () => {
  const { open, heard } = await listening({ bounds: { silentMs: 200 }, timeouts: { pingEveryMs: 50 } });
  const quiet = open('/echo/1', { ...withKey, autoPong: false });
  const well = open('/echo/1');
  await Promise.all([once(quiet.ws, 'open'), once(well.ws, 'open')]);
  expect(await quiet.closed).toBe(1006);
  well.ws.send('still there');
  await once(well.ws, 'message');
  expect(heard).toContain('still there');
});

test('a flood is read slowly, and all of it', async () => {
  const { open, heard } = await listening({ bounds: { burst: 10, perSecond: 200 } });
  const { ws } = open('/echo/1');
  await once(ws, 'open');
  const begun = performance.now();
  for (let at = 0; at < 110; at++) ws.send(`${at}`);
  await vi.waitFor(() => expect(heard).toHaveLength(110), 20_000);
  expect(performance.now() - begun).toBeGreaterThan(300);
  expect(heard).toEqual(Array.from({ length: 110 }, (_, at) => `${at}`));
});

test('one principal opens so many, and no more', async () => {
  const { open } = await listening();
  await Promise.all(Array.from({ length: 400 }, () => once(open('/echo/1').ws, 'open')));
  expect(await open('/echo/1').refused).toBe(429);
});

test('a fault of a handler ends its socket alone', async () => {
  const { open } = await listening();
  const [bad, good] = [open('/echo/1'), open('/echo/1')];
  await Promise.all([once(bad.ws, 'open'), once(good.ws, 'open')]);
  bad.ws.send('fail');
  expect(await bad.closed).toBe(1011);
  good.ws.send('fine');
  await once(good.ws, 'message');
});

test('the end of the server tells its peers to come back, and waits for none that stays', async () => {
  const { open, close } = await listening();
  const [well, deaf] = [open('/echo/1'), open('/echo/1')];
  await Promise.all([once(well.ws, 'open'), once(deaf.ws, 'open')]);
  deaf.ws.pause();
  const ended = close(10_000);
  expect(await well.closed).toBe(1012);
  await ended;
});

test('a key that is revoked ends its WebSockets', async () => {
  let isLive = true;
  const key = { id: 'k', name: 'made', plan: null, isAdmin: false };
  const { open } = await listening({
    authentication: { keys: [], findKey: async () => (isLive ? key : undefined), clock: () => performance.now() * 100 },
    timeouts: { pingEveryMs: 50 },
  });
  const { ws, closed } = open('/echo/1');
  await once(ws, 'open');
  ws.send('served');
  await once(ws, 'message');
  isLive = false;
  expect(await closed).toBe(1008);
});
