import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

test('a burst is taken at once, what follows waits its turn, and another key waits for nothing', () => {
  let now = 0;
  const pace = new Pace(() => now);
  for (let at = 0; at < 2000; at++) expect(pace.take('a')).toBe(0);
  expect(pace.take('a')).toBe(5);
  expect(pace.take('a')).toBe(10);
  expect(pace.take('b')).toBe(0);
  now = 1000;
  expect(pace.take('a')).toBe(0);
});
