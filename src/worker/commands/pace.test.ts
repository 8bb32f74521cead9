import { expect, it } from 'vitest';
import { Pace } from './pace.ts';

const window = 256 * 1024;

it('lets a command without a reader go on up to its rate, and holds it then', () => {
  let now = 0;
  const pace = new Pace(window, () => now);
  // The first reader is no longer waited for.
  now += 2000;
  let granted = window;
  const say = () => {
    pace.said(granted);
    const { bytes, isHeld } = pace.grant(window);
    granted = bytes;
    return isHeld;
  };
  let total = 0;
  while (!say()) total += granted;
  expect(total).toBeGreaterThan(7 * 1024 * 1024);
  expect(total).toBeLessThan(9 * 1024 * 1024);
  now += 1000;
  expect(pace.grant(window).bytes).toBe(window);
});

it('waits for a reader that moves, and not for one that takes nothing', () => {
  let now = 0;
  const pace = new Pace(window, () => now);
  const reader = pace.add();
  pace.said(window);
  expect(pace.grant(window).bytes).toBe(window);
  pace.said(window);
  expect(pace.grant(window)).toEqual({ bytes: 0, isHeld: true });
  pace.takes(reader, 2 * window);
  expect(pace.grant(window).bytes).toBe(window);
  pace.said(window);
  now += 60_000;
  expect(pace.grant(window).bytes).toBe(window);
  pace.remove(reader);
});

it('waits a moment for the first reader, so that it gets the start', () => {
  let now = 0;
  const pace = new Pace(window, () => now);
  const say = () => pace.said(window);
  say();
  expect(pace.grant(window).bytes).toBe(window);
  say();
  expect(pace.grant(window)).toEqual({ bytes: 0, isHeld: true });
  now += 1000;
  const reader = pace.add();
  expect(pace.grant(window)).toEqual({ bytes: 0, isHeld: true });
  pace.takes(reader, 2 * window);
  expect(pace.grant(window).bytes).toBe(window);
  const alone = new Pace(window, () => now);
  alone.said(window);
  expect(alone.grant(window).bytes).toBe(window);
  alone.said(window);
  expect(alone.grant(window)).toEqual({ bytes: 0, isHeld: true });
  now += 2000;
  expect(alone.grant(window).bytes).toBe(window);
});
