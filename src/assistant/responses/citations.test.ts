import { expect, it } from 'vitest';
import { isForPeople, linkedFiles } from './citations.ts';

const file = (name: string) => ({ id: `id-${name}`, sessionId: 's', name });
const spans = (text: string, ...names: string[]) =>
  linkedFiles(text, names.map(file)).map(({ citation: { start, end, name } }) => ({
    filename: name,
    span: text.slice(start, end),
  }));

it('spans the link without its brackets, in UTF-16 units', () => {
  expect(spans('“𝛑”: [the plot](sandbox:/mnt/data/plot.png).', 'plot.png')).toEqual([
    { filename: 'plot.png', span: 'sandbox:/mnt/data/plot.png' },
  ]);
});

it('finds names with spaces and brackets, also when they are encoded', () => {
  const name = 'my report (2).csv';
  expect(spans(`[a](sandbox:/mnt/data/${name})`, name)).toEqual([
    { filename: name, span: `sandbox:/mnt/data/${name}` },
  ]);
  const encoded = 'sandbox:/mnt/data/my%20report%20(2).csv';
  expect(spans(`[a](${encoded})`, name)).toEqual([{ filename: name, span: encoded }]);
});

it('takes the longest name there is, and the last segment as its filename', () => {
  expect(spans('sandbox:/mnt/data/out/a.csv.gz', 'out/a.csv', 'out/a.csv.gz', 'out')).toEqual([
    { filename: 'a.csv.gz', span: 'sandbox:/mnt/data/out/a.csv.gz' },
  ]);
});

it('cites each file once, and none that is not there', () => {
  const text = '[a](sandbox:/mnt/data/a) [b](sandbox:/mnt/data/b) [a](sandbox:/mnt/data/a) [c](sandbox:/mnt/data/c)';
  expect(spans(text, 'a', 'b').map(({ filename }) => filename)).toEqual(['a', 'b']);
});

it('names the session and the file', () => {
  expect(linkedFiles('sandbox:/mnt/data/a', [file('a')])[0]!.citation).toMatchObject({
    sessionId: 's',
    fileId: 'id-a',
  });
});

it.each([
  'sandbox:/mnt/data/a b.csv',
  'sandbox:///mnt/data/a b.csv',
  'sandbox:a b.csv',
  'attachment:a b.csv',
  'attachment://a%20b.csv',
  'file:///mnt/data/a%20b.csv',
  '/mnt/data/a b.csv',
  './a b.csv',
  'a b.csv',
])('finds a file by the target %s of a link', (target) => {
  for (const text of [
    `See [it](${target}).`,
    `![it](${target} "title")`,
    `<a href="${target}">it</a>`,
    `[it](<${target}>)`,
  ])
    expect(spans(text, 'a b.csv')).toEqual([{ filename: 'a b.csv', span: target }]);
});

it('compares names without regard to how accents are composed', () => {
  const [composed, decomposed] = ['Übersicht.csv', 'Übersicht.csv'.normalize('NFD')];
  for (const [made, written] of [
    [composed, decomposed],
    [decomposed, composed],
    [decomposed, encodeURI(composed)],
  ] as const)
    expect(spans(`[x](sandbox:/mnt/data/${written})`, made)).toMatchObject([{ span: `sandbox:/mnt/data/${written}` }]);
});

it('takes neither another address nor a part of a target for a file', () => {
  expect(spans('[a](https://example.com/a) [a](/mnt/data/abc) [a](b/a) a ./a /mnt/data/a file:a', 'a')).toEqual([]);
});

it('leaves out what programs leave behind for themselves', () => {
  expect(['a.csv', 'out/b', '.cache/x', 'pkg/__pycache__/m.pyc', '.hidden'].filter(isForPeople)).toEqual([
    'a.csv',
    'out/b',
  ]);
});
