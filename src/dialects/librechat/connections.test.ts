import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { principalOf } from '../../../test/support/principals.ts';
import { DragomanError } from '../../core/index.ts';
import { librechatApp } from './fixtures/app.ts';

async function listening(options: Parameters<typeof librechatApp>[0] = {}) {
  const { app, ...more } = await librechatApp(options);
  await app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return { ...more, port };
}

/** Opens a connection and sends the beginning of a request. */
async function send(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.setEncoding('utf8').write(text);
  return socket;
}

async function received(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text;
}

const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${length}\r\n\r\n`;
const part = (name: string, content: string) =>
  `--b\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${content}`;

test('a client that goes away ends its run', async () => {
  const { service, port } = await listening();
  const running = Promise.withResolvers<AbortSignal>();
  service.runner.script = async ({ signal }) => {
    running.resolve(signal);
    await once(signal, 'abort');
    return undefined;
  };
  const body = '{"lang":"py","code":"while True: pass"}';
  const type = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
  const socket = await send(port, `POST /exec HTTP/1.1\r\nHost: x\r\n${type}\r\n\r\n${body}`);
  const signal = await running.promise;
  expect(signal.aborted).toBe(false);
  socket.destroy();
  await vi.waitFor(() => expect(signal.aborted).toBe(true), 20_000);
});

test('a client that goes away ends its download', async () => {
  const { service, store, port } = await listening();
  const file = await store(principalOf('ann'), 'big.bin', '');
  const content = new Readable({
    read() {
      this.push(Buffer.alloc(65_536));
    },
  });
  service.fileService.open = async () => ({ file: { ...file, size: 1e12 }, content });
  const socket = await send(port, `GET /download/${file.sessionId}/${file.id} HTTP/1.1\r\nHost: x\r\n\r\n`);
  await once(socket, 'data');
  expect(content.destroyed).toBe(false);
  socket.destroy();
  await vi.waitFor(() => expect(content.destroyed).toBe(true), 20_000);
});

test.each(['/upload', '/upload/batch'])('a client that goes away in the middle of %s leaves nothing', async (path) => {
  const { faults, count, port } = await listening();
  for (const sent of [
    `${part('a', 'whole')}\r\n${part('b', 'half')}`,
    `${part('a', 'whole')}\r\n--b`,
    part('a', 'half'),
  ]) {
    faults.upload = undefined;
    const socket = await send(port, head(path, 10_000) + sent);
    await new Promise((resolve) => setTimeout(resolve, 200));
    socket.destroy();
    await vi.waitFor(() => expect(faults.upload, sent).toMatchObject({ code: 'cancelled' }), 20_000);
  }
  expect(await count()).toBe(0);
});

test('an upload that takes too long is answered with 504 and leaves nothing', async () => {
  const { count, port } = await listening({ uploadTimeoutMs: 500 });
  for (const sent of ['', '--b\r\nContent-Disp', `${part('a', 'whole')}\r\n${part('b', 'half')}`]) {
    const answer = await received(await send(port, head('/upload', 10_000) + sent));
    expect(answer).toMatch(/^HTTP\/1.1 504 /);
    expect(answer).toMatch(/\r\nconnection: close\r\n/i);
    expect(answer).toMatch(/\{"error":"[^"]+"\}$/);
  }
  expect(await count()).toBe(0);
});

test('a batch that takes too long keeps what had arrived', async () => {
  const { count, port } = await listening({ uploadTimeoutMs: 500 });
  const sent = `${part('a', 'whole')}\r\n${part('b', 'half')}`;
  const answer = await received(await send(port, head('/upload/batch', 10_000) + sent));
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({
    message: 'partial_success',
    files: [
      { status: 'success', filename: 'a' },
      { status: 'error', filename: 'b' },
    ],
  });
  expect(await count()).toBe(1);
  const none = await received(await send(port, head('/upload/batch', 10_000) + part('b', 'half')));
  expect(none).toMatch(/^HTTP\/1.1 400 /);
});

const field = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

test.each([
  ['a file that is too big', 413, ''],
  ['a name that is refused', 400, field('id', 'refused')],
  ['an identity that is refused', 400, field('kind', 'root')],
  ['a field that is too long', 400, field('id', 'x'.repeat(5000))],
])('a connection serves on after an upload was refused for %s', async (_, status, fields) => {
  const { faults, port } = await listening({ maxFileBytes: status === 413 ? 10 : 1e7 });
  faults.beforeFile = () => {
    if (fields.includes('refused')) throw new DragomanError('invalid_request');
  };
  const body = `${fields}${part('a', 'x'.repeat(3_000_000))}\r\n--b--\r\n`;
  const socket = await send(port, head('/upload', body.length) + body);
  const [first] = (await once(socket, 'data')) as [string];
  expect(first).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  socket.write('GET /files/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  expect(await received(socket)).toMatch(/HTTP\/1.1 400 /);
});
