import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  ApiError,
  ConnectionError,
  DeadlineError,
  Dragoman,
  type ExecutionEvent,
  type RunningExecution,
} from '../../client/src/index.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
let dragoman: Dragoman;
beforeAll(async () => {
  server = await startServer();
  dragoman = new Dragoman({ url: server.url, apiKey: server.key });
});
afterAll(() => server?.stop());

async function all(execution: RunningExecution): Promise<ExecutionEvent[]> {
  const events: ExecutionEvent[] = [];
  for await (const event of execution) events.push(event);
  return events;
}

/** A way to the server whose connections can be cut. */
async function cuttable(): Promise<{ url: string; cut(): void; count(): number }> {
  const sockets = new Set<Socket>();
  let count = 0;
  const { port } = new URL(server.url);
  const proxy = createTcpServer((near) => {
    count++;
    const far = connect(Number(port), '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
  };
  onTestFinished(() => {
    cut();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}`, cut, count: () => count };
}

describe('code', () => {
  it('runs alone, and an exception is part of the answer', async () => {
    const fine = await dragoman.run({ language: 'python', code: 'print("out"); 6 * 7' });
    expect(fine).toMatchObject({ status: 'done', outcome: 'completed', stdout: 'out\n', error: null });
    expect(fine.results[0]!['text/plain']).toBe('42');
    const failed = await dragoman.run({ language: 'python', code: '1 / 0' });
    expect(failed.error).toMatchObject({ name: 'ZeroDivisionError' });
  });

  it('keeps variables in a session and tells of everything in its order', async () => {
    const session = await dragoman.sessions.create({ name: 'client' });
    await session.run({ language: 'python', code: 'n = 6' });
    const code = 'import sys\nprint("a")\nprint("b", file=sys.stderr)\nopen("n.txt", "w").write(str(n))\nn * 7';
    const events = await all(await session.start({ language: 'python', code }));
    expect(events.map(({ type }) => type)).toEqual(['start', 'stdout', 'stderr', 'result', 'artifact', 'done']);
    expect(events[3]).toMatchObject({ bundle: { 'text/plain': '42' } });
    expect(events[4]).toMatchObject({ artifact: { path: 'n.txt', change: 'created' } });
    expect(events[5]).toMatchObject({ end: { state: 'continued', outcome: 'completed' } });
  });

  it('answers with the same as a request without events', async () => {
    const session = await dragoman.sessions.create();
    const { id, ...result } = await session.run({
      language: 'python',
      code: 'print("é" * 10)\nopen("f", "w").close()\n"x"',
    });
    expect({ id, ...result }).toEqual(await dragoman.execution(id));
  });

  it('goes on over lost connections without losing or repeating an event', async () => {
    const way = await cuttable();
    const session = new Dragoman({ url: way.url, apiKey: server.key }).sessions.open(
      (await dragoman.sessions.create()).id,
    );
    const code = 'import time\nfor i in range(40):\n    print(i, flush=True)\n    time.sleep(0.02)';
    const execution = await session.start({ language: 'python', code });
    let text = '';
    for await (const event of execution) {
      if (event.type !== 'stdout') continue;
      text += event.text;
      const lines = text.split('\n').length;
      if ((lines > 5 && way.count() === 1) || (lines > 20 && way.count() === 2)) way.cut();
    }
    expect(text).toBe(Array.from({ length: 40 }, (_, i) => `${i}\n`).join(''));
    expect(way.count()).toBeGreaterThan(2);
    expect((await execution.result()).stdout).toBe(text);
  });

  it('ends when its signal aborts, and when its time is over', async () => {
    const session = await dragoman.sessions.create();
    const controller = new AbortController();
    const execution = await session.start(
      { language: 'python', code: 'import time\nprint("up", flush=True)\ntime.sleep(60)' },
      { signal: controller.signal },
    );
    const reason = new Error('enough');
    const reading = (async () => {
      for await (const event of execution) if (event.type === 'stdout') controller.abort(reason);
    })();
    await expect(reading).rejects.toBe(reason);
    await expect.poll(() => dragoman.execution(execution.id)).toMatchObject({ outcome: 'cancelled' });
    const late = session.run({ language: 'python', code: 'import time; time.sleep(60)' }, { timeoutMs: 500 });
    await expect(late).rejects.toThrow(DeadlineError);
    await expect.poll(async () => (await session.info()).busy).toBe(false);
  });

  it('goes on when its events are no longer read', async () => {
    const session = await dragoman.sessions.create();
    const execution = await session.start({ language: 'python', code: 'import time; time.sleep(0.3); 1' });
    for await (const event of execution) if (event.type === 'start') break;
    await expect.poll(() => dragoman.execution(execution.id)).toMatchObject({ outcome: 'completed' });
    await expect(execution.result()).rejects.toThrow('not read to their end');
  });

  it('is interrupted and keeps its variables', async () => {
    const session = await dragoman.sessions.create();
    const execution = await session.start({
      language: 'python',
      code: 'n = 1\nprint("up", flush=True)\nwhile True: pass',
    });
    for await (const event of execution) if (event.type === 'stdout') expect(await session.interrupt()).toBe(true);
    expect((await execution.result()).error?.name).toBe('KeyboardInterrupt');
    expect((await session.run({ language: 'python', code: 'n' })).results[0]!['text/plain']).toBe('1');
  });
});

describe('tools', () => {
  const code = [
    'import asyncio',
    'a, b = await asyncio.gather(tools.add(x=1, y=2), tools.add(x=3, y=4))',
    'try:',
    '    await tools.refuse()',
    'except Exception as e:',
    '    said = str(e)',
    '[a, b, said]',
  ].join('\n');

  it('are callbacks, and what they throw is an exception in the program', async () => {
    const session = await dragoman.sessions.create();
    const calls: unknown[] = [];
    const number = { type: 'number' };
    const result = await session.run(
      { language: 'python', code },
      {
        tools: {
          add: {
            parameters: { type: 'object', properties: { x: number, y: number }, required: ['x', 'y'] },
            call: async (input) => {
              calls.push(input);
              return Number(input.x) + Number(input.y);
            },
          },
          refuse: {
            call: () => {
              throw new Error('not today');
            },
          },
        },
      },
    );
    expect(result.error).toBeNull();
    expect(result.results[0]!['text/plain']).toContain('[3, 7, ');
    expect(result.results[0]!['text/plain']).toContain('not today');
    expect(calls).toHaveLength(2);
  });

  it('are told when the execution is given up', async () => {
    const controller = new AbortController();
    let told: AbortSignal | undefined;
    const running = (await dragoman.sessions.create()).run(
      { language: 'python', code: 'await tools.wait()' },
      {
        signal: controller.signal,
        tools: {
          wait: {
            call: (_, signal) => {
              told = signal;
              controller.abort(new Error('given up'));
              return new Promise(() => {});
            },
          },
        },
      },
    );
    await expect(running).rejects.toThrow('given up');
    expect(told?.aborted).toBe(true);
  });
});

describe('files', () => {
  it('go up and come down as streams', async () => {
    const session = await dragoman.sessions.create();
    const piece = new Uint8Array(1 << 20).fill(7);
    let sent = 0;
    const content = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < 8) controller.enqueue(piece);
        else controller.close();
      },
    });
    expect(await session.files.put('data/a b#é?.bin', content)).toMatchObject({
      size: 8 << 20,
      path: 'data/a b#é?.bin',
    });
    await session.files.put('note.txt', 'hello', { type: 'text/plain' });
    expect((await session.files.list()).map(({ path }) => path)).toEqual(['data/a b#é?.bin', 'note.txt']);
    const download = await session.files.get('data/a b#é?.bin');
    expect(download.size).toBe(8 << 20);
    let read = 0;
    for await (const bytes of download.body) read += bytes.length;
    expect(read).toBe(8 << 20);
    expect(await (await session.files.get('note.txt')).text()).toBe('hello');
    expect([...(await (await session.files.archive()).bytes()).subarray(0, 2)]).toEqual([0x50, 0x4b]);
    expect(await session.files.summary('note.txt')).toMatchObject({ kind: 'text', lines: 1, excerpt: 'hello' });
    expect(await (await session.files.preview('note.txt', 'html')).text()).toContain('<pre>hello</pre>');
    const picture = await session.files.preview('note.txt', 'png', { width: 64 });
    expect([picture.type, (await picture.bytes()).length > 100]).toEqual(['image/png', true]);
    await session.files.put('broken.docx', 'no document');
    await expect(session.files.preview('broken.docx', 'html')).rejects.toMatchObject({ code: 'preview_refused' });
    await session.files.delete('note.txt');
    await expect(session.files.get('note.txt')).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  it.each(['../../../keys', '..', 'a/../b', 'a//b', './a', '', '/etc/passwd'])(
    'with the path %j reach no other address',
    async (path) => {
      const { files } = dragoman.sessions.open('Qy3kZr0vXc7TgWbN5mLpA');
      await expect((async () => files.get(path))()).rejects.toThrow(TypeError);
      await expect((async () => files.put(path, 'x'))()).rejects.toThrow(TypeError);
      await expect((async () => files.delete(path))()).rejects.toThrow(TypeError);
    },
  );
});

describe('sessions', () => {
  it('are listed over pages, changed, copied and ended', async () => {
    const made = await Promise.all([1, 2, 3].map(() => dragoman.sessions.create({ name: 'pages' })));
    const found: string[] = [];
    for await (const { id } of dragoman.sessions.list({ name: 'pages', limit: 1 })) found.push(id);
    expect(found.toSorted()).toEqual(made.map(({ id }) => id).toSorted());
    const [session] = made;
    await session!.files.put('a.txt', 'a');
    expect(await session!.change({ name: 'other' })).toMatchObject({ name: 'other' });
    const copy = await session!.fork();
    expect((await copy.files.list()).map(({ path }) => path)).toEqual(['a.txt']);
    await copy.delete();
    await expect(copy.info()).rejects.toThrow(ApiError);
  });

  it('have kernels and a notebook', async () => {
    const session = await dragoman.sessions.create();
    const kernel = await session.kernels.create({ language: 'python' });
    await session.run({ language: 'python', code: 'x = 1', kernel_id: kernel.id });
    const other = await session.run({ language: 'python', code: 'x' });
    expect(other.error?.name).toBe('NameError');
    expect((await session.kernels.list()).map(({ default: usual }) => usual)).toEqual([true, false]);
    expect(await session.notebook()).toMatchObject({ nbformat: 4 });
    await session.kernels.delete(kernel.id);
    await session.run({ language: 'python', code: 'y = 1' });
    await session.restart();
    expect((await session.run({ language: 'python', code: 'y' })).error?.name).toBe('NameError');
  });
});

describe('what goes wrong', () => {
  it('has a type, a code and a name for the log', async () => {
    const stranger = new Dragoman({ url: `${server.url}/v1/`, apiKey: 'wrong' });
    await expect(stranger.sessions.page()).rejects.toMatchObject({
      status: 401,
      code: 'unauthorized',
      name: 'ApiError',
    });
    await expect(dragoman.run({ language: 'klingon', code: '' })).rejects.toMatchObject({
      code: 'unsupported_language',
    });
    const error: ApiError = await dragoman.sessions
      .open('nope')
      .info()
      .catch((error) => error);
    expect(error.requestId).toBeTruthy();
  });

  it('is told of a service that is not there, and of one that says nothing', async () => {
    const gone = createTcpServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const free = `http://127.0.0.1:${(gone.address() as { port: number }).port}`;
    await new Promise((resolve) => gone.close(resolve));
    const refused = new Dragoman({ url: free }).languages();
    await expect(refused).rejects.toThrow(ConnectionError);
    await expect(refused).rejects.toThrow(`${free} cannot be reached: ECONNREFUSED`);
    const mute = createTcpServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void mute.close());
    const url = `http://127.0.0.1:${(mute.address() as { port: number }).port}`;
    const client = new Dragoman({ url, timeoutMs: 300 });
    await expect(client.usage()).rejects.toThrow(DeadlineError);
    await expect(client.usage({}, { signal: AbortSignal.abort(new Error('mine')) })).rejects.toThrow('mine');
  });

  it('refuses an address that is none', () => {
    expect(() => new Dragoman({ url: 'localhost:8080' })).toThrow(TypeError);
  });
});
