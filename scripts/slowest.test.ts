import { expect, test } from 'vitest';
import { slowestFiles } from './launch/slowest.mjs';

const file = (name: string, ms: number, tests: number) => ({
  name: `/project/${name}`,
  startTime: 1000,
  endTime: 1000 + ms,
  assertionResults: Array(tests).fill({}),
});

test('the slowest files come first, with their part of the whole', () => {
  const result = {
    testResults: [file('src/a.test.ts', 400, 9), file('test/b.test.ts', 8000, 2), file('test/c.test.ts', 61_500, 20)],
  };
  expect(slowestFiles(result, '/project')!.split('\n')).toEqual([
    '   61.5 s    20 tests  test/c.test.ts',
    '    8.0 s     2 tests  test/b.test.ts',
    '70 of 70 s of all files',
  ]);
});

test('a quick run has no list', () => {
  expect(slowestFiles({ testResults: [file('src/a.test.ts', 400, 9)] }, '/project')).toBeUndefined();
});
