import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Summary } from '../../src/service/index.ts';
import { type NativeClient, nativeClient } from '../support/native.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { atPace } from '../support/tier.ts';
import { attacking } from './attack.ts';

/** Documents that attack whatever opens them: every answer is a preview or a refusal with its reason, and the service goes on. */

const program = readFileSync(new URL('../fixtures/previews/hostile.py', import.meta.url), 'utf8');
let server: TestServer;
let api: NativeClient;
let other: NativeClient;
let session: string;
beforeAll(async () => {
  server = await startServer({
    env: { DRAGOMAN_RATE_LIMITS: 'off', DRAGOMAN_API_KEYS: 'ann:ann-key-0123456789,bob:bob-key-0123456789' },
  });
  api = nativeClient({ ...server, key: 'ann-key-0123456789' });
  other = nativeClient({ ...server, key: 'bob-key-0123456789' });
  session = await api.session();
  const made = await api.cell(session, program, { timeout_ms: atPace(90_000) });
  expect(made, made.error?.traceback.join('\n')).toMatchObject({ outcome: 'completed', error: null });
}, atPace(180_000));
afterAll(() => server?.stop());

const preview = (path: string, form: string) => api.send('GET', `/sessions/${session}/files/${path}?preview=${form}`);
const reasonOf = async (path: string, form = 'json') => {
  const answer = await preview(path, form);
  const body = (await answer.json()) as { error?: string; reason?: string };
  return answer.status === 422 ? body.reason : `${answer.status} ${JSON.stringify(body).slice(0, 300)}`;
};
const textOf = async (path: string, form: string) => {
  const answer = await preview(path, form);
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return text;
};
const summaryOf = async (path: string) => JSON.parse(await textOf(path, 'json')) as Summary;
/** What of HTML could run, load or lead elsewhere. */
const active =
  /<script|<iframe|<svg|<form|<input|<meta [^c]|<link|<math|<object|<embed|<[^>]+\son\w+\s*=|<[^>]+href\s*=|<[^>]+style\s*=|<[^>]+src\s*=\s*"(?!data:image\/(png|jpeg|gif|webp);base64,)/i;

describe('a document that grows', attacking('previews'), () => {
  it.each([
    ['bomb.xlsx', ['too_large']],
    ['liar.xlsx', ['too_large', 'corrupt']],
    ['laughs.svg', ['too_large']],
    ['laughs.docx', ['too_large', 'corrupt']],
    ['huge.png', ['too_large']],
  ])('%s is refused', async (path, reasons) => {
    for (const form of ['json', 'html', 'png']) expect(reasons).toContain(await reasonOf(path, form));
  });

  it.each(['entities.xlsx', 'bomb.tar.gz', 'deep.json', 'headings.html'])('%s is answered', async (path) => {
    const answer = await preview(path, 'json');
    expect([200, 422]).toContain(answer.status);
    expect((await answer.text()).length).toBeLessThan(70_000);
  });

  it('with ten thousand sheets or columns has a short summary', async () => {
    const sheets = await summaryOf('sheets.xlsx');
    expect([sheets.table_count, sheets.tables!.length]).toEqual([10_000, 20]);
    const { tables } = await summaryOf('columns.csv');
    expect([tables![0]!.column_count, tables![0]!.columns.length]).toEqual([10_000, 60]);
    expect((await textOf('columns.csv', 'json')).length).toBeLessThan(65_536);
    expect((await textOf('columns.csv', 'html')).length).toBeLessThan(4 * 1024 * 1024);
  });

  it('with a page that is a thin strip has a picture of bounded size', async () => {
    const bytes = Buffer.from(await (await preview('strip.pdf', 'png')).arrayBuffer());
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([480, 4096]);
  });
});

describe('markup of a document', attacking('previews'), () => {
  it.each([
    'markup.csv',
    'markup.xlsx',
    'script.html',
    'script.md',
    'link.docx',
    'script.ipynb',
    'schema.sqlite',
    'paths.zip',
  ])('in %s is text, or is left out', async (path) => {
    const html = await textOf(path, 'html');
    const [, body] = /<body>(.*)<\/body>/s.exec(html)!;
    expect(body).not.toMatch(active);
    expect(html.slice(0, html.indexOf('<body>'))).not.toMatch(/<script|evil/);
  });

  it('that is shown is what a reader may see', async () => {
    expect(await textOf('script.html', 'html')).toContain('<h1>Title</h1><a title="javascript:alert(1)">link</a>');
    expect(await textOf('markup.csv', 'html')).toContain('<td>&lt;script&gt;alert(1)&lt;/script&gt;</td>');
    expect(await textOf('link.docx', 'html')).toContain('click &lt;script&gt;');
  });

  it('that turns the direction of writing is taken out of names and cells', async () => {
    for (const form of ['json', 'text', 'html']) expect(await textOf('markup.csv', form)).not.toContain('\u202e');
  });

  it('of a file name is no part of an answer', async () => {
    const name = encodeURIComponent('<script>alert(1)</script>\u202e.csv');
    await api.send('PUT', `/sessions/${session}/files/${name}`, 'a,b\n1,2\n', { 'content-type': 'text/csv' });
    expect(await textOf(name, 'html')).not.toContain('alert');
  });
});

describe('a document with a program', attacking('previews'), () => {
  it('as a PDF is read, and its JavaScript is not run', async () => {
    expect(await summaryOf('script.pdf')).toMatchObject({
      kind: 'pdf',
      details: { javascript: 'yes, and it is not run' },
    });
    expect((await preview('script.pdf', 'png')).status).toBe(200);
  });

  it('as a drawing loads no file', async () => {
    expect((await preview('fetch.svg', 'png')).status).toBe(200);
    expect(await textOf('fetch.svg', 'text')).toContain('<script>');
    expect(await textOf('fetch.svg', 'html')).not.toMatch(/<body>.*(passwd|<script)/s);
  });

  it('as a database has its views, triggers, computed columns and virtual tables left alone', async () => {
    const { tables, details } = await summaryOf('schema.sqlite');
    expect(details).toMatchObject({ views: 'endless' });
    expect(tables![0]).toMatchObject({ name: 'a"; drop table x; --', rows: 1, columns: [{ name: 'v' }] });
    expect(tables!.map(({ name }) => name)).not.toContain('words');
    expect(['took_too_long', 'corrupt']).toContain(await reasonOf('posing.sqlite'));
  });

  it('as a playlist opens no other file', async () => {
    expect(await reasonOf('list.m3u8.mp4')).toBe('corrupt');
  });
});

describe('a document that cannot be read', attacking('previews'), () => {
  it.each([
    ['damaged.parquet', 'corrupt'],
    ['cut.docx', 'corrupt'],
    ['locked.pdf', 'encrypted'],
    ['locked.xlsx', 'encrypted'],
  ])('%s is refused as %s', async (path, reason) => {
    expect(await reasonOf(path)).toBe(reason);
    expect(await reasonOf(path, 'html')).toBe(reason);
  });

  it('does not hide the names of an archive, which stay text', async () => {
    const { entries } = await summaryOf('paths.zip');
    expect(entries!.map(({ name }) => name)).toEqual([
      '../../../../etc/passwd',
      '/root/.ssh/authorized_keys',
      'C:\\Windows\\x.dll',
    ]);
    expect((await summaryOf('paths.tar')).entries).toEqual([{ name: '../../out', size: 0 }]);
  });
});

it('a key that wants many slow previews does not keep another one waiting', attacking('previews'), async () => {
  const gone = new AbortController();
  let ended = 0;
  const greedy = Array.from({ length: 40 }, (_, page) =>
    fetch(`${server.url}/v1/sessions/${session}/files/link.docx?preview=png&page=${page + 1}`, {
      headers: { 'x-api-key': 'ann-key-0123456789' },
      signal: gone.signal,
    })
      .then((answer) => answer.arrayBuffer())
      .then(() => void ended++)
      .catch(() => {}),
  );
  const mine = await other.session();
  await other.send('PUT', `/sessions/${mine}/files/a.csv`, 'a,b\n1,2\n', { 'content-type': 'text/csv' });
  const answer = await other.send('GET', `/sessions/${mine}/files/a.csv?preview=json`);
  expect(answer.status).toBe(200);
  expect(await other.cell(mine, '6 * 7')).toMatchObject({ outcome: 'completed' });
  expect(ended).toBeLessThan(20);
  gone.abort();
  await Promise.all(greedy);
});

it('the service is as it was', attacking('previews'), async () => {
  expect(await api.cell(session, 'print(1)')).toMatchObject({ stdout: '1\n' });
  expect(server.output()).not.toMatch(/"level":(50|60)/);
});
