import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Output } from './output.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('Output', () => {
  it('keeps everything up to the limit', () => {
    const output = new Output(11);
    for (const part of ['hel', 'lo ', 'wörl']) output.push(bytes(part));
    expect(output.text()).toEqual({ text: 'hello wörl', bytes: 11, truncated: false });
  });

  it('keeps head and tail beyond it and says what is missing', () => {
    const output = new Output(8);
    for (let i = 0; i < 1000; i++) output.push(bytes(`${i % 10}`));
    expect(output.text()).toEqual({ text: '0123\n[… 992 bytes left out …]\n6789', bytes: 1000, truncated: true });
  });

  it('never cuts a character into pieces', () => {
    const output = new Output(10);
    output.push(bytes('€'.repeat(100)));
    expect(output.text().text).toBe('€\n[… 290 bytes left out …]\n€');
  });

  it('replaces what is not UTF-8', () => {
    const output = new Output(10);
    output.push(new Uint8Array([0x61, 0xff, 0x62]));
    expect(output.text().text).toBe('a\ufffdb');
  });

  it('does not depend on how the bytes were split', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 100 }), (chunks, limit) => {
        const split = new Output(limit);
        for (const chunk of chunks) split.push(chunk);
        const whole = new Output(limit);
        whole.push(Buffer.concat(chunks));
        expect(split.text()).toEqual(whole.text());
      }),
    );
  });
});
