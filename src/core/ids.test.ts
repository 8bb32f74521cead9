import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isId, newId } from './ids.ts';

test('a new id is an id, and never the same twice', () => {
  const ids = Array.from({ length: 10_000 }, newId);
  expect(ids.every(isId)).toBe(true);
  expect(ids.filter((id) => id.startsWith('-'))).toEqual([]);
  expect(new Set(ids).size).toBe(ids.length);
});

test('nothing else is: not a byte more, less or other', () => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';
  const nearly = fc.tuple(
    fc.constant(undefined).map(newId),
    fc.nat(21),
    fc.string({ unit: 'binary', maxLength: 2 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(nearly, ([id, at, text, replace]) => {
      const changed = id.slice(0, at) + text + id.slice(replace ? at + 1 : at);
      expect(isId(changed)).toBe(changed.length === 21 && [...changed].every((char) => alphabet.includes(char)));
    }),
    { numRuns: 5000, interruptAfterTimeLimit: 3000 },
  );
  for (const value of [undefined, null, 21, [newId()], { length: 21 }, `${newId()}\n`, `\n${newId()}`]) {
    expect(isId(value)).toBe(false);
  }
});
