import { Duplex } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { TreeWorkspace } from '../file-tree.ts';
import { frameHead, fromMachine } from './frames.ts';
import { MachinePort, type PortListener } from './port.ts';
import { MachineTree } from './tree.ts';

/** A port whose machine is this test: what it gets, and a way to say anything. */
function scripted() {
  const orders: Record<string, unknown>[] = [];
  let answer: (order: Record<string, unknown>) => void = () => {};
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      // A frame comes as its head and its content.
      if (chunk[0] === 0x7b) {
        const order = JSON.parse(chunk.toString()) as Record<string, unknown>;
        orders.push(order);
        setImmediate(() => answer(order));
      }
      done();
    },
  });
  const port = new MachinePort(stream);
  const violations: string[] = [];
  const heard: unknown[] = [];
  const listener: PortListener = {
    claims: (chunk) => heard.push(['claims', chunk.toString()]),
    stdout: (chunk) => heard.push(['stdout', chunk.toString()]),
    stderr: (chunk) => heard.push(['stderr', chunk.toString()]),
    saved: (chunk) => heard.push(['saved', chunk.toString()]),
    event: (event) => heard.push(event),
    violate: (message) => violations.push(message),
    end: vi.fn(),
  };
  port.listen(listener);
  const say = (channel: number, content: string | Buffer | object) => {
    const isBytes = typeof content === 'string' || Buffer.isBuffer(content);
    const bytes = Buffer.from(isBytes ? content : JSON.stringify(content));
    stream.push(Buffer.concat([frameHead(channel, bytes.length), bytes]));
  };
  return { port, stream, orders, violations, heard, listener, say, onOrder: (hear: typeof answer) => (answer = hear) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('hears each channel, however the bytes are cut', async () => {
  const { stream, heard } = scripted();
  const frame = (channel: number, text: string) => Buffer.concat([frameHead(channel, text.length), Buffer.from(text)]);
  const all = Buffer.concat([
    frame(fromMachine.stdout, 'out'),
    frame(fromMachine.claims, 'claim'),
    frame(fromMachine.events, JSON.stringify({ event: 'exit', code: 0, signal: null })),
  ]);
  for (const byte of all) stream.push(Buffer.from([byte]));
  await turn();
  expect(heard).toEqual([['stdout', 'out'], ['claims', 'claim'], { event: 'exit', code: 0, signal: null }]);
});

it.each<[string, number, string | object]>([
  ['a channel that is not known', 9, 'x'],
  ['an event that is no JSON', fromMachine.events, '{'],
  ['an event that is not known', fromMachine.events, { event: 'root' }],
  ['an exit with too much in it', fromMachine.events, { event: 'exit', code: 0, signal: null, more: 1 }],
  ['an answer that is no number', fromMachine.events, { answer: '1', value: null }],
])('takes %s for a violation', async (_, channel, content) => {
  const { violations, say } = scripted();
  say(channel, content);
  await turn();
  expect(violations).toHaveLength(1);
});

it('takes a frame that is too long for a violation, before it has arrived', async () => {
  const { stream, violations } = scripted();
  stream.push(frameHead(fromMachine.stdout, 0xffff_ffff));
  await turn();
  expect(violations).toEqual(['a frame that is too long']);
});

it('ignores an answer to a question that nothing asked', async () => {
  const { violations, say } = scripted();
  say(fromMachine.events, { answer: 77, value: 'x' });
  await turn();
  expect(violations).toEqual([]);
});

it.each<[string, object, number, string]>([
  ['answers to what nothing asked', { answer: 77, value: 'x' }, 100, 'answers to what nothing asked'],
  ['events', { event: 'machine' }, 200, 'events that do not end'],
  [
    'words that more was taken than was sent',
    { event: 'taken', channel: 1, bytes: 600_000 },
    1,
    'more was taken than was sent',
  ],
  ['words that nothing was taken', { event: 'taken', channel: 1, bytes: 0 }, 1, 'more was taken than was sent'],
])('bounds %s', async (_, said, times, violation) => {
  const { violations, say } = scripted();
  for (let each = 0; each < times; each++) say(fromMachine.events, said);
  await vi.waitFor(() => expect(violations).toContain(violation));
});

it('bounds content that nothing asked for', async () => {
  const { violations, say } = scripted();
  for (let each = 0; each < 20; each++) say(fromMachine.content, Buffer.alloc(1024 * 1024));
  await vi.waitFor(() => expect(violations).toContain('output that nobody asked for'));
});

it('bounds an answer that does not end', async () => {
  const { port, violations, say, onOrder } = scripted();
  onOrder(({ id }) => {
    for (let page = 0; page < 1500; page++) say(fromMachine.events, { answer: id, value: [], more: true });
  });
  port.ask('list').catch(() => {});
  await vi.waitFor(() => expect(violations).toContain('an answer that does not end'));
  port.close();
});

it('ends what waits when the machine ends', async () => {
  const { port, stream, listener } = scripted();
  const asked = port.ask('usage');
  stream.destroy();
  await expect(asked).rejects.toThrow('the machine has ended');
  expect(listener.end).toHaveBeenCalledOnce();
});

it('sends no more to a pipe than its reader takes', async () => {
  const { port, say } = scripted();
  let isThrough = false;
  const writing = port.write(1, [Buffer.alloc(2 * 1024 * 1024)]).then(() => {
    isThrough = true;
  });
  await turn();
  expect(isThrough).toBe(false);
  say(fromMachine.events, { event: 'taken', channel: 1, bytes: 2 * 1024 * 1024 });
  await writing;
  expect(port.untaken(1)).toBe(0);
});

it('checks every name of a workspace that the machine tells, and counts them', async () => {
  const { port, say, onOrder } = scripted();
  const name = (text: string | Buffer) => Buffer.from(text).toString('base64');
  onOrder(({ id }) =>
    say(fromMachine.events, {
      answer: id,
      value: [
        ['file', name('good.txt'), 3, 0o4777, 'stamp'],
        ['file', name('../../etc/passwd'), 3, 0o644, 'stamp'],
        ['file', name('/etc/passwd'), 3, 0o644, 'stamp'],
        ['file', name(Buffer.from([0xff, 0xfe])), 3, 0o644, 'stamp'],
        ['folder', name('empty')],
        ['cache', name('.cache')],
        ['file', name('one-too-many'), 3, 0o644, 'stamp'],
      ],
    }),
  );
  expect(await new MachineTree(port).list({ entries: 2, depth: 9 })).toEqual({
    files: [{ path: 'good.txt', size: 3, mode: 0o777, stamp: 'stamp' }],
    folders: ['empty'],
    caches: [],
    truncated: true,
  });
});

it('takes nothing for changed or gone when the machine has ended', async () => {
  const { port } = scripted();
  port.close();
  const known = new Map([['kept.txt', { size: 1, digest: 'd' }]]);
  const limits = { entries: 9, depth: 9, files: 9, fileBytes: 9, totalBytes: 9 };
  expect(await new TreeWorkspace(new MachineTree(port)).changes(known, limits)).toMatchObject({
    files: [],
    gone: [],
    unchanged: ['kept.txt'],
    truncated: true,
    next: known,
  });
});

it('reads no more of a file than it has', async () => {
  const { port, say, onOrder } = scripted();
  onOrder(({ id, op }) => {
    if (op === 'open') say(fromMachine.events, { answer: id, value: [4, 0o644, 'stamp'] });
    else {
      say(fromMachine.content, 'much more than four');
      say(fromMachine.events, { answer: id, value: null });
    }
  });
  const file = await new MachineTree(port).open('a');
  const chunks: Uint8Array[] = [];
  for await (const chunk of file!.read()) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe('much');
});
