import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bytes } from '../../../src/stores/index.ts';

const unlimited = Number.MAX_SAFE_INTEGER;
const KiB = 1024;

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** What every driver of bytes keeps to. `make` returns a new, empty store that has not been started. */
export function describeBytes(name: string, make: () => Promise<Bytes>): void {
  describe(`bytes: ${name}`, () => {
    let store: Bytes;

    beforeEach(async () => {
      store = await make();
      await store.start();
    });

    afterEach(async () => {
      await store.close();
    });

    const put = async (source: AsyncIterable<Uint8Array> | Uint8Array, maxBytes = unlimited) => {
      const received = await store.receive(source, maxBytes);
      await received.keep();
      await received.discard();
      return { digest: received.digest, size: received.size };
    };
    const isThere = (digest: string) =>
      store.open(digest).then(
        (stream) => {
          stream.destroy();
          return true;
        },
        () => false,
      );
    const read = async (digest: string) => buffer(await store.open(digest));
    const holds = async (digest: string, bytes: Uint8Array) => (await read(digest)).equals(bytes);

    describe('put', () => {
      const sizes = [0, 1, 1000, 64 * KiB, 256 * KiB, 256 * KiB + 1, 3000 * KiB + 7];

      it.each(sizes)('stores %i bytes given as a whole', async (size) => {
        const bytes = randomBytes(size);
        expect(await put(bytes)).toEqual({ digest: digestOf(bytes), size });
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it.each(sizes)('stores %i bytes given as a stream', async (size) => {
        const bytes = randomBytes(size);
        expect(await put(inChunks(bytes, 50_000))).toEqual({ digest: digestOf(bytes), size });
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it('stores what a Node stream yields', async () => {
        const bytes = randomBytes(700 * KiB);
        const { digest } = await put(Readable.from(inChunks(bytes, 16 * KiB)));
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('takes chunks of any length, empty ones too', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), async (chunks) => {
            const bytes = Buffer.concat(chunks);
            const stored = await put(Readable.from(chunks));
            expect(stored).toEqual({ digest: digestOf(bytes), size: bytes.byteLength });
            expect(await holds(stored.digest, bytes)).toBe(true);
          }),
          { numRuns: 30 },
        );
      });

      it.each([1000, 64 * KiB, 300_000, 2_000_000])(
        'keeps zeros between other bytes, in chunks of %i',
        async (chunkBytes) => {
          const bytes = Buffer.alloc(3_000_007);
          for (const at of [0, 70_000, 1_048_576, 1_500_000]) randomBytes(1000).copy(bytes, at);
          for (const end of [bytes.byteLength, 2_900_000, 1_501_000]) {
            const content = bytes.subarray(0, end);
            const { digest, size } = await put(inChunks(content, chunkBytes));
            expect([digest, size]).toEqual([digestOf(content), end]);
            expect(await holds(digest, content)).toBe(true);
          }
        },
      );

      it('takes a chunk as it is when it is yielded, so that a source may reuse its buffer', async () => {
        async function* reusing() {
          const chunk = Buffer.alloc(100 * KiB);
          for (let value = 1; value <= 6; value++) yield chunk.fill(value);
        }
        const bytes = Buffer.concat([1, 2, 3, 4, 5, 6].map((value) => Buffer.alloc(100 * KiB, value)));
        const { digest } = await put(reusing());
        expect(digest).toBe(digestOf(bytes));
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('takes the bytes of a view, not of the buffer under it', async () => {
        const bytes = new Uint8Array(randomBytes(100).buffer.slice(0, 100)).subarray(10, 20);
        const { digest, size } = await put(bytes);
        expect(size).toBe(10);
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('keeps to the limit to the byte', async () => {
        const bytes = randomBytes(600 * KiB);
        for (const source of [() => bytes, () => inChunks(bytes, 1000)]) {
          await expect(put(source(), bytes.byteLength - 1)).rejects.toMatchObject({ code: 'too_large' });
          expect(await isThere(digestOf(bytes))).toBe(false);
          expect(await put(source(), bytes.byteLength)).toMatchObject({ size: bytes.byteLength });
          await store.delete([digestOf(bytes)]);
        }
      });

      it('refuses anything but nothing under a limit of zero', async () => {
        await expect(put(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'too_large' });
        expect(await put(new Uint8Array(), 0)).toMatchObject({ size: 0 });
      });

      it('ends an endless source once it is over the limit', async () => {
        let ended = false;
        async function* endless() {
          try {
            for (;;) yield Buffer.alloc(64 * KiB);
          } finally {
            ended = true;
          }
        }
        await expect(put(endless(), 1000 * KiB)).rejects.toMatchObject({ code: 'too_large' });
        expect(ended).toBe(true);
      });

      it.each([10, 400 * KiB])('passes on what a source throws after %i bytes and leaves nothing', async (size) => {
        const bytes = randomBytes(size);
        const fault = new Error('the client went away');
        async function* failing() {
          yield bytes;
          throw fault;
        }
        await expect(put(failing())).rejects.toBe(fault);
        await expect(store.open(digestOf(bytes))).rejects.toMatchObject({ code: 'not_found' });
      });

      it('rejects and leaves nothing when a stream is destroyed in the middle', async () => {
        const stream = new Readable({ read() {} });
        stream.push(randomBytes(400 * KiB));
        const stored = put(stream);
        setTimeout(() => stream.destroy(new Error('deadline')), 20);
        await expect(stored).rejects.toThrow('deadline');
      });

      it('stores equal bytes once', async () => {
        const bytes = randomBytes(300 * KiB);
        const first = await put(bytes);
        expect(await put(inChunks(bytes, 9999))).toEqual(first);
        await store.delete([first.digest]);
        expect(await isThere(first.digest)).toBe(false);
      });

      it.each([100, 400 * KiB])('stores %i equal bytes once that arrive many times at once', async (size) => {
        const bytes = randomBytes(size);
        const stored = await Promise.all(
          Array.from({ length: 20 }, (_, index) => put(index % 2 ? bytes : inChunks(bytes, 30_000 + index))),
        );
        expect(stored).toEqual(stored.map(() => ({ digest: digestOf(bytes), size })));
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it('stores different bytes that arrive at once', async () => {
        const contents = Array.from({ length: 30 }, (_, index) => randomBytes(index * 20_000));
        const stored = await Promise.all(contents.map((bytes) => put(bytes)));
        for (const [index, bytes] of contents.entries()) expect(await holds(stored[index]!.digest, bytes)).toBe(true);
      });
    });

    describe('open', () => {
      it('does not find what was never put', async () => {
        await expect(store.open(digestOf(Buffer.from('nothing')))).rejects.toMatchObject({ code: 'not_found' });
      });

      it.each(['', 'ab', '../../../../etc/passwd', `${'a'.repeat(63)}/`, 'A'.repeat(64), `${'a'.repeat(64)}\n`])(
        'does not find %j, which is no digest',
        async (digest) => {
          await expect(store.open(digest)).rejects.toMatchObject({ code: 'not_found' });
        },
      );

      it('opens the same bytes many times at once', async () => {
        const bytes = randomBytes(500 * KiB);
        const { digest } = await put(bytes);
        for (const copy of await Promise.all(Array.from({ length: 10 }, () => read(digest)))) {
          expect(copy.equals(bytes)).toBe(true);
        }
      });

      it('opens a range of the bytes, both ends included', async () => {
        const bytes = randomBytes(300 * KiB);
        const { digest } = await put(bytes);
        for (const [start, end] of [
          [0, 0],
          [10, 19],
          [200 * KiB, 300 * KiB - 1],
          [0, 300 * KiB - 1],
        ] as const)
          expect((await buffer(await store.open(digest, { start, end }))).equals(bytes.subarray(start, end + 1))).toBe(
            true,
          );
      });

      it('lets the reader stop early', async () => {
        const { digest } = await put(randomBytes(500 * KiB));
        const stream = await store.open(digest);
        for await (const _ of stream) break;
        expect(stream.destroyed).toBe(true);
      });

      it('keeps an open stream whole when its bytes are deleted', async () => {
        const bytes = randomBytes(2000 * KiB);
        const { digest } = await put(bytes);
        const stream = await store.open(digest);
        await store.delete([digest]);
        expect(bytes.equals(await buffer(stream))).toBe(true);
        await expect(store.open(digest)).rejects.toMatchObject({ code: 'not_found' });
      });
    });

    describe('delete', () => {
      it('removes what it is told to and nothing else', async () => {
        const contents = Array.from({ length: 20 }, () => randomBytes(100));
        for (const bytes of contents) await put(bytes);
        const [kept, gone] = [contents.slice(0, 12), contents.slice(12)];
        await store.delete(gone.map(digestOf));
        for (const bytes of kept) expect(await holds(digestOf(bytes), bytes)).toBe(true);
        for (const bytes of gone) expect(await isThere(digestOf(bytes))).toBe(false);
      });

      it('is content when there is nothing to delete', async () => {
        await store.delete([]);
        await store.delete([digestOf(Buffer.from('never')), 'no digest', '../../etc/passwd']);
        const { digest } = await put(Buffer.from('twice'));
        await Promise.all([store.delete([digest]), store.delete([digest])]);
        await store.delete([digest]);
        expect(await isThere(digest)).toBe(false);
      });

      it('lets bytes come again', async () => {
        const bytes = randomBytes(400 * KiB);
        const { digest } = await put(bytes);
        await store.delete([digest]);
        await put(bytes);
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('does not disturb bytes that are arriving', async () => {
        const bytes = randomBytes(600 * KiB);
        const half = Promise.withResolvers<void>();
        const deleted = Promise.withResolvers<void>();
        async function* slow() {
          yield bytes.subarray(0, 400 * KiB);
          half.resolve();
          await deleted.promise;
          yield bytes.subarray(400 * KiB);
        }
        const stored = put(slow());
        await half.promise;
        await store.delete([digestOf(bytes)]);
        deleted.resolve();
        await stored;
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });
    });

    describe('received content', () => {
      it.each([100, 400 * KiB])('of %i bytes is not there before it is kept', async (size) => {
        const bytes = randomBytes(size);
        const received = await store.receive(inChunks(bytes, 9999), unlimited);
        expect(received).toMatchObject({ digest: digestOf(bytes), size });
        expect(await isThere(received.digest)).toBe(false);
        await received.keep();
        await received.discard();
        expect(await holds(received.digest, bytes)).toBe(true);
      });

      it.each([100, 400 * KiB])('of %i bytes that is discarded never comes', async (size) => {
        const bytes = randomBytes(size);
        const received = await store.receive(inChunks(bytes, 9999), unlimited);
        await received.discard();
        await received.discard();
        expect(await isThere(digestOf(bytes))).toBe(false);
      });

      it('that is discarded leaves equal bytes that are kept', async () => {
        const bytes = randomBytes(400 * KiB);
        const [first, second] = await Promise.all([store.receive(bytes, unlimited), store.receive(bytes, unlimited)]);
        await first.keep();
        await second.discard();
        expect(await holds(first.digest, bytes)).toBe(true);
      });
    });
  });
}
