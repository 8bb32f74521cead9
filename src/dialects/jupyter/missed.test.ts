import { expect, test } from 'vitest';
import { HeldBytes } from '../../core/index.ts';
import { Missed, missedLimits } from './missed.ts';
import { Outgoing } from './wire.ts';

const message = (type: string, text = '') => new Outgoing('iopub', type, { text }, { session: 's', parent: {} });
const kept = (limits = missedLimits) => {
  let now = 0;
  const missed = new Missed(new HeldBytes(limits, 'full'), 'owner', () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  return { missed, pass };
};

test('a client finds what it missed, once, and only where it was expected back', () => {
  const { missed } = kept();
  missed.add(message('early'));
  missed.begin('a');
  missed.begin('b');
  missed.add(message('for all'));
  missed.add(message('for b'), 'b');
  expect(missed.take('a').map(({ type }) => type)).toEqual(['for all']);
  expect(missed.take('b').map(({ type }) => type)).toEqual(['for all', 'for b']);
  expect(missed.take('a')).toEqual([]);
});

test('streams go first where there is no room, then the oldest', () => {
  const { missed } = kept();
  missed.begin('a');
  missed.add(message('status', 'first'));
  for (let at = 0; at < 20; at++) missed.add(message('stream', `${at} ${'x'.repeat(500_000)}`));
  const types = missed.take('a').map(({ type }) => type);
  expect(types[0]).toBe('status');
  expect(types.length).toBeLessThan(10);
});

test('nothing is kept for longer than ten minutes, nor beyond the share of a key', () => {
  const { missed, pass } = kept({ perPrincipal: 10_000, total: 10_000 });
  missed.begin('a');
  for (let at = 0; at < 20; at++) missed.add(message('status', 'x'.repeat(1000)));
  expect(missed.take('a').length).toBeLessThan(6);
  missed.begin('a');
  missed.add(message('status'));
  pass(11 * 60_000);
  missed.dropOld();
  expect(missed.take('a')).toEqual([]);
});
