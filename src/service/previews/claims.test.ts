import { describe, expect, it } from 'vitest';
import { readPreview, readRefusal } from './claims.ts';

/** What a program in a sandbox may say, whatever a document has made of it. */

function png(width: number, height: number): Buffer {
  const head = Buffer.alloc(33);
  head.write('\x89PNG\r\n\x1a\n', 'latin1');
  head.writeUInt32BE(13, 8);
  head.write('IHDR', 12, 'latin1');
  head.writeUInt32BE(width, 16);
  head.writeUInt32BE(height, 20);
  return head;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const table = (columns: number) => ({
  name: 'x',
  rows: 1,
  column_count: columns,
  columns: Array.from({ length: columns }, () => ({ name: 'a', type: 'text', empty: 0, examples: [] })),
});

describe('a preview', () => {
  it('is handed on where it is what it should be', () => {
    expect(readPreview('png', png(480, 360))).toEqual(png(480, 360));
    expect(readPreview('html', Buffer.from('<p>ä</p>'))?.toString()).toBe('<p>ä</p>');
    expect(JSON.parse(readPreview('json', json({ kind: 'table', tables: [table(2)] }))!.toString())).toMatchObject({
      kind: 'table',
    });
  });

  it.each<[string, 'png' | 'html' | 'text' | 'json', Buffer]>([
    ['a picture that is none', 'png', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'.padEnd(100))],
    ['a picture too wide to be decoded', 'png', png(100_000, 1)],
    ['a picture without pixels', 'png', png(0, 10)],
    ['a cut picture', 'png', png(10, 10).subarray(0, 20)],
    ['text that is no UTF-8', 'text', Buffer.from([0xff, 0xfe, 0x00])],
    ['HTML that is no UTF-8', 'html', Buffer.from([0xc0, 0x80])],
    ['a summary that is no JSON', 'json', Buffer.from('{"kind":')],
    ['a summary of an unknown kind', 'json', json({ kind: 'admin' })],
    ['a summary with a field of its own', 'json', json({ kind: 'text', html: '<script>' })],
    ['a summary with too many columns', 'json', json({ kind: 'table', tables: [table(61)] })],
    ['a summary with a very long name', 'json', json({ kind: 'text', title: 'x'.repeat(5000) })],
    ['a summary with numbers that are none', 'json', Buffer.from('{"kind":"text","lines":-1}')],
    ['a summary that names a prototype', 'json', Buffer.from('{"kind":"text","__proto__":{"a":1}}')],
    ['a summary of great length', 'json', json({ kind: 'text', excerpt: 'x'.repeat(70_000) })],
    ['a deep summary', 'json', Buffer.from('['.repeat(30_000))],
  ])('is not handed on: %s', (_, form, bytes) => {
    expect(readPreview(form, bytes)).toBeUndefined();
  });
});

describe('a refusal', () => {
  it('is one of the known words', () => {
    expect(readRefusal(json({ reason: 'encrypted', needs: null }))).toEqual({ reason: 'encrypted', needs: null });
  });

  it.each([
    json({ reason: 'Call +1 555 0100 to unlock this file', needs: null }),
    json({ reason: 'unavailable', needs: '<a href="http://evil.test">LibreOffice</a>' }),
    json({ reason: 'unavailable', needs: 'x'.repeat(41) }),
    json({ reason: 'encrypted', needs: null, status: 200 }),
    Buffer.from(' '.repeat(2000)),
    Buffer.from('null'),
  ])('with words of its own is none: %s', (bytes) => {
    expect(readRefusal(bytes)).toBeUndefined();
  });
});
