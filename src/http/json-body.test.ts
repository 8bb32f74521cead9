import { describe, expect, test, vi } from 'vitest';
import { apiKey, rawConnection, serve } from '../../test/support/http.ts';

const head = (length: number, key = apiKey) =>
  `POST /exec HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
const twoKeys = {
  keys: [
    { name: 'ann', secret: apiKey },
    { name: 'bob', secret: 'bob-key' },
  ],
};
const post = (base: string, body: string, key = apiKey) =>
  fetch(`${base}/exec`, { method: 'POST', headers: { 'x-api-key': key, 'content-type': 'application/json' }, body });

describe('time', () => {
  test('a body that trickles in is answered 408 and cut off long before an upload would be', async () => {
    const base = await serve({ bodyTimeoutMs: 200, uploadTimeoutMs: 60_000 }).listen();
    const { socket, closed } = rawConnection(base);
    socket.write(`${head(9000)}"`);
    const trickle = setInterval(() => socket.write('x'), 50);
    const answer = await closed.finally(() => clearInterval(trickle));
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('{"error":"body_timeout","message":"The request body took too long to arrive."}');
  });

  test('a program may run longer than its body may take', async () => {
    const base = await serve({ bodyTimeoutMs: 100 }).listen();
    const { socket, closed } = rawConnection(base);
    socket.write(`POST /wait HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\nconnection: close\r\n`);
    socket.write('content-type: application/json\r\ncontent-length: 10\r\n\r\n{"ms":300}');
    expect(await closed).toMatch(/waited$/);
  });
});

describe('a body that comes with its head', () => {
  test('is read at once, and the connection serves the next request', async () => {
    const base = await serve().listen();
    const { socket, closed } = rawConnection(base);
    const request = (more: string) =>
      `POST /wait HTTP/1.1\r\nhost: x\r\nx-api-key: ${apiKey}\r\n${more}content-type: application/json\r\ncontent-length: 8\r\n\r\n{"ms":1}`;
    socket.write(request('') + request('') + request('connection: close\r\n'));
    expect((await closed).match(/waited/g)).toHaveLength(3);
  });
});

describe('size', () => {
  test('a body over the limit is answered 413, whether it says its length or not', async () => {
    const base = await serve({ maxBodyBytes: 100_000 }).listen();
    const large = JSON.stringify('x'.repeat(30_000_000));
    expect((await post(base, large)).status).toBe(413);
    const chunked = await fetch(`${base}/exec`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect(await chunked.json()).toEqual({ error: 'too_large', message: 'The request body is too large.' });
  });

  test('a body that would take long to parse is refused', async () => {
    const base = await serve({ maxBodyBytes: 8_000_000 }).listen();
    expect((await post(base, '['.repeat(7_000_000))).status).toBe(400);
    expect((await post(base, `{"args":[${'1,'.repeat(3_000_000)}1]}`)).status).toBe(400);
    expect((await post(base, JSON.stringify({ code: '[{,'.repeat(1_000_000) }))).status).toBe(200);
  });
});

describe('memory', () => {
  /** Sends all of a body but its last byte. */
  const hold = (base: string, bytes: number, key: string) => {
    const connection = rawConnection(base);
    connection.socket.write(`${head(bytes, key)}"${'x'.repeat(bytes - 2)}`);
    return { ...connection, finish: () => connection.socket.write('"') };
  };
  const small = '"x"';

  test('one principal holds two of the largest bodies at most; another is not disturbed', async () => {
    const base = await serve({ maxBodyBytes: 100_000, authentication: twoKeys }).listen();
    const held = [hold(base, 99_999, apiKey), hold(base, 99_999, apiKey)];
    await vi.waitFor(async () => {
      const refused = await post(base, JSON.stringify('x'.repeat(5_000)));
      expect(refused.status).toBe(429);
      expect(refused.headers.get('retry-after')).toBe('1');
    }, 20_000);
    expect((await post(base, small, 'bob-key')).status).toBe(200);
    // One that is answered and one that goes away give back what they held.
    held[0]!.finish();
    held[1]!.socket.destroy();
    await vi.waitFor(
      async () => expect((await post(base, JSON.stringify('x'.repeat(90_000)))).status).toBe(200),
      20_000,
    );
  });

  test('all together hold eight of them', async () => {
    const keys = Array.from({ length: 5 }, (_, index) => ({ name: `k${index}`, secret: `key-${index}` }));
    const base = await serve({ maxBodyBytes: 100_000, authentication: { keys } }).listen();
    for (const { secret } of keys.slice(0, 4)) for (let i = 0; i < 2; i++) hold(base, 99_999, secret);
    await vi.waitFor(async () => {
      expect((await post(base, JSON.stringify('x'.repeat(5_000)), 'key-4')).status).toBe(503);
    }, 20_000);
  });

  /** A key that is looked up with each request, `lookedUp` later. */
  const slowly = (lookedUp: () => Promise<unknown>) => ({
    findKey: async () => {
      await lookedUp();
      return { id: 'slow', name: 'slow', plan: null, isAdmin: false };
    },
    // What was found is not believed any more when the next request comes.
    clock: (
      (now = 0) =>
      () =>
        (now += 10_000)
    )(),
  });

  test('one who goes away while the key is looked up holds nothing', async () => {
    let asked = 0;
    let gone = Promise.resolve();
    const authentication = slowly(() => {
      asked++;
      return gone;
    });
    const base = await serve({ maxBodyBytes: 100_000, authentication }).listen();
    for (let turn = 1; turn <= 3; turn++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      gone = promise;
      const { socket, closed } = rawConnection(base);
      socket.write(`${head(60_000, 'slow-key')}"${'x'.repeat(59_998)}"`);
      await vi.waitFor(() => expect(asked).toBe(turn), 20_000);
      socket.destroy();
      await closed;
      // The server has to hear of it first.
      await new Promise((heard) => setTimeout(heard, 100));
      resolve();
    }
    gone = Promise.resolve();
    const answer = await post(base, JSON.stringify('x'.repeat(95_000)), 'slow-key');
    expect(answer.status).toBe(200);
  });

  test('what is held is given back once, also where a piece was refused before', async () => {
    const base = await serve({
      maxBodyBytes: 100_000,
      authentication: slowly(() => new Promise(setImmediate)),
    }).listen();
    const held = [hold(base, 99_999, 'slow-key'), hold(base, 99_999, 'slow-key')];
    const large = JSON.stringify('x'.repeat(5_000));
    await vi.waitFor(async () => expect((await post(base, large, 'slow-key')).status).toBe(429), 20_000);
    const piece = (bytes: number) => `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
    const chunked = head(0, 'slow-key').replace('content-length: 0', 'connection: close\r\ntransfer-encoding: chunked');
    for (let turn = 0; turn < 40; turn++) {
      const { socket, closed } = rawConnection(base);
      socket.write(`${chunked}${piece(3_000).repeat(20)}${piece(1)}0\r\n\r\n`);
      expect(await closed).toMatch(/^HTTP\/1.1 429 /);
    }
    expect((await post(base, JSON.stringify('x'.repeat(300)), 'slow-key')).status).toBe(429);
    for (const { finish } of held) finish();
  });

  test('what is not for any route is not read', async () => {
    const base = await serve({ maxBodyBytes: 1000 }).listen();
    const answers = ['/nothing', '/health'].map(async (path) => {
      const body = 'x'.repeat(1_000_000);
      const response = await fetch(base + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      return response.status;
    });
    expect(await Promise.all(answers)).toEqual([404, 404]);
  });
});
