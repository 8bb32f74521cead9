import { expect, it } from 'vitest';
import { RelayFrames } from './relayed-bulk.ts';

const content = (text: string) => {
  const head = Buffer.from([0x44, 0, 0, 0, text.length]);
  return Buffer.concat([head, Buffer.from(text)]);
};
const mark = (number: number) => Buffer.from([0x4d, 0, 0, 0, number]);

it('takes frames apart wherever they are cut', () => {
  const bytes = Buffer.concat([content('one'), content(''), content('two')]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const frames = new RelayFrames();
    const parts = [bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((part) => frames.push(part).content);
    expect(Buffer.concat(parts).toString()).toBe('onetwo');
  }
});

it('says what comes after a mark', () => {
  const frames = new RelayFrames();
  const all = Buffer.concat([content('old'), mark(1), content('older'), mark(2), content('new')]);
  const { content: parts, marks, afterMark } = frames.push(all);
  expect(marks).toEqual([1, 2]);
  expect(parts.slice(afterMark).toString()).toBe('new');
});

it('refuses what no relay sends', () => {
  expect(() => new RelayFrames().push(Buffer.from('nonsense'))).toThrow();
  expect(() => new RelayFrames().push(Buffer.from([0x44, 0xff, 0, 0, 0]))).toThrow();
});
