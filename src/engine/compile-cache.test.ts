import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { CompileCache, type CompileKey } from './compile-cache.ts';

const [ann, bob] = ['a', 'b'].map((letter) => letter.repeat(64)) as [string, string];
const keyOf = (source: number, owner = ann): CompileKey => ({ owner, source: String(source).repeat(64) });
const [a, b, c] = [keyOf(1), keyOf(2), keyOf(3)];
const nameOf = ({ owner, source }: CompileKey) => `${owner}-${source}`;
const program = (text: string) => Buffer.from(text.padEnd(96));
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'compiled-'));
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
  expect(readdirSync(directory).sort()).toEqual([nameOf(a), nameOf(c)]);
  expect(await open().get(b)).toBeUndefined();
  expect(await open().get(a)).toEqual(program('one'));
});

it('keeps the only program of one owner however many another has', async () => {
  const cache = open(500);
  await put(cache, keyOf(1, bob), program('of bob'));
  for (let at = 0; at < 9; at++) await put(cache, keyOf(at), program('of ann'));
  expect(readdirSync(directory).length).toBe(5);
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
  expect(readdirSync(directory)).toEqual([]);
  expect(await cache.get(a)).toBeUndefined();
});

it('does not hand out what is no longer whole', async () => {
  await put(open(), a, program('one'));
  const kept = readFileSync(join(directory, nameOf(a)));
  kept[20]! ^= 1;
  writeFileSync(join(directory, nameOf(a)), kept);
  expect(await open().get(a)).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

it('sweeps what a killed server left half written', () => {
  writeFileSync(join(directory, `${nameOf(a)}.0.unfinished`), 'half');
  open();
  expect(readdirSync(directory)).toEqual([]);
});
