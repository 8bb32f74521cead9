import { expect, it } from 'vitest';
import { needsMore } from './completeness.ts';

it.each([
  ['python', 'x = 1', false],
  ['python', 'f(1,', true],
  ['python', 'f(1,\n2)', false],
  ['python', 'for i in x:', true],
  ['python', 'for i in x:\n  print(i)', true],
  ['python', 'for i in x:\n  print(i)\n', false],
  ['python', 's = """a', true],
  ['python', 's = """a\nb"""', false],
  ['python', 'x = "a # ("', false],
  ['python', 'x = 1 # (', false],
  ['python', "x = 'open", false],
  ['python', 'x = 1 + \\', true],
  ['python', '@decorator', true],
  ['python', 'x = {"a": 1}', false],
  ['javascript', 'const f = () => {', true],
  ['javascript', 'const f = () => {\n}', false],
  ['javascript', '`a', true],
  ['javascript', 'x +* 1', false],
  ['javascript', 'await f()', false],
  ['bash', 'echo "a', true],
  ['bash', 'echo "a\nb"', false],
  ['bash', 'for i in 1 2; do', true],
  ['bash', 'for i in 1 2; do\necho $i\ndone', false],
  ['bash', 'if true; then echo if; fi', false],
  ['bash', 'cat <<EOF\na', true],
  ['bash', 'cat <<EOF\na\nEOF', false],
  ['bash', 'f() {', true],
  ['bash', 'f() {\n:\n}', false],
  ['bash', 'echo it\\', true],
  ['r', 'x <- 1', true],
  ['r', 'x <- 1\n', false],
])('of %s, %j needs more: %s', (language, text, more) => {
  expect(needsMore(language, text.split('\n'))).toBe(more);
});
