import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Bytes } from './bytes.ts';
import { createDiskBytes } from './disk.ts';

const small = Buffer.from('small');
const large = randomBytes(600 * 1024);
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

let directory: string;
let store: Bytes;

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'dragoman-disk-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  directory = join(parent, 'data', 'files');
  store = createDiskBytes({ directory });
  await store.start();
});

async function put(bytes: Uint8Array): Promise<{ digest: string; size: number }> {
  const received = await store.receive(bytes, Number.MAX_SAFE_INTEGER);
  try {
    await received.keep();
  } finally {
    await received.discard();
  }
  return { digest: received.digest, size: received.size };
}

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

const pathOf = (bytes: Uint8Array) => join(directory, digestOf(bytes).slice(0, 2), digestOf(bytes).slice(2));
const shardOf = (bytes: Uint8Array) => join(directory, digestOf(bytes).slice(0, 2));
const incoming = () => readdir(join(directory, 'incoming'));
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('layout', () => {
  it('stores content under its digest, readable by its owner alone', async () => {
    for (const bytes of [small, large, Buffer.alloc(0)]) {
      await put(bytes);
      expect((await readFile(pathOf(bytes))).equals(bytes)).toBe(true);
      expect(await modeOf(pathOf(bytes))).toBe('600');
      expect(await modeOf(shardOf(bytes))).toBe('700');
    }
    for (const path of [join(directory, '..'), directory, join(directory, 'incoming')]) {
      expect(await modeOf(path)).toBe('700');
    }
    expect(await incoming()).toEqual([]);
  });

  it('leaves equal bytes where they are', async () => {
    await put(large);
    const before = await stat(pathOf(large));
    await put(large);
    expect((await stat(pathOf(large))).ino).toBe(before.ino);
    expect(await incoming()).toEqual([]);
  });

  it('replaces bytes whose size is wrong', async () => {
    await put(large);
    await writeFile(pathOf(large), 'damaged');
    await put(large);
    expect((await readFile(pathOf(large))).equals(large)).toBe(true);
  });

  it('gives no space to zeros', async () => {
    const holes = Buffer.alloc(8 * 1024 * 1024);
    randomBytes(1000).copy(holes, 5_000_000);
    for (const source of [holes, inChunks(holes, 100_000)]) {
      const received = await store.receive(source, Number.MAX_SAFE_INTEGER);
      await received.keep();
      const { size, blocks } = await stat(pathOf(holes));
      expect(size).toBe(holes.byteLength);
      expect(blocks * 512).toBeLessThan(512 * 1024);
      expect((await readFile(pathOf(holes))).equals(holes)).toBe(true);
      await store.delete([received.digest]);
    }
  });

  it('ignores strangers in its directory', async () => {
    await writeFile(join(directory, 'README'), 'mine');
    await writeFile(join(shardOf(small), 'notes.txt'), 'mine');
    await put(small);
    await store.delete([digestOf(small)]);
    expect(await readFile(join(shardOf(small), 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('start', () => {
  it('removes what a killed process left and keeps everything else', async () => {
    await put(small);
    await writeFile(join(directory, 'incoming', 'half'), large.subarray(0, 1000));
    await mkdir(join(directory, 'incoming', 'directory'));
    const next = createDiskBytes({ directory });
    expect(await next.start()).toBe(2);
    expect(await incoming()).toEqual([]);
    expect(await buffer(await next.open(digestOf(small)))).toEqual(small);
  });

  it('says so when the directory cannot be made', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(createDiskBytes({ directory: join(file, 'files') }).start()).rejects.toMatchObject({
      code: 'storage_unavailable',
      cause: { code: 'ENOTDIR' },
    });
  });
});

describe('faults of the disk', () => {
  it.each([
    ['small', small],
    ['large', large],
  ])('rejects %s content when nothing can be written', async (_, bytes) => {
    await rm(join(directory, 'incoming'), { recursive: true });
    await expect(put(bytes)).rejects.toMatchObject({ code: 'storage_unavailable', cause: { code: 'ENOENT' } });
    await expect(store.open(digestOf(bytes))).rejects.toMatchObject({ code: 'not_found' });
  });

  it.each([
    ['small', small],
    ['large', large],
  ])('leaves nothing when %s content cannot get its name', async (_, bytes) => {
    await rm(shardOf(bytes), { recursive: true });
    await expect(put(bytes)).rejects.toMatchObject({ code: 'storage_unavailable', cause: { code: 'ENOENT' } });
    expect(await incoming()).toEqual([]);
    await mkdir(shardOf(bytes));
    expect(await put(bytes)).toEqual({ digest: digestOf(bytes), size: bytes.byteLength });
  });

  it('tells a missing file from a disk that refuses', async () => {
    await rm(shardOf(small), { recursive: true });
    await writeFile(shardOf(small), 'a file in the place of a directory');
    await expect(store.open(digestOf(small))).rejects.toMatchObject({ code: 'storage_unavailable' });
    await expect(put(small)).rejects.toMatchObject({ code: 'storage_unavailable', cause: { code: 'ENOTDIR' } });
    await expect(store.delete([digestOf(small)])).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await incoming()).toEqual([]);
  });
});

describe('keeping and deleting at once', () => {
  it('ends with whole content or none', async () => {
    for (let round = 0; round < 40; round++) {
      const [stored] = await Promise.all([put(large), store.delete([digestOf(large)]), put(large)]);
      const found = await store.open(stored.digest).then(
        (stream) => buffer(stream),
        () => undefined,
      );
      expect(found === undefined || found.equals(large)).toBe(true);
    }
    expect(await incoming()).toEqual([]);
  });
});
