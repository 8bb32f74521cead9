import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { WallClock } from './wall-clock.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('does not count what it stood still for', () => {
  const clock = new WallClock();
  const reached: number[] = [];
  clock.at(100, () => reached.push(100));
  clock.at(10, () => reached.push(10));
  vi.advanceTimersByTime(60);
  clock.pause();
  vi.advanceTimersByTime(10_000);
  expect(clock.elapsedMs).toBe(60);
  expect(reached).toEqual([10]);
  clock.resume();
  vi.advanceTimersByTime(39);
  expect(reached).toEqual([10]);
  vi.advanceTimersByTime(1);
  expect(reached).toEqual([10, 100]);
  clock.pause();
  clock.pause();
  clock.at(101, () => reached.push(101));
  clock.stop();
  clock.resume();
  vi.advanceTimersByTime(1000);
  expect(reached).toEqual([10, 100]);
});
