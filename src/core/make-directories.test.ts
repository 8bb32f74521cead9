import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { makeDirectories } from './make-directories.ts';

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'dragoman-directories-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

it('makes what is missing and says where it began', () => {
  const top = folder();
  expect(makeDirectories(join(top, 'a/b/c'), 0o700)).toBe(join(top, 'a'));
  expect(statSync(join(top, 'a/b/c')).mode & 0o777).toBe(0o700);
  expect(makeDirectories(join(top, 'a/b/c'), 0o700)).toBeUndefined();
  expect(makeDirectories(join(top, 'a/d'), 0o700)).toBe(join(top, 'a/d'));
});

it('ends with the error of the system where a directory cannot be made', () => {
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  expect(() => makeDirectories(file, 0o700)).toThrow('EEXIST');
  expect(() => makeDirectories(join(file, 'a'), 0o700)).toThrow('ENOTDIR');
  expect(() => makeDirectories('/proc/nope', 0o700)).toThrow('ENOENT');
  expect(() => makeDirectories('/proc/nope/a/b', 0o700)).toThrow('ENOENT');
});
