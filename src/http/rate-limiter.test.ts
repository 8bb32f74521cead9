import { expect, test } from 'vitest';
import type { RateLimits } from '../core/index.ts';
import { RateLimiter } from './rate-limiter.ts';

const limits: RateLimits = {
  exec: { count: 3, periodMs: 30_000 },
  upload: { count: 1, periodMs: 1000 },
  download: null,
  list: null,
};
let now = 0;
const limiter = () => {
  now = 1_000_000;
  return new RateLimiter(() => now);
};

test('a burst of the whole count passes, then one per share of the period', () => {
  const rates = limiter();
  expect([1, 2, 3].map(() => rates.take('a', limits, 'exec'))).toEqual([0, 0, 0]);
  expect(rates.take('a', limits, 'exec')).toBe(10);
  now += 9_100;
  expect(rates.take('a', limits, 'exec')).toBe(1);
  now += 900;
  expect(rates.take('a', limits, 'exec')).toBe(0);
  expect(rates.take('a', limits, 'exec')).toBe(10);
});

test('refused requests do not push the time further out', () => {
  const rates = limiter();
  for (let i = 0; i < 50; i++) rates.take('a', limits, 'exec');
  now += 10_000;
  expect(rates.take('a', limits, 'exec')).toBe(0);
});

test('principals and classes do not share', () => {
  const rates = limiter();
  rates.take('a', limits, 'upload');
  expect(rates.take('a', limits, 'upload')).toBe(1);
  expect(rates.take('b', limits, 'upload')).toBe(0);
  expect(rates.take('a', limits, 'exec')).toBe(0);
});

test('a class without a limit always passes', () => {
  const rates = limiter();
  for (let i = 0; i < 10_000; i++) expect(rates.take('a', limits, 'list')).toBe(0);
});

test('many principals come and go without disturbing one that is at its limit', () => {
  const rates = limiter();
  for (let i = 0; i < 9_999; i++) rates.take(`p${i}`, limits, 'exec');
  now += 29_000;
  for (let i = 0; i < 4; i++) rates.take('busy', limits, 'exec');
  now += 1_000;
  for (let i = 0; i < 30_000; i++) rates.take(`q${i}`, limits, 'exec');
  expect(rates.take('busy', limits, 'exec')).toBe(9);
});

test('each plan has its own rate, and a long period is not forgotten for a short one', () => {
  const rates = limiter();
  const slow: RateLimits = { ...limits, exec: { count: 1, periodMs: 3_600_000 } };
  expect(rates.take('slow', slow, 'exec')).toBe(0);
  now += 60_000;
  for (let i = 0; i < 30_000; i++) rates.take(`p${i}`, limits, 'exec');
  expect(rates.take('slow', slow, 'exec')).toBe(3540);
});

test('of several gateways each lets its part through, and at least one request', () => {
  let gateways = 3;
  now = 1_000_000;
  const rates = new RateLimiter(
    () => now,
    () => gateways,
  );
  expect([1, 2].map(() => rates.take('a', limits, 'exec'))).toEqual([0, 30]);
  now += 10_100;
  expect(rates.take('a', limits, 'exec')).toBe(20);
  now += 20_000;
  expect(rates.take('a', limits, 'exec')).toBe(0);
  // Two of them are gone: what they let through is this one's.
  gateways = 1;
  now += 30_000;
  expect([1, 2, 3].map(() => rates.take('a', limits, 'exec'))).toEqual([0, 0, 0]);
  expect([1, 2].map(() => rates.take('b', limits, 'upload'))).toEqual([0, 1]);
});
