import { expect, test } from 'vitest';
import { readLines } from './text-lines.ts';

async function* chunks(...parts: (string | Buffer)[]) {
  for (const part of parts) yield Buffer.from(part);
}

test('lines are counted over the borders of chunks', async () => {
  expect(await readLines(chunks('a\nb', 'b\nc\n'), 1, 10)).toEqual({ text: 'a\nbb\nc', next: undefined });
  expect(await readLines(chunks('a\nb', 'b\nc\n'), 2, 1)).toEqual({ text: 'bb', next: 3 });
  expect(await readLines(chunks('a\nb\nc'), 3, 1)).toEqual({ text: 'c', next: undefined });
  expect(await readLines(chunks('a\n'), 5, 1)).toEqual({ text: '', next: undefined });
  expect(await readLines(chunks(), 1, 1)).toEqual({ text: '', next: undefined });
});

test('empty lines are lines', async () => {
  expect(await readLines(chunks('a\n\nb\n'), 1, 10)).toEqual({ text: 'a\n\nb', next: undefined });
});

test('a character may be cut by the border of a chunk', async () => {
  const [bytes] = [Buffer.from('grün')];
  expect(await readLines(chunks(bytes.subarray(0, 3), bytes.subarray(3)), 1, 1)).toEqual({
    text: 'grün',
    next: undefined,
  });
});

test.each([
  ['a NUL', Buffer.from('a\0b')],
  ['no UTF-8', Buffer.from([0x61, 0xff, 0x62])],
  ['half a character at the end', Buffer.from('grün').subarray(0, 3)],
])('a file with %s is no text', async (_, bytes) => {
  expect(await readLines(chunks(bytes), 1, 10)).toBeUndefined();
});

test('long lines and long files are shortened', async () => {
  const long = await readLines(chunks('x'.repeat(10_000)), 1, 1);
  expect(long!.text).toMatch(/^x{4000} \[… 6000 characters left out\]$/);
  const many = await readLines(chunks(`${'x'.repeat(999)}\n`.repeat(500)), 1, 2000);
  expect(many!.text.length).toBeLessThan(110_000);
  expect(many!.next).toBeGreaterThan(100);
});
