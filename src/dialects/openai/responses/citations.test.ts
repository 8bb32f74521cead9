import { expect, it } from 'vitest';
import { isForPeople, linkedFiles } from './citations.ts';

const file = (name: string) => ({ id: `id-${name}`, sessionId: 's', name });
const spans = (text: string, ...names: string[]) =>
  linkedFiles(text, names.map(file)).map(({ annotation: { start_index, end_index, filename } }) => ({
    filename,
    span: text.slice(start_index, end_index),
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

it('names the container and the file as clients download them', () => {
  expect(linkedFiles('sandbox:/mnt/data/a', [file('a')])[0]!.annotation).toMatchObject({
    container_id: 'cntr_s',
    file_id: 'cfile_id-a',
  });
});

it('leaves out what programs leave behind for themselves', () => {
  expect(['a.csv', 'out/b', '.cache/x', 'pkg/__pycache__/m.pyc', '.hidden'].filter(isForPeople)).toEqual([
    'a.csv',
    'out/b',
  ]);
});
