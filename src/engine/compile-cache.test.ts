import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { CompileCache } from './compile-cache.ts';

const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(64)) as [string, string, string];
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

it('keeps a program over a restart', async () => {
  await open().put(a, program('one'));
  expect(await open().get(a)).toEqual(program('one'));
  expect(await open().get(b)).toBeUndefined();
});

it('removes the one longest unused when the room is used up', async () => {
  const cache = open();
  await cache.put(a, program('one'));
  await cache.put(b, program('two'));
  await cache.get(a);
  await cache.put(c, program('three'));
  expect(await cache.get(b)).toBeUndefined();
  expect(await cache.get(a)).toEqual(program('one'));
  expect(readdirSync(directory).sort()).toEqual([a, c]);
});

it('keeps nothing larger than all the room', async () => {
  const cache = open(50);
  await cache.put(a, program('one'));
  expect(readdirSync(directory)).toEqual([]);
});

it('does not hand out what is no longer whole', async () => {
  const cache = open();
  await cache.put(a, program('one'));
  const kept = readFileSync(join(directory, a));
  kept[20]! ^= 1;
  writeFileSync(join(directory, a), kept);
  expect(await cache.get(a)).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

it('sweeps what a killed server left half written', () => {
  writeFileSync(join(directory, `${a}.0.unfinished`), 'half');
  open();
  expect(readdirSync(directory)).toEqual([]);
});
