import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { CompileCache, type CompileKey } from './compile-cache.ts';

const [ann, bob] = ['a', 'b'].map((letter) => letter.repeat(64)) as [string, string];
const keyOf = (source: number, owner = ann): CompileKey => ({ owner, source: String(source).repeat(64) });
const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)];
const program = (text: string) => Buffer.from(text.padEnd(100));
const nameOf = ({ owner, source }: CompileKey, text: string) =>
  `${owner}-${source}-${crc32(program(text)).toString(16).padStart(8, '0')}`;
let directory: string;
let folder: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'compiled-'));
  folder = join(directory, 'programs');
  onTestFinished(() => rmSync(directory, { recursive: true }));
});

function open(maxBytes = 250): CompileCache {
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const cache = new CompileCache({ directory, maxBytes, logger });
  cache.start();
  return cache;
}

async function put(cache: CompileCache, key: CompileKey, content: Buffer): Promise<void> {
  cache.put(key, content);
  await cache.close();
}

it('has a program at hand before it is on disk, and when the disk takes none', async () => {
  const cache = open();
  rmSync(directory, { recursive: true });
  cache.put(a, program('one'));
  expect(await cache.get(a)).toEqual(program('one'));
  await cache.close();
  expect(await cache.get(a)).toEqual(program('one'));
  mkdirSync(directory);
});

it('has no more than so much at hand', async () => {
  const cache = open(2 ** 30);
  const large = Buffer.alloc(8 * 1024 * 1024, 'x');
  for (let at = 0; at < 6; at++) await put(cache, keyOf(at), large);
  rmSync(directory, { recursive: true });
  const there = await Promise.all([0, 1, 2, 3, 4, 5].map((at) => cache.get(keyOf(at))));
  expect(there.map((program) => program?.length)).toEqual([undefined, undefined, ...Array(4).fill(large.length)]);
  mkdirSync(directory);
});

it('keeps a program over a restart', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  expect(await open().get(a)).toEqual(program('one'));
  expect(await open().get(b)).toBeUndefined();
});

it('removes the one longest unused when the room is used up', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  await put(cache, b, program('two'));
  await cache.get(a);
  await put(cache, c, program('three'));
  expect(readdirSync(folder).sort()).toEqual([nameOf(a, 'one'), nameOf(c, 'three')]);
  expect(await open().get(b)).toBeUndefined();
  expect(await open().get(a)).toEqual(program('one'));
});

it('keeps the only program of one owner however many another has', async () => {
  const cache = open(500);
  await put(cache, keyOf(1, bob), program('of bob'));
  for (let at = 0; at < 9; at++) await put(cache, keyOf(at), program('of ann'));
  expect(readdirSync(folder).length).toBe(5);
  expect(await open(500).get(keyOf(1, bob))).toEqual(program('of bob'));
});

it('has the only program of one owner at hand however many another uses', async () => {
  const cache = open(2 ** 30);
  const large = Buffer.alloc(8 * 1024 * 1024, 'x');
  await put(cache, keyOf(1, bob), program('of bob'));
  for (let at = 0; at < 6; at++) await put(cache, keyOf(at), large);
  rmSync(directory, { recursive: true });
  expect(await cache.get(keyOf(1, bob))).toEqual(program('of bob'));
  mkdirSync(directory);
});

it('keeps nothing larger than all the room', async () => {
  const cache = open(50);
  await put(cache, a, program('one'));
  expect(readdirSync(folder)).toEqual([]);
  expect(await cache.get(a)).toBeUndefined();
});

it('does not hand out what is no longer whole', async () => {
  await put(open(), a, program('one'));
  const kept = readFileSync(join(folder, nameOf(a, 'one')));
  kept[20]! ^= 1;
  writeFileSync(join(folder, nameOf(a, 'one')), kept);
  expect(await open().get(a)).toBeUndefined();
  expect(readdirSync(folder)).toEqual([]);
});

it('sweeps what a killed server left half written', () => {
  mkdirSync(folder);
  writeFileSync(join(folder, `${nameOf(a, 'one')}.0.unfinished`), 'half');
  writeFileSync(join(directory, 'of an older version'), 'whole');
  open();
  expect(readdirSync(folder)).toEqual([]);
  expect(readdirSync(directory)).toEqual(['programs']);
});

it('holds a program by its name, which nobody else of this host can find', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  const held = cache.hold(a);
  expect(held).toMatchObject({ name: nameOf(a, 'one'), size: 100 });
  expect(cache.hold({ ...a, owner: bob })).toBeUndefined();
  const modes = [directory, folder, join(folder, held!.name)].map((path) => statSync(path).mode & 0o777);
  expect(modes).toEqual([0o700, 0o711, 0o444]);
});

it('holds no program of before that it has not compared with its sum', async () => {
  await put(open(), a, program('one'));
  const cache = open();
  expect(cache.hold(a)).toBeUndefined();
  expect(await cache.get(a)).toEqual(program('one'));
  expect(cache.hold(a)).toMatchObject({ size: 100 });
});

it('removes the file of a program that is held only after its last release', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  const [one, two] = [cache.hold(a)!, cache.hold(a)!];
  await put(cache, b, program('two'));
  await put(cache, c, program('three'));
  expect(cache.hold(a)).toBeUndefined();
  one.release();
  await cache.close();
  expect(readFileSync(join(folder, one.name))).toEqual(program('one'));
  two.release();
  await cache.close();
  expect(readdirSync(folder)).not.toContain(one.name);
});

it('keeps the file of a program that came back while it was held', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  const held = cache.hold(a)!;
  await put(cache, b, program('two'));
  await put(cache, c, program('three'));
  await put(cache, a, program('one'));
  held.release();
  await cache.close();
  expect(readFileSync(join(folder, held.name))).toEqual(program('one'));
});

it('has one file of a program that was made twice and came out differently', async () => {
  const cache = open();
  await put(cache, a, program('one'));
  await put(cache, a, program('two'));
  expect(readdirSync(folder)).toEqual([nameOf(a, 'two')]);
});
