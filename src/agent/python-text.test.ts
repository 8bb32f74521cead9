import { expect, it } from 'vitest';
import { codeBlocks } from './code-blocks.ts';
import { plainPython } from './python-text.ts';

it.each([
  ['no-break spaces', 'if x:\n\u00a0\u00a0\u00a0\u00a0print(1)', 'if x:\n    print(1)'],
  ['an ideographic space', 'x\u3000= 1', 'x = 1'],
  ['a byte order mark and zero-width spaces', '\ufeffx\u200b = 1', 'x = 1'],
  ['typographic quotes', 'print(“hi”, ‘you’)', 'print("hi", \'you\')'],
])('mends %s', (_, written, meant) => {
  expect(plainPython(written)).toBe(meant);
});

it.each([
  'print("a\u00a0b", \'“x”\')',
  '# no\u00a0break',
  's = """\n\u00a0“”\n"""',
  "s = 'it\\'s\u00a0here'",
  'f(‘a)',
  'print(“a "b" c”)',
])('leaves %j as it is', (code) => {
  expect(plainPython(code)).toBe(code);
});

it.each([
  ['prose around', 'Here is the code:\n```python\nprint(1)\n```\nThis prints 1.', 'print(1)'],
  ['several blocks', '```python\na = 6\n```\n\n```python\nprint(a * 7)\n```', 'a = 6\nprint(a * 7)'],
  ['prose between', 'First:\n```py\na = 1\n```\nThen:\n```\nprint(a)\n```', 'a = 1\nprint(a)'],
  ['a block of another language', 'Run:\n```bash\nls\n```\n```python3.12\nprint(1)\n```', 'print(1)'],
])('takes the code out of Markdown with %s', (_, text, code) => {
  expect(codeBlocks(text)).toBe(code);
});

it.each([
  's = """\n```python\nprint(1)\n```\n"""',
  'text = open("a").read()\n```\nx\n```',
  '```python\ns = """\n```\n"""\nt\n```',
  '```python\nprint(1)\n```',
  'print(1)',
])('leaves %j to the reader of one fence', (text) => {
  expect(codeBlocks(text)).toBeUndefined();
});
