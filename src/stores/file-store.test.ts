import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { memoryRecords } from '../../test/support/records.ts';
import { type FileSet, newId, type StoredFile } from '../core/index.ts';
import type { Bytes } from './bytes/bytes.ts';
import { createDiskBytes } from './bytes/disk.ts';
import { createMemoryBytes } from './bytes/memory.ts';
import { createFileStore, type FileStore, type StoredBytes } from './file-store.ts';
import type { Records } from './records/records.ts';

const unlimited = Number.MAX_SAFE_INTEGER;
const hour = 3_600_000;

let now: number;
let bytes: Bytes;
let records: Records;
let store: FileStore;

async function diskBytes(): Promise<Bytes> {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return createDiskBytes({ directory });
}

const isThere = (digest: string) =>
  store.open(digest).then(
    (stream) => buffer(stream).then(() => true),
    () => false,
  );

const set = (): FileSet => {
  const times = { createdAt: now, expiresAt: now + hour };
  return { id: newId(), tenant: 't', principalId: 'p', scope: { kind: 'user' }, ...times };
};

const fileOf = ({ id: sessionId }: FileSet, { digest, size, hold: id }: StoredBytes): StoredFile => {
  const common = { contentType: 'text/plain', readOnly: false, source: 'user', createdAt: now } as const;
  return { id, sessionId, name: 'a', size, digest, ...common };
};

async function recorded(content: StoredBytes): Promise<StoredFile> {
  const owner = set();
  const file = fileOf(owner, content);
  await records.files.create(owner, [file]);
  return file;
}

describe.each([
  ['memory', async () => createMemoryBytes()],
  ['disk', diskBytes],
])('a file store on %s', (_, make) => {
  beforeEach(async () => {
    now = Date.UTC(2026, 0, 1);
    bytes = await make();
    records = memoryRecords();
    const { contents, leases } = records;
    store = createFileStore({ bytes, contents, leases, now: () => now });
    await store.start();
  });

  it('keeps bytes that a file has, and deletes them with the file', async () => {
    const content = await store.put(randomBytes(1000), unlimited);
    const file = await recorded(content);
    now += 10 * hour;
    expect(await store.collect()).toBe(0);
    expect(await isThere(content.digest)).toBe(true);
    await records.files.delete(file.sessionId, file.id);
    expect(await store.collect()).toBe(1);
    expect(await isThere(content.digest)).toBe(false);
    expect(await store.collect()).toBe(0);
  });

  it('keeps equal bytes until the last file of them goes', async () => {
    const content = randomBytes(1000);
    const files = [];
    for (let count = 0; count < 3; count++) files.push(await recorded(await store.put(content, unlimited)));
    for (const [index, file] of files.entries()) {
      expect(await isThere(file.digest)).toBe(true);
      await records.files.deleteSet(file.sessionId);
      expect(await store.collect()).toBe(index === 2 ? 1 : 0);
    }
    expect(await isThere(files[0]!.digest)).toBe(false);
  });

  it('deletes bytes whose hold is released, and spares those with another hold', async () => {
    const content = randomBytes(1000);
    const [first, second] = [await store.put(content, unlimited), await store.put(content, unlimited)];
    expect(await store.collect()).toBe(0);
    await store.release([first.hold, 'unknown']);
    expect(await store.collect()).toBe(0);
    await store.release([second.hold]);
    expect(await store.collect()).toBe(1);
    expect(await isThere(first.digest)).toBe(false);
  });

  it('deletes an hour later what a killed process held, unless the hold is renewed', async () => {
    const [forgotten, renewed] = [
      await store.put(randomBytes(10), unlimited),
      await store.put(randomBytes(10), unlimited),
    ];
    now += hour - 1;
    expect(await store.collect()).toBe(0);
    await store.renew([renewed.hold]);
    now += 2;
    expect(await store.collect()).toBe(1);
    expect([await isThere(forgotten.digest), await isThere(renewed.digest)]).toEqual([false, true]);
    now += hour;
    expect(await store.collect()).toBe(1);
  });

  it('records no file of content that is gone', async () => {
    const content = await store.put(randomBytes(10), unlimited);
    await store.release([content.hold]);
    await store.collect();
    await expect(recorded(content)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('lets equal bytes that arrive during a deletion wait for its end', async () => {
    const content = randomBytes(1000);
    const first = await store.put(content, unlimited);
    await store.release([first.hold]);
    const deleting = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const real = bytes.delete.bind(bytes);
    vi.spyOn(bytes, 'delete').mockImplementation(async (digests) => {
      deleting.resolve();
      await go.promise;
      await real(digests);
    });
    const collected = store.collect();
    await deleting.promise;
    const again = store.put(content, unlimited);
    await expect(recorded(first)).rejects.toMatchObject({ code: 'not_found' });
    go.resolve();
    expect(await collected).toBe(1);
    expect(await isThere((await again).digest)).toBe(true);
    await recorded(await again);
  });

  it('goes on with a deletion that failed', async () => {
    const content = await store.put(randomBytes(10), unlimited);
    await store.release([content.hold]);
    vi.spyOn(bytes, 'delete').mockRejectedValueOnce(new Error('the disk refuses'));
    await expect(store.collect()).rejects.toThrow('the disk refuses');
    expect(await store.collect()).toBe(1);
    expect(await isThere(content.digest)).toBe(false);
  });

  it('leaves nothing when bytes cannot get their place', async () => {
    const content = randomBytes(10);
    const real = bytes.receive.bind(bytes);
    vi.spyOn(bytes, 'receive').mockImplementationOnce(async (...given) => ({
      ...(await real(...given)),
      keep: () => Promise.reject(new Error('no space')),
    }));
    await expect(store.put(content, unlimited)).rejects.toThrow('no space');
    expect(await store.collect()).toBe(1);
    await recorded(await store.put(content, unlimited));
  });

  it('deletes nothing while another process does', async () => {
    const { contents, leases } = records;
    const other = createFileStore({ bytes, contents, leases, now: () => now });
    await other.collect();
    const content = await store.put(randomBytes(10), unlimited);
    await store.release([content.hold]);
    expect(await store.collect()).toBe(0);
    expect(await other.collect()).toBe(1);
    // A process that is gone gives way after a minute, one that ends does so at once.
    const next = await store.put(randomBytes(10), unlimited);
    await store.release([next.hold]);
    now += 61_000;
    expect(await store.collect()).toBe(1);
    await store.close();
    expect(await leases.take('delete-contents', 'third', now, now + 1)).toBe(true);
  });

  it('never loses a file under uploads, deletions and collections at once', async () => {
    const texts = Array.from({ length: 4 }, (_, index) => Buffer.from(`content ${index}`));
    let collected = 0;
    const uploads = async (seed: number) => {
      for (let round = 0; round < 40; round++) {
        const file = await recorded(await store.put(texts[(round * seed) % texts.length]!, unlimited));
        expect(await isThere(file.digest)).toBe(true);
        await records.files.delete(file.sessionId, file.id);
        const removed = await store.collect();
        collected += removed;
      }
    };
    await Promise.all([uploads(1), uploads(2), uploads(3)]);
    expect(collected).toBeGreaterThan(0);
    collected = await store.collect();
    for (const text of texts) {
      const { digest, hold } = await store.put(text, unlimited);
      await store.release([hold]);
      await store.collect();
      expect(await isThere(digest)).toBe(false);
    }
  });
});

it('has nothing of a disk left when every file is gone', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-store-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  now = Date.UTC(2026, 0, 1);
  records = memoryRecords();
  const { contents, leases } = records;
  store = createFileStore({ bytes: createDiskBytes({ directory }), contents, leases, now: () => now });
  await store.start();
  for (let count = 0; count < 60; count++) await recorded(await store.put(randomBytes(100), unlimited));
  now += 2 * hour;
  await records.files.deleteExpired(now);
  expect(await store.collect()).toBe(60);
  const left = await readdir(directory, { withFileTypes: true, recursive: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});
