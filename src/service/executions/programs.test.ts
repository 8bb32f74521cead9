import { expect, it } from 'vitest';
import { noRates, plansWith } from '../../../test/support/http.ts';
import type { Plan } from '../../core/index.ts';
import { limitsWithin } from './programs.ts';

const plan: Plan = { ...plansWith(noRates).get('default')!, maxWallMs: 60_000 };
const usual: Plan = { ...plan, limits: { ...plan.limits, wallMs: 2000 }, isTimeUsual: true };
const timeOf = (of: Plan, asked: number | undefined, pace: number | undefined) => limitsWithin(of, asked, pace).wallMs;

it('code that asks for no time gets as much more as its tier is slower, at most what a request may ask for', () => {
  expect(timeOf(usual, undefined, undefined)).toBe(2000);
  expect(timeOf(usual, undefined, 1)).toBe(2000);
  expect(timeOf(usual, undefined, 10)).toBe(20_000);
  expect(timeOf(usual, undefined, 100)).toBe(60_000);
});

it('time that the operator or the request has said is what it is', () => {
  expect(timeOf({ ...usual, isTimeUsual: false }, undefined, 10)).toBe(2000);
  expect(timeOf(usual, 500, 10)).toBe(500);
  expect(timeOf(usual, 90_000, 10)).toBe(60_000);
});
