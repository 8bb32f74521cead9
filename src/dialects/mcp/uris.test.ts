import { expect, test } from 'vitest';
import { fileUri, readFileUri } from './uris.ts';

test.each([['a.txt'], ['folder/a b.txt'], ['grün/50 %.csv'], ['a?b#c'], ['ü']])(
  '%s goes into an address and back',
  (path) => {
    expect(readFileUri(fileUri('Qy3kZr0vXc7TgWbN5mLpA', path))).toEqual({ sessionId: 'Qy3kZr0vXc7TgWbN5mLpA', path });
  },
);

test.each([
  ['file:///etc/passwd'],
  ['dragoman://sessions/x/files/../../etc/passwd'],
  ['dragoman://sessions/x/files/%2e%2e/y'],
  ['dragoman://sessions/x/files/%2Fetc'],
  ['dragoman://sessions/x/files/%'],
  ['dragoman://sessions/x/files/%00'],
  ['dragoman://sessions/../files/a'],
  ['dragoman://sessions/x/files/'],
  ['dragoman://sessions//files/a'],
  [''],
])('%s names no file', (uri) => {
  expect(readFileUri(uri)).toBeUndefined();
});
