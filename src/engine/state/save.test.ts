import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { frameHead, streamBegin } from './frames.ts';
import { stateStream } from './load.ts';
import { isLoss, type KernelState, saveState } from './save.ts';

const KiB = 1024;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Keeps pieces in memory. */
function keeper() {
  const kept = new Map<string, Buffer>();
  const put = async (content: AsyncIterable<Uint8Array>) => {
    const bytes = Buffer.concat(await Array.fromAsync(content));
    kept.set(sha256(bytes), bytes);
    return { digest: sha256(bytes), size: bytes.length };
  };
  const open = async function* (digest: string): AsyncGenerator<Uint8Array> {
    yield kept.get(digest)!;
  };
  return { kept, put, open };
}

const frame = (kind: 'H' | 'B' | 'D' | 'E' | 'F', content: Uint8Array) =>
  Buffer.concat([frameHead(kind, content.length), content]);
const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const head = json({ format: 1, token: 'one', report: { variables: 1 } });
const body = Buffer.from('body');
const large = Buffer.alloc(64 * KiB, 1);
const end = (bytes: number, digest = sha256(Buffer.concat([head, body]))) => frame('E', json({ bytes, digest }));
const honest = Buffer.concat([
  streamBegin,
  frame('H', head),
  frame('B', body),
  frame('D', large),
  end(body.length + large.length),
]);

/** Bytes as a pipe gives them, in pieces of any size. */
async function* pipe(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const save = (stream: AsyncIterable<Uint8Array>, put = keeper().put, maxBytes = 1024 * KiB) =>
  saveState(stream, { token: 'one', maxBytes, put });

it('stores a state as it comes, and gives the same stream back', async () => {
  const { put, open } = keeper();
  const state = await save(pipe(honest, 7), put);
  expect(isLoss(state)).toBe(false);
  expect(Buffer.concat(await Array.fromAsync(stateStream(state as KernelState, open)))).toEqual(honest);
});

it.each([
  ['no state', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'broken'],
  ['nothing', Buffer.alloc(0), 'broken'],
  [
    'the head of another one',
    Buffer.concat([streamBegin, frame('H', json({ token: 'two' })), frame('B', body)]),
    'broken',
  ],
  ['a head that is too deep', Buffer.concat([streamBegin, frame('H', Buffer.from('['.repeat(1000)))]), 'broken'],
  ['a head of many megabytes', Buffer.concat([streamBegin, frameHead('H', 2 ** 40)]), 'broken'],
  ['a frame of no kind', Buffer.concat([streamBegin, Buffer.from('X'), Buffer.alloc(8)]), 'broken'],
  ['a frame beyond all bounds', Buffer.concat([streamBegin, Buffer.from('H'), Buffer.alloc(8, 255)]), 'broken'],
  ['a second body', Buffer.concat([streamBegin, frame('H', head), frame('B', body), frame('B', body)]), 'broken'],
  [
    'small buffers',
    Buffer.concat([streamBegin, frame('H', head), frame('B', body), frame('D', body), end(8)]),
    'storage',
  ],
  ['an end in the middle of a frame', honest.subarray(0, honest.length - 100), 'deadline'],
  ['no end', honest.subarray(0, -end(0).length - 10), 'storage'],
  ['an end of another content', Buffer.concat([honest.subarray(0, 200), end(1, 'f'.repeat(64))]), 'storage'],
  ['more than it may', Buffer.concat([streamBegin, frame('H', head), frameHead('B', 2 ** 30)]), 'too_large'],
  [
    'a fault',
    Buffer.concat([streamBegin, frame('F', json({ reason: 'memory', message: 'none\u0000left' }))]),
    'memory',
  ],
  ['a fault of its own making', Buffer.concat([streamBegin, frame('F', json({ reason: 'quota' }))]), 'failed'],
])('takes no stream with %s', async (_, stream, reason) => {
  const state = await save(pipe(stream));
  expect(isLoss(state)).toBe(true);
  if (isLoss(state)) expect([reason, 'broken', 'storage', 'deadline']).toContain(state.reason);
});

it('stops reading a stream that never ends at its bound', async () => {
  let read = 0;
  const endless = async function* () {
    yield Buffer.concat([streamBegin, frame('H', head), frame('B', body)]);
    for (;;) {
      read += large.length;
      yield frame('D', large);
    }
  };
  expect(await save(endless())).toMatchObject({ reason: 'too_large' });
  expect(read).toBeLessThanOrEqual(1100 * KiB);
});

it('gives a state no end when a stored byte has changed, is missing or is one too many', async () => {
  const { kept, put, open } = keeper();
  const state = (await save(pipe(honest), put)) as KernelState;
  for (const changed of [Buffer.alloc(64 * KiB, 2), large.subarray(1), Buffer.concat([large, body])]) {
    kept.set(sha256(large), changed);
    await expect(Array.fromAsync(stateStream(state, open))).rejects.toThrow('stored bytes of a state');
  }
});
