import { expect, it } from 'vitest';
import { weightOf } from './weight.ts';

it('grows with what a value holds, however it is made up', () => {
  const texts = (count: number) => Array.from({ length: count }, (_, n) => `${n}`.padStart(50));
  for (const value of ['x'.repeat(100_000), Buffer.alloc(100_000), texts(2000), { a: { b: texts(2000) } }])
    expect(weightOf(value)).toBeGreaterThan(99_999);
  expect(weightOf(Array(50_000).fill([]))).toBeGreaterThan(50_000 * 16);
  expect(weightOf({ ['k'.repeat(1000)]: null })).toBeGreaterThan(1000);
  expect(weightOf(texts(10))).toBeLessThan(2000);
});

it('follows no value for ever', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  expect(weightOf(deep)).toBeLessThan(10_000);
});
