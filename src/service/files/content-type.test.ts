import { expect, it } from 'vitest';
import { contentTypeOf } from './content-type.ts';

it('is what the uploader said, where that says anything', () => {
  expect(contentTypeOf('a.csv', 'text/x-mine')).toBe('text/x-mine');
  expect(contentTypeOf('a.csv', 'application/octet-stream')).toBe('text/csv');
  expect(contentTypeOf('a.csv', 'no type')).toBe('text/csv');
});

it.each([
  ['main.py', 'text/x-python'],
  ['main.ts', 'text/typescript'],
  ['lib.RS', 'text/x-rust'],
  ['m.cjs', 'text/javascript'],
  ['rows.parquet', 'application/vnd.apache.parquet'],
  ['rows.jsonl', 'application/jsonl'],
  ['plots/a.PNG', 'image/png'],
  ['notes.md', 'text/markdown'],
  ['Makefile', 'application/octet-stream'],
  ['.py', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
])('of %s is %s by its name', (name, type) => {
  expect(contentTypeOf(name, undefined)).toBe(type);
});
