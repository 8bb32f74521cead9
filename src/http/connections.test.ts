import { describe, expect, test, vi } from 'vitest';
import { apiKey, rawConnection, serve } from '../../test/support/http.ts';

const quick = { headersMs: 200, keepAliveMs: 200, unreadMs: 300, checkEveryMs: 50 };
const key = `x-api-key: ${apiKey}\r\n`;

describe('slow clients', () => {
  test('a connection that says nothing is closed', async () => {
    const base = await serve({ timeouts: quick }).listen();
    expect(await rawConnection(base).closed).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test('a head that trickles in is cut off', async () => {
    const base = await serve({ timeouts: quick }).listen();
    const { socket, closed } = rawConnection(base);
    socket.write('POST /exec HTTP/1.1\r\nhost: x\r\n');
    const trickle = setInterval(() => socket.write('a: b\r\n'), 20);
    expect(await closed.finally(() => clearInterval(trickle))).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a body that trickles in is cut off', async () => {
    const base = await serve({ timeouts: { ...quick, graceMs: 100 }, uploadTimeoutMs: 200 }).listen();
    const { socket, closed } = rawConnection(base);
    socket.write(
      `POST /exec HTTP/1.1\r\nhost: x\r\n${key}content-type: application/json\r\ncontent-length: 9000\r\n\r\n"`,
    );
    const trickle = setInterval(() => socket.write('x'), 50);
    expect(await closed.finally(() => clearInterval(trickle))).toMatch(/^(HTTP\/1.1 408 |$)/);
  });

  test('a response that is not read is cut off', async () => {
    const { listen, log } = serve({ timeouts: quick });
    const { socket, closed } = rawConnection(await listen());
    socket.pause();
    socket.write(`GET /endless HTTP/1.1\r\nhost: x\r\n${key}\r\n`);
    await vi.waitFor(() => expect(log.filter(({ msg }) => msg === 'request')).toHaveLength(1), 10_000);
    expect(log.at(-1)).toMatchObject({ status: 499 });
    socket.resume();
    await closed;
  });

  test('a program that runs longer than any of these deadlines is waited for', async () => {
    const base = await serve({ timeouts: quick }).listen();
    const { socket, closed } = rawConnection(base);
    socket.write(`GET /files/1 HTTP/1.1\r\nhost: x\r\n${key}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    socket.write(`GET /wait/700 HTTP/1.1\r\nhost: x\r\n${key}connection: close\r\n\r\n`);
    expect(await closed).toMatch(/waited$/);
  });

  test('a head that is too large is refused', async () => {
    const { socket, closed } = rawConnection(await serve().listen());
    socket.write(`GET /health HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(await closed).toMatch(/^HTTP\/1.1 431 /);
  });
});

describe('close', () => {
  test('lets a request under way finish and refuses the next on the same connection', async () => {
    const server = serve();
    const { socket, closed } = rawConnection(await server.listen());
    socket.write(`GET /wait/1000 HTTP/1.1\r\nhost: x\r\n${key}\r\nGET /files/1 HTTP/1.1\r\nhost: x\r\n${key}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await server.close(5000);
    const received = await closed;
    expect(received).toContain('waited');
    expect(received).not.toContain('"id":"1"');
  });

  test('cuts off what is left at the deadline', async () => {
    const server = serve();
    const { socket, closed } = rawConnection(await server.listen());
    socket.write(`GET /wait/60000 HTTP/1.1\r\nhost: x\r\n${key}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const started = performance.now();
    await server.close(200);
    expect(performance.now() - started).toBeLessThan(20_000);
    expect(await closed).toBe('');
  });

  test('idle connections do not hold it up', async () => {
    const server = serve();
    const base = await server.listen();
    await (await fetch(`${base}/health`)).text();
    const started = performance.now();
    await server.close(30_000);
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});
