import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createDiskFileStore } from './disk.ts';
import type { FileStore } from './file-store.ts';

const small = Buffer.from('small');
const large = randomBytes(600 * 1024);
const digestOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const never = async () => false;

let directory: string;
let store: FileStore;

beforeEach(async () => {
  const parent = await mkdtemp(join(tmpdir(), 'dragoman-disk-'));
  onTestFinished(() => rm(parent, { recursive: true, force: true }));
  directory = join(parent, 'data', 'files');
  store = createDiskFileStore({ directory });
  await store.start();
});

const put = (bytes: Uint8Array, to = store) => to.put(bytes, Number.MAX_SAFE_INTEGER);
const pathOf = (bytes: Uint8Array) => join(directory, digestOf(bytes).slice(0, 2), digestOf(bytes).slice(2));
const shardOf = (bytes: Uint8Array) => join(directory, digestOf(bytes).slice(0, 2));
const incoming = () => readdir(join(directory, 'incoming'));
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('layout', () => {
  it('keeps content under its digest, readable by nobody else', async () => {
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

  it('leaves equal bytes where they are and renews their age', async () => {
    await put(large);
    await utimes(pathOf(large), 1000, 1000);
    const before = await stat(pathOf(large));
    const startedAt = Date.now();
    await put(large);
    const after = await stat(pathOf(large));
    expect(after.ino).toBe(before.ino);
    expect(Math.ceil(after.mtimeMs)).toBeGreaterThanOrEqual(startedAt);
    expect(await incoming()).toEqual([]);
  });

  it('ignores strangers in its directory', async () => {
    await writeFile(join(directory, 'README'), 'mine');
    await writeFile(join(shardOf(small), 'notes.txt'), 'mine');
    expect(await store.sweep(never, 0)).toBe(0);
    expect(await readFile(join(shardOf(small), 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('start', () => {
  it('removes what a killed process left and keeps everything else', async () => {
    await put(small);
    await writeFile(join(directory, 'incoming', 'half'), large.subarray(0, 1000));
    await mkdir(join(directory, 'incoming', 'directory'));
    const next = createDiskFileStore({ directory });
    expect(await next.start()).toBe(2);
    expect(await incoming()).toEqual([]);
    expect(await buffer(await next.open(digestOf(small)))).toEqual(small);
    expect(await next.sweep(never, 0)).toBe(1);
  });

  it('says so when the directory cannot be made', async () => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    await expect(createDiskFileStore({ directory: join(file, 'files') }).start()).rejects.toMatchObject({
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
    await expect(store.sweep(never, 0)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await incoming()).toEqual([]);
  });
});

describe('put and sweep at once', () => {
  it('never loses bytes whose put has resolved', async () => {
    const contents = Array.from({ length: 8 }, (_, index) => Buffer.from(`content ${index}`));
    let swept = 0;
    for (let round = 0; round < 40; round++) {
      for (const bytes of contents) await utimes(pathOf(bytes), 1000, 1000).catch(() => {});
      const [removed] = await Promise.all([store.sweep(never, 600_000), ...contents.map((bytes) => put(bytes))]);
      swept += removed;
      for (const bytes of contents) expect(await buffer(await store.open(digestOf(bytes)))).toEqual(bytes);
      // Every second round a sweep has the start over the puts.
      for (const bytes of contents) await utimes(pathOf(bytes), 1000, 1000);
      const sweeping = store.sweep(never, 600_000);
      await new Promise((resolve) => setTimeout(resolve, round % 8));
      await Promise.all(contents.map((bytes) => put(bytes)));
      swept += await sweeping;
      for (const bytes of contents) expect(await buffer(await store.open(digestOf(bytes)))).toEqual(bytes);
    }
    expect(swept).toBeGreaterThan(0);
  });
});
