import { createHash, randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type Bytes,
  createFileStore,
  createMemoryBytes,
  createPostgresRecords,
  type FileStore,
} from '../../src/stores/index.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';

const hour = 3_600_000;

describe('bytes that several gateways share', () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres?.close());

  /** One database and one store of bytes; each file store is a gateway's, with connections of its own. */
  const gateways = async (count: number, bytesOf: (number: number, bytes: Bytes) => Bytes = (_, bytes) => bytes) => {
    const clock = { now: Date.now() };
    const bytes = createMemoryBytes();
    const url = await postgres.newSchema();
    const stores: FileStore[] = [];
    for (let number = 0; number < count; number++) {
      const records = createPostgresRecords({ url });
      await records.start();
      const { contents, leases } = records;
      const store = createFileStore({ bytes: bytesOf(number, bytes), contents, leases, now: () => clock.now });
      await store.start();
      stores.push(store);
      onTestFinished(() => store.close().then(() => records.close()));
    }
    return { stores, bytes, clock };
  };

  it('are never deleted while one of them puts them, however many sweep and put at once', async () => {
    const { stores, bytes } = await gateways(3);
    const contents = Array.from({ length: 4 }, () => randomBytes(500));
    const kept = new Map<string, Buffer>();
    const work = stores.flatMap((store, gateway) =>
      contents.map(async (content, index) => {
        for (let round = 0; round < 12; round++) {
          const { hold, digest } = await store.put(content, 500);
          expect((await buffer(await store.open(digest))).equals(content)).toBe(true);
          if (round === 11 && (gateway + index) % 3 === 0) kept.set(digest, content);
          else await store.release([hold]);
          await store.collect();
        }
      }),
    );
    await Promise.all(work);
    for (const store of stores) await store.collect();
    for (const content of contents) {
      const digest = createHash('sha256').update(content).digest('hex');
      expect(await bytes.size(digest)).toBe(kept.has(digest) ? 500 : undefined);
    }
  });

  it('survive a gateway that stood still between its decision to delete them and the deletion', async () => {
    const frozen = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    const { stores, bytes, clock } = await gateways(2, (number, shared) =>
      number > 0
        ? shared
        : Object.assign(Object.create(shared) as Bytes, {
            receive: shared.receive.bind(shared),
            open: shared.open.bind(shared),
            size: shared.size.bind(shared),
            close: shared.close.bind(shared),
            start: shared.start.bind(shared),
            async delete(digests: readonly string[]) {
              frozen.resolve();
              await woken.promise;
              return shared.delete(digests);
            },
          }),
    );
    const [first, second] = stores as [FileStore, FileStore];
    const content = randomBytes(100);
    const { hold, digest } = await first.put(content, 100);
    await first.release([hold]);
    const deleting = first.collect();
    await frozen.promise;
    // Its lease has ended long ago; the other one does not take its work over, so the content cannot come back before it is gone.
    clock.now += hour;
    expect(await second.collect()).toBe(0);
    const again = second.put(content, 100);
    woken.resolve();
    expect(await deleting).toBe(1);
    await again;
    expect(await bytes.size(digest)).toBe(100);
  });
});
