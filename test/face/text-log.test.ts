import { expect, it } from 'vitest';
import { TextLog } from '../../web/src/run/text-log.ts';

const shown = (...chunks: readonly string[]) => {
  const log = new TextLog();
  for (const chunk of chunks) log.write(chunk, false);
  return log.lines.map(({ text }) => text);
};

it.each([
  ['plain lines', ['a\nb\n'], ['a', 'b']],
  ['a line in pieces', ['a', 'b', '\nc'], ['ab', 'c']],
  ['a bar that redraws', ['10%\r', '20%\r', '100%\n'], ['100%']],
  ['a shorter text over a longer one leaves the rest, as a terminal does', ['abcdef\rXY'], ['XYcdef']],
  ['the rest is erased where that is asked for', ['abcdef\r\x1b[KXY'], ['XY']],
  ['two bars above each other', ['one 1\ntwo 1\n\x1b[2Aone 2\n\x1b[1Btwo 2'], ['one 2', 'two 1', 'two 2']],
  ['a backspace', ['ab\bc'], ['ac']],
  ['an escape that is cut in two', ['a\x1b[3', '1mb'], ['ab']],
  ['escapes of titles and links vanish', ['\x1b]8;;https://evil.example\x07link\x1b]8;;\x07'], ['link']],
  ['an escape that never ends does not hide what follows', [`\x1b]${'x'.repeat(80)}`], [`]${'x'.repeat(80)}`]],
] as const)('%s', (_, chunks, lines) => {
  expect(shown(...chunks)).toEqual(lines);
});

it('colours are classes of ours, and end', () => {
  const log = new TextLog();
  log.write('\x1b[1;31mred\x1b[0m plain', false);
  expect(log.lines[0]!.marks).toEqual([{ from: 0, to: 3, style: 'a-bold a-red' }]);
});

it('the cursor goes at most fifty lines up', () => {
  const lines = shown(`${'line\n'.repeat(100)}\x1b[99Atop`);
  expect(lines.indexOf('tope')).toBe(49);
});
