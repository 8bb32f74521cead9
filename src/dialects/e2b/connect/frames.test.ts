import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectError } from './errors.ts';
import { endFrame, frame, framesOf, maxFrameBytes } from './frames.ts';

async function read(...parts: Uint8Array[]): Promise<object[]> {
  return Array.fromAsync(
    framesOf(
      (async function* () {
        yield* parts;
      })(),
    ),
  );
}

/** A frame with any head. */
function raw(flags: number, size: number, body = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(size, 1);
  return Buffer.concat([head, body]);
}

const framed = (text: string, flags = 0) => raw(flags, Buffer.byteLength(text), Buffer.from(text));
const refused = (connectCode: string) => expect.objectContaining({ constructor: ConnectError, connectCode });

describe('frames of Connect', () => {
  it('are read however they are cut', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.string(), fc.string())),
        fc.infiniteStream(fc.integer({ min: 1, max: 50 })),
        async (messages, sizes) => {
          const bytes = Buffer.concat([...messages.map(frame), endFrame()]);
          const parts: Buffer[] = [];
          for (let at = 0; at < bytes.length; ) {
            const size = sizes.next().value as number;
            parts.push(bytes.subarray(at, at + size));
            at += size;
          }
          expect(await read(...parts)).toEqual(messages.map((message) => ({ ...message })));
        },
      ),
    ));

  it('end with the last one, whatever comes behind it', async () => {
    expect(await read(frame({ a: 1 }), endFrame(), frame({ b: 2 }))).toEqual([{ a: 1 }]);
  });

  it.each([
    ['one that is compressed', framed('{}', 1), 'unimplemented'],
    ['one with unknown flags', framed('{}', 4), 'invalid_argument'],
    ['one that is longer than may be', raw(0, maxFrameBytes + 1), 'resource_exhausted'],
    ['one of the greatest length', raw(0, 0xffff_ffff), 'resource_exhausted'],
    ['half a head', Buffer.from([0, 0]), 'invalid_argument'],
    ['one that is cut', raw(0, 10, Buffer.from('{}')), 'invalid_argument'],
    ['one that is no JSON', framed('{'), 'invalid_argument'],
    ['a list', framed('[]'), 'invalid_argument'],
    ['null', framed('null'), 'invalid_argument'],
    ['an empty one', framed(''), 'invalid_argument'],
    ['one that is deep', framed('{"a":'.repeat(10_000)), 'invalid_argument'],
    ['one of very many values', framed(`{"a":[${'0,'.repeat(300_000)}0]}`), 'invalid_argument'],
  ])('are refused: %s', async (_, bytes, code) => {
    await expect(read(bytes)).rejects.toEqual(refused(code));
  });

  it('cost no more than they are long, however many come in one piece', async () => {
    const count = 20_000;
    const bytes = Buffer.concat(Array.from({ length: count }, () => frame({})));
    expect(await read(bytes)).toHaveLength(count);
  });
});
