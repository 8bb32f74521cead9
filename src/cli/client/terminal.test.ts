import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Terminal } from './terminal.ts';

/** A terminal over streams of its own. */
function terminal(isTTY: boolean) {
  const [out, err] = [new PassThrough(), new PassThrough()].map((stream) => Object.assign(stream, { isTTY }));
  return { terminal: new Terminal({ stdout: out, stderr: err } as never), out: out! };
}

test('bytes of a command reach a person without what sets the title, and characters whole', async () => {
  const { terminal: shown, out } = terminal(true);
  const bytes = Buffer.from('\u001b]0;title\u0007\u001b[31mgrün\u001b[0m');
  for (const byte of bytes) await shown.bytes('out', Uint8Array.of(byte));
  out.end();
  expect((await buffer(out)).toString()).toBe('\u001b[31mgrün\u001b[0m');
});

test('bytes of a command reach a pipe as they are, no faster than it is read', async () => {
  const { terminal: piped, out } = terminal(false);
  const bytes = Buffer.alloc(300_000, Buffer.from([0xff, 0x00, 0x1b]));
  let isWritten = false;
  const written = piped.bytes('out', bytes).then(() => {
    isWritten = true;
  });
  await new Promise(setImmediate);
  expect(isWritten).toBe(false);
  const read = buffer(out);
  await written;
  out.end();
  expect((await read).equals(bytes)).toBe(true);
});

test('bytes for a reader that has gone are dropped', async () => {
  const { terminal: broken, out } = terminal(false);
  const waiting = broken.bytes('out', Buffer.alloc(300_000));
  out.destroy(new Error('EPIPE'));
  await waiting;
  await broken.bytes('out', Buffer.from('x'));
  expect(broken.closed.aborted).toBe(true);
});
