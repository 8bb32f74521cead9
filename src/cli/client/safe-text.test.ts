import { describe, expect, it } from 'vitest';
import { SafeText } from './safe-text.ts';
import { shown } from './terminal.ts';

const safe = (...pieces: string[]) => {
  const text = new SafeText();
  return pieces.map((piece) => text.take(piece)).join('');
};

describe('text of a sandbox for a terminal', () => {
  it.each([
    'plain\ttext\r\n',
    '\x1b[1;31mred\x1b[0m',
    '\x1b[38;5;12mblue\x1b[m',
    '\r\x1b[2K 10%|#  |\x1b[A',
    'é 😀 漢字',
  ])('keeps %j', (text) => {
    expect(safe(text)).toBe(text);
    expect(safe(...text)).toBe(text);
  });

  it.each([
    ['the title', 'a\x1b]0;title\x07b'],
    ['the clipboard', 'a\x1b]52;c;aGk=\x1b\\b'],
    ['a device string', 'a\x1bP$q"p\x1b\\b'],
    ['a question to the terminal', 'a\x1b[6n\x1b[c\x1b[>0qb'],
    ['another screen', 'a\x1b[?1049hb'],
    ['a reset', 'a\x1bcb'],
    ['controls in one character', 'a\x9b6n\x07\x0e\x7fb'.replace('6n', '')],
    ['printing', 'a\x1b[5ib'],
  ])('leaves out %s', (_, text) => {
    expect(safe(text)).toBe('ab');
    expect(safe(...text)).toBe('ab');
  });

  it('does not wait for ever for the end of a sequence', () => {
    const text = new SafeText();
    const said = text.take(`\x1b]0;${'x'.repeat(100)}`) + text.take('after');
    expect(said).toContain('after');
    expect(said).not.toContain('\x1b');
  });
});

it('names are shown on one line without controls', () => {
  expect(shown('a\nb\x1b[2J\u202e\u0085é')).toBe('a\\nb\\u001b[2J\\u{202e}\\u{85}é');
});
