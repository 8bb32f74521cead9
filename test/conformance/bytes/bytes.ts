import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FileStore } from '../../../src/stores/index.ts';

const unlimited = Number.MAX_SAFE_INTEGER;
const KiB = 1024;

const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const never = async () => false;
const always = async () => true;

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** What every file store keeps to. `make` returns a new, empty store that has not been started. */
export function describeFileStore(name: string, make: () => Promise<FileStore>): void {
  describe(`file store: ${name}`, () => {
    let store: FileStore;

    beforeEach(async () => {
      store = await make();
      await store.start();
    });

    afterEach(async () => {
      await store.close();
    });

    const read = async (digest: string) => buffer(await store.open(digest));
    const holds = async (digest: string, bytes: Uint8Array) => (await read(digest)).equals(bytes);

    describe('put', () => {
      const sizes = [0, 1, 1000, 64 * KiB, 256 * KiB, 256 * KiB + 1, 3000 * KiB + 7];

      it.each(sizes)('stores %i bytes given as a whole', async (size) => {
        const bytes = randomBytes(size);
        expect(await store.put(bytes, unlimited)).toEqual({ digest: digestOf(bytes), size });
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it.each(sizes)('stores %i bytes given as a stream', async (size) => {
        const bytes = randomBytes(size);
        expect(await store.put(inChunks(bytes, 50_000), unlimited)).toEqual({ digest: digestOf(bytes), size });
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it('stores what a Node stream yields', async () => {
        const bytes = randomBytes(700 * KiB);
        const { digest } = await store.put(Readable.from(inChunks(bytes, 16 * KiB)), unlimited);
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('takes chunks of any length, empty ones too', async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 }), async (chunks) => {
            const bytes = Buffer.concat(chunks);
            const stored = await store.put(Readable.from(chunks), unlimited);
            expect(stored).toEqual({ digest: digestOf(bytes), size: bytes.byteLength });
            expect(await holds(stored.digest, bytes)).toBe(true);
          }),
          { numRuns: 30 },
        );
      });

      it('takes a chunk as it is when it is yielded, so that a source may reuse its buffer', async () => {
        async function* reusing() {
          const chunk = Buffer.alloc(100 * KiB);
          for (let value = 1; value <= 6; value++) yield chunk.fill(value);
        }
        const bytes = Buffer.concat([1, 2, 3, 4, 5, 6].map((value) => Buffer.alloc(100 * KiB, value)));
        const { digest } = await store.put(reusing(), unlimited);
        expect(digest).toBe(digestOf(bytes));
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('takes the bytes of a view, not of the buffer under it', async () => {
        const bytes = new Uint8Array(randomBytes(100).buffer.slice(0, 100)).subarray(10, 20);
        const { digest, size } = await store.put(bytes, unlimited);
        expect(size).toBe(10);
        expect(await holds(digest, bytes)).toBe(true);
      });

      it('keeps to the limit to the byte', async () => {
        const bytes = randomBytes(600 * KiB);
        for (const source of [() => bytes, () => inChunks(bytes, 1000)]) {
          await expect(store.put(source(), bytes.byteLength - 1)).rejects.toMatchObject({ code: 'too_large' });
          expect(await store.sweep(never, 0)).toBe(0);
          expect(await store.put(source(), bytes.byteLength)).toMatchObject({ size: bytes.byteLength });
          expect(await store.sweep(never, 0)).toBe(1);
        }
      });

      it('refuses anything but nothing under a limit of zero', async () => {
        await expect(store.put(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'too_large' });
        expect(await store.put(new Uint8Array(), 0)).toMatchObject({ size: 0 });
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
        await expect(store.put(endless(), 1000 * KiB)).rejects.toMatchObject({ code: 'too_large' });
        expect(ended).toBe(true);
      });

      it.each([10, 400 * KiB])('passes on what a source throws after %i bytes and leaves nothing', async (size) => {
        const bytes = randomBytes(size);
        const fault = new Error('the client went away');
        async function* failing() {
          yield bytes;
          throw fault;
        }
        await expect(store.put(failing(), unlimited)).rejects.toBe(fault);
        await expect(store.open(digestOf(bytes))).rejects.toMatchObject({ code: 'not_found' });
        expect(await store.sweep(never, 0)).toBe(0);
      });

      it('rejects and leaves nothing when a stream is destroyed in the middle', async () => {
        const stream = new Readable({ read() {} });
        stream.push(randomBytes(400 * KiB));
        const stored = store.put(stream, unlimited);
        setTimeout(() => stream.destroy(new Error('deadline')), 20);
        await expect(stored).rejects.toThrow('deadline');
        expect(await store.sweep(never, 0)).toBe(0);
      });

      it('stores equal bytes once', async () => {
        const bytes = randomBytes(300 * KiB);
        const first = await store.put(bytes, unlimited);
        expect(await store.put(inChunks(bytes, 9999), unlimited)).toEqual(first);
        expect(await store.sweep(never, 0)).toBe(1);
      });

      it.each([100, 400 * KiB])('stores %i equal bytes once that arrive many times at once', async (size) => {
        const bytes = randomBytes(size);
        const stored = await Promise.all(
          Array.from({ length: 20 }, (_, index) =>
            store.put(index % 2 ? bytes : inChunks(bytes, 30_000 + index), unlimited),
          ),
        );
        expect(stored).toEqual(stored.map(() => ({ digest: digestOf(bytes), size })));
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
        expect(await store.sweep(never, 0)).toBe(1);
      });

      it('stores different bytes that arrive at once', async () => {
        const contents = Array.from({ length: 30 }, (_, index) => randomBytes(index * 20_000));
        const stored = await Promise.all(contents.map((bytes) => store.put(bytes, unlimited)));
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
        const { digest } = await store.put(bytes, unlimited);
        for (const copy of await Promise.all(Array.from({ length: 10 }, () => read(digest)))) {
          expect(copy.equals(bytes)).toBe(true);
        }
      });

      it('lets the reader stop early', async () => {
        const { digest } = await store.put(randomBytes(500 * KiB), unlimited);
        const stream = await store.open(digest);
        for await (const _ of stream) break;
        expect(stream.destroyed).toBe(true);
      });

      it('keeps an open stream whole when its bytes are swept', async () => {
        const bytes = randomBytes(2000 * KiB);
        const { digest } = await store.put(bytes, unlimited);
        const stream = await store.open(digest);
        expect(await store.sweep(never, 0)).toBe(1);
        expect(bytes.equals(await buffer(stream))).toBe(true);
        await expect(store.open(digest)).rejects.toMatchObject({ code: 'not_found' });
      });
    });

    describe('sweep', () => {
      it('removes what nobody refers to and nothing else', async () => {
        const contents = Array.from({ length: 20 }, () => randomBytes(100));
        for (const bytes of contents) await store.put(bytes, unlimited);
        const kept = new Set(contents.slice(0, 12).map(digestOf));
        const asked: string[] = [];
        const removed = await store.sweep(async (digest) => {
          asked.push(digest);
          return kept.has(digest);
        }, 0);
        expect(removed).toBe(8);
        expect(asked.toSorted()).toEqual(contents.map(digestOf).toSorted());
        for (const bytes of contents) {
          if (kept.has(digestOf(bytes))) expect(await holds(digestOf(bytes), bytes)).toBe(true);
          else await expect(store.open(digestOf(bytes))).rejects.toMatchObject({ code: 'not_found' });
        }
        expect(await store.sweep(always, 0)).toBe(0);
      });

      it('returns 0 for an empty store', async () => {
        expect(await store.sweep(never, 0)).toBe(0);
      });

      it('spares what was put within the grace time, and removes it afterwards', async () => {
        const { digest } = await store.put(Buffer.from('fresh'), unlimited);
        expect(await store.sweep(never, 60_000)).toBe(0);
        expect(await holds(digest, Buffer.from('fresh'))).toBe(true);
        await sleep(50);
        expect(await store.sweep(never, 40)).toBe(1);
      });

      it('spares what was put again within the grace time', async () => {
        const [renewed, stale] = [Buffer.from('renewed'), Buffer.from('stale')];
        await store.put(renewed, unlimited);
        await store.put(stale, unlimited);
        await sleep(1600);
        await store.put(renewed, unlimited);
        expect(await store.sweep(never, 1500)).toBe(1);
        expect(await holds(digestOf(renewed), renewed)).toBe(true);
        await expect(store.open(digestOf(stale))).rejects.toMatchObject({ code: 'not_found' });
      });

      it('never loses bytes that are put again while it decides about them', async () => {
        const bytes = Buffer.from('wanted again');
        await store.put(bytes, unlimited);
        let again: Promise<unknown> | undefined;
        await store.sweep(async () => {
          again = store.put(bytes, unlimited);
          await sleep(20);
          return false;
        }, 0);
        await again;
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it('does not disturb bytes that are arriving', async () => {
        const bytes = randomBytes(600 * KiB);
        const half = Promise.withResolvers<void>();
        const swept = Promise.withResolvers<void>();
        async function* slow() {
          yield bytes.subarray(0, 400 * KiB);
          half.resolve();
          await swept.promise;
          yield bytes.subarray(400 * KiB);
        }
        const stored = store.put(slow(), unlimited);
        await half.promise;
        expect(await store.sweep(never, 0)).toBe(0);
        swept.resolve();
        await stored;
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
      });

      it('passes on what the question throws, and works the next time', async () => {
        const bytes = Buffer.from('in doubt');
        await store.put(bytes, unlimited);
        const fault = new Error('the catalogue is closed');
        await expect(store.sweep(() => Promise.reject(fault), 0)).rejects.toBe(fault);
        expect(await holds(digestOf(bytes), bytes)).toBe(true);
        await store.put(bytes, unlimited);
        expect(await store.sweep(never, 0)).toBe(1);
      });

      it('counts each removal once when two sweeps run at once', async () => {
        for (let index = 0; index < 20; index++) await store.put(Buffer.from(`content ${index}`), unlimited);
        const counts = await Promise.all([store.sweep(never, 0), store.sweep(never, 0)]);
        expect(counts[0]! + counts[1]!).toBe(20);
      });
    });
  });
}
