import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/service/index.ts';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Previews of usual files, made in real sandboxes. */

const samples = readFileSync(new URL('../fixtures/previews/samples.py', import.meta.url), 'utf8');
let server: TestServer;
let api: NativeClient;
let session: string;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789,bob:bob-key-0123456789' },
  });
  api = nativeClient({ ...server, key: 'ann-key-0123456789' });
  session = await api.session();
  expect(await api.cell(session, samples)).toMatchObject({ outcome: 'completed', error: null });
}, 120_000);
afterAll(() => server?.stop());

const preview = (path: string, form: string, more = '') =>
  api.send('GET', `/sessions/${session}/files/${path}?preview=${form}${more}`);
const textOf = async (path: string, form: string, more?: string) => {
  const answer = await preview(path, form, more);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return text;
};
const summaryOf = async (path: string) => JSON.parse(await textOf(path, 'json')) as Summary;
const bodyOf = async (path: string, more?: string) => /<body>(.*)<\/body>/s.exec(await textOf(path, 'html', more))![1]!;
const sizeOf = async (path: string, more?: string) => {
  const answer = await preview(path, 'png', more);
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(answer.headers.get('content-type'), bytes.toString('utf8', 0, 300)).toBe('image/png');
  return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
};

const sales = [
  { name: 'month', type: 'date', empty: 0, examples: ['2026-01-01', '2026-02-01', '2026-03-01'] },
  { name: 'region', type: 'text', empty: 1, examples: ['North', 'South'] },
  { name: 'amount', type: 'whole', empty: 0, examples: ['10', '20', '30'] },
  { name: 'margin', type: 'number', empty: 0, examples: ['0.5', '0.25', '0.125'] },
];

describe('the summary', () => {
  it.each(['sales.csv', 'sales.tsv', 'sales.parquet', 'sales.feather'])(
    'of %s tells columns and types',
    async (path) => {
      const { kind, tables } = await summaryOf(path);
      expect({ kind, tables }).toEqual({
        kind: 'table',
        tables: [{ name: '', rows: 3, column_count: 4, columns: sales }],
      });
    },
  );

  it.each([
    ['book.xlsx', 2, 'Sales'],
    ['sales.ods', 1, 'Sheet1'],
  ])('of %s tells every sheet', async (path, count, name) => {
    const { kind, tables, table_count } = await summaryOf(path);
    expect([kind, table_count]).toEqual(['spreadsheet', count]);
    expect(tables![0]).toEqual({ name, rows: 3, column_count: 4, columns: sales });
    expect(tables!.length).toBe(count);
  });

  it.each<[string, Partial<Summary>]>([
    ['report.docx', { kind: 'document', title: 'Annual report', words: 13, outline: ['Growth'] }],
    ['minutes.odt', { kind: 'document', title: 'Minutes', words: 4 }],
    ['show.pptx', { kind: 'presentation', pages: 2, outline: ['Plan', 'Costs'] }],
    ['paper.pdf', { kind: 'pdf', title: 'A paper', pages: 3 }],
    ['photo.jpg', { kind: 'image', width: 320, height: 640 }],
    ['drawing.svg', { kind: 'drawing', excerpt: 'Hello' }],
    ['analysis.ipynb', { kind: 'notebook', cells: 2, language: 'python', title: 'Analysis' }],
    ['notes.md', { kind: 'markdown', title: 'Notes', lines: 7 }],
    ['code.py', { kind: 'code', language: 'Python', lines: 2 }],
    ['data.json', { kind: 'json', shape: '{name: string, sizes: 3 × number}' }],
    ['page.html', { kind: 'page', title: 'My page' }],
    ['mail.eml', { kind: 'message', title: 'Lunch' }],
    ['bundle.zip', { kind: 'archive', entry_count: 2 }],
    ['bundle.tar.gz', { kind: 'archive', entries: [{ name: 'sales.csv', size: 97 }] }],
    ['tone.wav', { kind: 'sound', seconds: 2 }],
    ['bytes.bin', { kind: 'binary' }],
    ['empty.txt', { kind: 'text', lines: 0 }],
  ])('of %s tells what it is', async (path, expected) => {
    expect(await summaryOf(path)).toMatchObject(expected);
  });

  it('reads other separators, encodings and points of numbers', async () => {
    const { tables, details } = await summaryOf('semicolons.csv');
    expect(tables![0]!.columns).toMatchObject([
      { name: 'Stadt', type: 'text', examples: ['Köln', 'München'] },
      { name: 'Preis', type: 'number' },
    ]);
    expect(details).toEqual({ encoding: 'windows-1252', separator: 'semicolon' });
  });

  it('of a database tells its tables, and names its views without asking them', async () => {
    expect(await summaryOf('shop.sqlite')).toMatchObject({
      kind: 'database',
      tables: [
        { name: 'goods', rows: 2, columns: [{ name: 'id' }, { name: 'name' }, { name: 'price', type: 'number' }] },
      ],
      details: { views: 'cheap' },
    });
  });
});

describe('text and HTML', () => {
  it('show a table', async () => {
    expect(await textOf('sales.csv', 'text')).toBe(
      '3 rows, 4 columns\nmonth\tregion\tamount\tmargin\n2026-01-01\tNorth\t10\t0.5\n2026-02-01\tSouth\t20\t0.25\n2026-03-01\t\t30\t0.125',
    );
    expect(await bodyOf('sales.parquet')).toContain(
      '<tr><td>2026-01-01</td><td>North</td><td class="n">10</td><td class="n">0.5</td></tr>',
    );
  });

  it('show the sheet and the rows that are asked for', async () => {
    expect(await bodyOf('book.xlsx', '&sheet=2')).toContain('<td>Ada</td><td class="n">36</td>');
    const rows = await textOf('sales.csv', 'text', '&offset=2');
    expect(rows).toContain('2026-03-01');
    expect(rows).not.toContain('2026-01-01');
  });

  it('show the formula of a cell that has no value yet', async () => {
    expect(await bodyOf('formulas.xlsx')).toContain('<td>=A2+B2</td>');
  });

  it('show documents with their headings and tables', async () => {
    expect(await bodyOf('report.docx')).toContain('<h1>Growth</h1><p>Revenue grew by twelve per cent.</p><table>');
    expect(await textOf('report.docx', 'text')).toContain('Region\tSum\nNorth\t60');
    expect(await bodyOf('minutes.odt')).toContain('All were there.');
    expect(await textOf('paper.pdf', 'text')).toContain('## Page 2\n\nThis is page 2 of the paper.');
    expect(await bodyOf('show.pptx')).toContain('<h2>1. Plan</h2><pre>First things first</pre>');
    expect(await bodyOf('notes.md')).toContain('<td>1</td>');
    expect(await textOf('notes.md', 'text')).toContain('Some *words*.');
  });

  it('show notebooks, code, listings and bytes', async () => {
    expect(await bodyOf('analysis.ipynb')).toMatch(/<h1>Analysis<\/h1>.*<em>growth<\/em>.*<pre>42\n<\/pre>/s);
    expect(await bodyOf('code.py')).toContain('<span class="k">def</span>');
    expect(await bodyOf('bundle.zip')).toContain('<td>data/sales.csv</td><td class="n">97</td>');
    expect(await textOf('bytes.bin', 'text')).toContain('00000010  10 11 12');
    expect(await bodyOf('photo.png')).toMatch(/^<p><img src="data:image\/png;base64,[^"]+" alt=""><\/p>$/);
  });
});

describe('the picture', () => {
  it.each([
    ['photo.png', '&width=100', [100, 50]],
    ['photo.jpg', '&width=100', [100, 200]],
    ['drawing.svg', '&width=200', [200, 100]],
    ['paper.pdf', '&width=200&page=2', [200, 300]],
    ['book.xlsx', '', [480, 360]],
    ['code.py', '', [480, 360]],
    ['analysis.ipynb', '&width=320', [320, 240]],
    ['tone.wav', '&width=400', [400, 100]],
    ['show.pptx', '&width=400&page=2', [400, 300]],
  ])('of %s%s has the width that is asked for', async (path, more, size) => {
    expect(await sizeOf(path, more)).toEqual(size);
  });

  it('of bytes that are nothing known is refused', async () => {
    const answer = await preview('bytes.bin', 'png');
    expect(answer.status).toBe(422);
    expect(await answer.json()).toMatchObject({ error: 'preview_refused', reason: 'unsupported' });
  });
});

describe('an address', () => {
  it('that ends with /preview is a preview in the form that the client accepts', async () => {
    const at = (headers?: Record<string, string>, query = '') =>
      api.send('GET', `/sessions/${session}/files/sales.csv/preview${query}`, undefined, headers);
    expect(await (await at()).json()).toMatchObject({ kind: 'table' });
    expect((await at({ accept: 'text/html,*/*' })).headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect((await at({ accept: 'image/png' })).headers.get('content-type')).toBe('image/png');
    expect((await at({}, '?form=text')).headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('that ends with /preview is a file where a file is called that', async () => {
    await api.send('PUT', `/sessions/${session}/files/odd/preview`, 'my own');
    const answer = await api.send('GET', `/sessions/${session}/files/odd/preview`);
    expect(await answer.text()).toBe('my own');
  });

  it('says what a browser may do with it: nothing', async () => {
    const { headers } = await preview('page.html', 'html');
    expect(headers.get('content-security-policy')).toMatch(/^sandbox; default-src 'none';/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('is answered 304 where nothing has changed, 404 for other callers, 400 for a form that there is not', async () => {
    const etag = (await preview('code.py', 'json')).headers.get('etag')!;
    const path = `/sessions/${session}/files/code.py?preview=json`;
    expect((await api.send('GET', path, undefined, { 'if-none-match': etag })).status).toBe(304);
    const bob = nativeClient({ ...server, key: 'bob-key-0123456789' });
    expect((await bob.send('GET', path)).status).toBe(404);
    expect((await preview('code.py', 'exe')).status).toBe(400);
    expect((await preview('code.py', 'png', '&width=100000')).status).toBe(400);
    expect((await preview('nothing.txt', 'json')).status).toBe(404);
  });

  it('follows the file when its content changes', async () => {
    await api.cell(session, "open('changing.txt', 'w').write('one')");
    expect(await textOf('changing.txt', 'text')).toBe('one');
    await api.cell(session, "open('changing.txt', 'w').write('two')");
    expect(await textOf('changing.txt', 'text')).toBe('two');
  });
});

it('a preview is in no list of files', async () => {
  const { data } = await api.json<{ data: { path: string }[] }>('GET', `/sessions/${session}/files`);
  expect(data.filter(({ path }) => path.startsWith('out') || path.startsWith('document'))).toEqual([]);
});
