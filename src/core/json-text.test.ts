import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { jsonLength, jsonPieces, pieceLength } from './json-text.ts';

const text = (value: unknown) => [...jsonPieces(value)].join('');

describe('jsonPieces', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a date', { at: new Date(0) }],
    ['empty containers', { a: {}, b: [], c: [[]] }],
    ['what JSON leaves out', { a: undefined, b: () => 1, c: [undefined, () => 1], d: Symbol('d') }],
    ['numbers', [1, -0, 1e300, Number.NaN, Number.POSITIVE_INFINITY]],
    ['keys that need escapes', { '"\n': 1, __proto__: 2 }],
  ])('makes the text of JSON.stringify for %s', (_, value) => {
    expect(text(value)).toBe(JSON.stringify(value));
    const large = [value, 'x'.repeat(pieceLength)];
    expect(text(large)).toBe(JSON.stringify(large));
  });

  it('makes the text of JSON.stringify for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), fc.nat(3), (value, times) => {
        const large = { value, list: new Array(times).fill({ text: 'é"\\\n'.repeat(20_000), value }) };
        expect(text(large)).toBe(JSON.stringify(large));
      }),
      { numRuns: 50 },
    );
  });

  it('keeps surrogate pairs together and escapes lone surrogates', () => {
    for (const before of [0, 1])
      for (const unit of ['😀', '\ud83d', '\ude00', '😀\ud83d']) {
        const value = 'a'.repeat(before) + unit.repeat(pieceLength);
        // A failure would print the whole text.
        expect(text(value) === JSON.stringify(value)).toBe(true);
      }
  });

  it('makes pieces of bounded length', () => {
    const value = { outputs: [{ image: 'x'.repeat(5_000_000) }, 'y'.repeat(1_000_000)] };
    const lengths = [...jsonPieces(value)].map(({ length }) => length);
    expect(Math.max(...lengths)).toBeLessThan(3 * pieceLength);
  });
});

test('jsonLength is about the length of the text', () => {
  const value = { a: 'x'.repeat(1000), b: [1, 2, 3], c: { d: null } };
  expect(Math.abs(jsonLength(value) - JSON.stringify(value).length)).toBeLessThan(50);
});
