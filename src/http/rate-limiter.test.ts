import { expect, test } from 'vitest';
import { RateLimiter, type RateLimits } from './rate-limiter.ts';

const limits: RateLimits = {
  exec: { count: 3, periodMs: 30_000 },
  upload: { count: 1, periodMs: 1000 },
  download: null,
  list: null,
};
let now = 0;
const limiter = () => {
  now = 1_000_000;
  return new RateLimiter(limits, () => now);
};

test('a burst of the whole count passes, then one per share of the period', () => {
  const rates = limiter();
  expect([1, 2, 3].map(() => rates.take('a', 'exec'))).toEqual([0, 0, 0]);
  expect(rates.take('a', 'exec')).toBe(10);
  now += 9_100;
  expect(rates.take('a', 'exec')).toBe(1);
  now += 900;
  expect(rates.take('a', 'exec')).toBe(0);
  expect(rates.take('a', 'exec')).toBe(10);
});

test('refused requests do not push the time further out', () => {
  const rates = limiter();
  for (let i = 0; i < 50; i++) rates.take('a', 'exec');
  now += 10_000;
  expect(rates.take('a', 'exec')).toBe(0);
});

test('principals and classes do not share', () => {
  const rates = limiter();
  rates.take('a', 'upload');
  expect(rates.take('a', 'upload')).toBe(1);
  expect(rates.take('b', 'upload')).toBe(0);
  expect(rates.take('a', 'exec')).toBe(0);
});

test('a class without a limit always passes', () => {
  const rates = limiter();
  for (let i = 0; i < 10_000; i++) expect(rates.take('a', 'list')).toBe(0);
});

test('many principals come and go without disturbing one that is at its limit', () => {
  const rates = limiter();
  for (let i = 0; i < 9_999; i++) rates.take(`p${i}`, 'exec');
  now += 29_000;
  for (let i = 0; i < 4; i++) rates.take('busy', 'exec');
  now += 1_000;
  for (let i = 0; i < 30_000; i++) rates.take(`q${i}`, 'exec');
  expect(rates.take('busy', 'exec')).toBe(9);
});
