import { connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, it, vi } from 'vitest';
import { type Frame, frameText, sendEvents } from './event-stream.ts';

it('names frames and sends data as JSON, a string as it is', () => {
  expect(frameText({ event: 'a.b', data: { type: 'a.b' } })).toBe('event: a.b\ndata: {"type":"a.b"}\n\n');
  expect(frameText({ data: '[DONE]' })).toBe('data: [DONE]\n\n');
  expect(frameText({ event: 'a', id: '7', data: 1 })).toBe('event: a\nid: 7\ndata: 1\n\n');
  expect(frameText({ data: 'a\nb' })).toBe('data: a\ndata: b\n\n');
});

it('sends each frame as it comes and ends the source when the caller leaves', async () => {
  const app = fastify();
  let ended = false;
  app.get('/', (_request, reply) => {
    async function* frames(): AsyncGenerator<Frame> {
      try {
        for (let n = 0; ; n++) {
          yield { data: { n } };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      } finally {
        ended = true;
      }
    }
    return sendEvents(reply, frames());
  });
  const base = await app.listen({ port: 0, host: '127.0.0.1' });
  const response = await fetch(base);
  expect(response.headers.get('content-type')).toMatch('text/event-stream');
  expect(response.headers.get('x-accel-buffering')).toBe('no');
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  expect(new TextDecoder().decode(value)).toMatch(/^data: \{"n":0\}\n\n/);
  await reader.cancel();
  await vi.waitFor(() => expect(ended).toBe(true), 20_000);
  await app.close();
});

it('asks its source for no more than a slow reader has room for', async () => {
  const app = fastify();
  let made = 0;
  app.get('/', (_request, reply) => {
    async function* frames(): AsyncGenerator<Frame> {
      for (;;) {
        made++;
        yield { data: 'x'.repeat(100_000) };
      }
    }
    return sendEvents(reply, frames());
  });
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  const socket = connect(Number(port), '127.0.0.1');
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  let before = -1;
  await vi.waitFor(
    () => {
      const held = made > 0 && made === before;
      before = made;
      expect(held).toBe(true);
    },
    { interval: 200, timeout: 20_000 },
  );
  // What the two kernels' buffers take, and little more.
  expect(made).toBeLessThan(200);
  socket.destroy();
  await app.close();
});
