import { normalize, posix, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxPathDepth, maxPathLength, pathFault, workspacePath } from './paths.ts';

const bounded = { numRuns: 5000, interruptAfterTimeLimit: 3000 };

/** Pieces that path rules are about, put together in every order. */
const hostile = fc
  .array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.constantFrom('/', '.', '..', '//', '\\', '\0', '\n', '\r', '~', '%2e%2e', '%2f', 'C:'),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom('\ud800', '\udfff', '\u202e', '\u2028', '．．', '／', 'é', 'e\u0301', ' '),
      },
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.stringMatching(/^[a-z]{1,8}$/),
      fc.constantFrom('a'.repeat(100), 'é'.repeat(130), '\u{1f600}'.repeat(70)),
    ),
    { maxLength: 14 },
  )
  .map((pieces) => pieces.join(''));

describe('a path that is accepted', () => {
  test('stays below whatever it is joined to, and is the only spelling of itself', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        fc.pre(pathFault(path) === undefined);
        for (const root of ['/mnt/data', '/proc/self/fd/7', '/']) {
          const whole = posix.join(root, path);
          expect(whole).toBe(`${root === '/' ? '' : root}/${path}`);
          expect(resolve(root, path)).toBe(whole);
        }
        expect(normalize(path)).toBe(path);
      }),
      bounded,
    );
  });

  test('keeps every byte on its way through UTF-8, JSON and an address', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        fc.pre(pathFault(path) === undefined);
        expect(workspacePath(path)).toBe(path);
        expect(Buffer.from(path).toString('utf8')).toBe(path);
        expect(JSON.parse(JSON.stringify({ path })).path).toBe(path);
        expect(decodeURIComponent(encodeURIComponent(path))).toBe(path);
      }),
      bounded,
    );
  });

  test('has segments that every file system takes', () => {
    fc.assert(
      fc.property(hostile, (path) => {
        fc.pre(pathFault(path) === undefined);
        const segments = path.split('/');
        expect(segments.length).toBeLessThanOrEqual(maxPathDepth);
        expect(path.length).toBeLessThanOrEqual(maxPathLength);
        for (const segment of segments) {
          expect(['', '.', '..']).not.toContain(segment);
          expect(Buffer.byteLength(segment)).toBeLessThanOrEqual(255);
          expect(segment).not.toMatch(/[\0\n\r\\/]/);
        }
      }),
      bounded,
    );
  });
});

describe('a path that is refused', () => {
  test.each([
    ['', 'must not be empty'],
    ['/a', 'must be relative'],
    ['a//b', 'must not contain empty'],
    ['a/', 'must not contain empty'],
    ['./a', 'must not contain empty'],
    ['a/../b', 'must not contain empty'],
    ['a\\b', 'must not contain control characters or backslashes'],
    ['a\nb', 'must not contain control characters or backslashes'],
    ['\ud800', 'must be valid Unicode'],
    ['é'.repeat(128), 'must not contain a segment over 255 bytes'],
    ['a'.repeat(257), 'must be at most 256 characters'],
    [`${'a/'.repeat(10)}a`, 'must be at most 10 levels deep'],
  ])('%j', (path, fault) => {
    expect(pathFault(path)).toContain(fault);
    expect(() => workspacePath(path)).toThrow(fault);
  });

  test('is refused whatever surrounds what is wrong with it', () => {
    const fine = fc.stringMatching(/^[a-z]{1,4}$/);
    const wrong = fc.constantFrom('..', '.', '', 'a\0', '\\', '\ud800', 'b\r');
    fc.assert(
      fc.property(fc.array(fine, { maxLength: 4 }), wrong, fc.array(fine, { maxLength: 4 }), (before, bad, after) => {
        expect(pathFault([...before, bad, ...after].join('/'))).toBeDefined();
      }),
      bounded,
    );
  });
});
