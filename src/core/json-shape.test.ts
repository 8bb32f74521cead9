import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isCheapJson } from './json-shape.ts';

const cheap = (text: string) => isCheapJson(Buffer.from(text));
const long = 'x'.repeat(100_000);

test.each([
  ['a long program', JSON.stringify({ code: `${'print("\\\\", \'"\')\n[[[{{{'.repeat(20_000)}` })],
  ['many arguments', JSON.stringify({ code: long, args: Array(10_000).fill('"[') })],
  ['many small files', JSON.stringify({ code: long, files: Array(256).fill({ id: 'a', name: 'b', kind: 'c' }) })],
])('%s is cheap', (_, text) => {
  expect(cheap(text)).toBe(true);
});

test.each([
  ['nothing but brackets', '['.repeat(2_000_000)],
  ['deep nesting that ends', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
  ['deep objects', '{"a":'.repeat(50_000)],
  ['many numbers', `[${'1,'.repeat(2_000_000)}1]`],
  ['many empty strings', `["${'","'.repeat(2_000_000)}"]`],
  ['many empty objects after a string that hides none', `["\\\\"${',{}'.repeat(300_000)}]`],
])('%s is not', (_, text) => {
  const started = performance.now();
  expect(cheap(text)).toBe(false);
  expect(performance.now() - started).toBeLessThan(2000);
});

test('a string never ends where JSON does not end it', () => {
  const text = fc.array(fc.constantFrom('"', '\\', '[', ',', 'a', '\n', 'é', '\u{1f600}'), { maxLength: 40 });
  fc.assert(
    fc.property(text, (parts) => {
      // What comes before and after the string is as many brackets as there may just be.
      const inside = JSON.stringify(parts.join(''));
      const pad = JSON.stringify(long);
      expect(cheap(`${'['.repeat(99)}${inside},${pad}${']'.repeat(99)}`)).toBe(true);
      expect(cheap(`${'['.repeat(99)}${inside},${pad},[[]]`)).toBe(false);
    }),
    { numRuns: 200, interruptAfterTimeLimit: 3000 },
  );
});
