import { connect } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { apiKey, serve } from '../../test/support/http.ts';
import type { Dialect } from './dialect.ts';

const large = { text: 'x'.repeat(30_000_000), list: ['é'.repeat(100_000)] };
const dialect: Dialect = {
  name: 'large',
  register(app) {
    app.get('/large', async () => large);
    app.get('/small', async () => ({ a: 1 }));
  },
};
const keys = [
  { name: 'ann', secret: apiKey },
  { name: 'bob', secret: 'bob-key' },
];
const limits = { perPrincipal: 100_000_000, total: 150_000_000 };

/** Asks and does not read. */
function ask(base: string, path: string, key = apiKey) {
  const { hostname, port } = new URL(base);
  const socket = connect({ port: Number(port), host: hostname });
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nx-api-key: ${key}\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return socket;
}

const get = (base: string, path: string, key = apiKey) => fetch(base + path, { headers: { 'x-api-key': key } });

describe('a large answer', () => {
  test('is the JSON that it would be in one piece', async () => {
    const base = await serve({ dialects: [dialect] }).listen();
    const response = await get(base, '/large');
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(large);
  });

  test('that is not read counts for its caller until the connection ends', async () => {
    const base = await serve({ dialects: [dialect], authentication: { keys }, answerLimits: limits }).listen();
    const unread = [1, 2, 3].map(() => ask(base, '/large'));
    await vi.waitFor(async () => expect((await get(base, '/large')).status).toBe(429), 20_000);
    const refused = await get(base, '/large');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ error: 'rate_limited' });
    expect((await get(base, '/small')).status).toBe(200);
    expect(await (await get(base, '/large', 'bob-key')).json()).toEqual(large);
    for (const socket of unread) socket.destroy();
    await vi.waitFor(async () => expect((await get(base, '/large')).status).toBe(200), 20_000);
  });

  test('counts for all callers together', async () => {
    const base = await serve({ dialects: [dialect], authentication: { keys }, answerLimits: limits }).listen();
    for (let n = 0; n < 3; n++) ask(base, '/large');
    await vi.waitFor(async () => expect((await get(base, '/large')).status).toBe(429), 20_000);
    for (let n = 0; n < 2; n++) ask(base, '/large', 'bob-key');
    await vi.waitFor(async () => expect((await get(base, '/large', 'bob-key')).status).toBe(503), 20_000);
  });
});

describe('a slow reader', () => {
  test('is closed, although it reads a byte now and then', async () => {
    const timeouts = { unreadMs: 500, readBytesPerSecond: 100_000_000, checkEveryMs: 50 };
    const service = serve({ dialects: [dialect], timeouts });
    const socket = ask(await service.listen(), '/large');
    const trickle = setInterval(() => socket.read(20_000), 50);
    onTestFinished(() => clearInterval(trickle));
    // Its own side hears of that only when it has read what has come so far, which takes it long.
    const connections = () => promisify(service.app.server.getConnections).call(service.app.server);
    await vi.waitFor(async () => expect(await connections()).toBe(1), 20_000);
    await vi.waitFor(async () => expect(await connections()).toBe(0), 20_000);
  });

  test('of a quiet stream is left alone', async () => {
    const timeouts = { unreadMs: 400, readBytesPerSecond: 100_000_000, checkEveryMs: 20 };
    const base = await serve({ timeouts }).listen();
    expect(await (await get(base, '/wait/300')).text()).toBe('waited');
  });
});
