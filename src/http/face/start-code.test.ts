import { expect, it } from 'vitest';
import { StartCode } from './start-code.ts';

const local = '127.0.0.1';

it('signs in once, from this machine alone', () => {
  const code = new StartCode('hash', () => 0);
  expect(code.take(code.text, '192.0.2.1')).toBeUndefined();
  expect(code.take(code.text.toLowerCase(), local)).toBe('hash');
  expect(code.take(code.text, local)).toBeUndefined();
});

it('is of no use after ten minutes', () => {
  let now = 0;
  const code = new StartCode('hash', () => now);
  now = 10 * 60_000 + 1;
  expect(code.take(code.text, local)).toBeUndefined();
});

it('is of no use after five wrong ones', () => {
  const code = new StartCode('hash', () => 0);
  for (let at = 0; at < 5; at++) expect(code.take('XXXX', local)).toBeUndefined();
  expect(code.take(code.text, local)).toBeUndefined();
});
