import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonObjectStream } from './json-object-stream.ts';

function passed(...deltas: readonly string[]): string {
  const stream = new JsonObjectStream();
  return deltas.map((delta) => stream.push(delta)).join('') + stream.end();
}

describe('JsonObjectStream', () => {
  it('passes JSON objects on as they are, wherever they are cut', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (value, size, wide) => {
          const text = JSON.stringify(value, null, wide ? 2 : 0);
          expect(passed(...(text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []))).toBe(text);
        },
      ),
    );
  });

  it('makes a JSON object of any text, cut anywhere', () => {
    const broken = fc
      .tuple(fc.dictionary(fc.string(), fc.jsonValue()), fc.nat(), fc.string(), fc.nat())
      .map(([value, at, noise, end]) => {
        const text = JSON.stringify(value);
        const from = at % text.length;
        return (text.slice(0, from) + noise + text.slice(from)).slice(0, 1 + (end % (text.length + noise.length)));
      });
    fc.assert(
      fc.property(fc.oneof(fc.string(), broken), (text) => {
        const made: unknown = JSON.parse(passed(...text));
        expect(typeof made === 'object' && made !== null && !Array.isArray(made)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['{"a": "x\ny"}', { a: 'x\ny' }],
    ['{"a": 1, "b": tru', { a: 1, b: null }],
    ['{"a": [1, {"b": "c', { a: [1, { b: 'c' }] }],
    ['{"a"', { a: null }],
    ['{"a": "\\q"}', { a: '\\q' }],
    ['{"a": 1} and so on', { a: 1 }],
    ['', {}],
    ['no JSON', {}],
  ])('makes of %j what can be read of it', (text, value) => {
    expect(JSON.parse(passed(text))).toEqual(value);
  });
});
