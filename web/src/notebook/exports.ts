import type { Run } from '../run/run.ts';
import { isTable, type Table } from '../run/table-view.tsx';
import type { Cell } from './cell.ts';

/** A notebook as files that other programs read. A file holds what its notebook showed, and loads nothing. */

/** As a script in the percent format, which Jupytext and editors open as cells. What is not Python stands in comments. */
export function toScript(cells: readonly Cell[]): string {
  const parts = cells.map(({ kind, language, source }) => {
    if (kind.value === 'text') return `# %% [markdown]\n${commented(source.value)}`;
    if (language.value === 'python') return `# %%\n${source.value}`;
    return `# %% [${language.value}]\n${commented(source.value)}`;
  });
  return `${parts.join('\n\n')}\n`;
}

const commented = (text: string) =>
  text
    .split('\n')
    .map((line) => (line === '' ? '#' : `# ${line}`))
    .join('\n');

/**
 * As one page that needs nothing else. What programs made is text, images and tables of text; HTML stands in frames without scripts.
 * The policy of the page lets no script run and nothing be loaded, wherever it is opened.
 */
export function toPage(cells: readonly Cell[], name: string): string {
  const body = cells.map((cell) =>
    cell.kind.value === 'text'
      ? `<pre class="text">${escaped(cell.source.value)}</pre>`
      : `<pre class="code">${escaped(cell.source.value)}</pre>${cell.run.value ? outputs(cell.run.value) : ''}`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>${escaped(name)}</title><style>${style}</style></head>
<body><h1>${escaped(name)}</h1>
${body.map((cell) => `<section>${cell}</section>`).join('\n')}
</body></html>
`;
}

function outputs(run: Run): string {
  const parts = run.parts.value.map((part) => {
    if (part.kind === 'gap') return '<p>Some output was left out.</p>';
    if (part.kind === 'text') return `<pre>${escaped(part.log.text())}</pre>`;
    return rich(part.bundle.value);
  });
  const error = run.error.value;
  if (error) parts.push(`<pre class="bad">${escaped(`${error.name}: ${error.value}`)}</pre>`);
  return parts.join('');
}

const images = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;

/** A result in the best form that a page without scripts can show. */
function rich(bundle: Readonly<Record<string, unknown>>): string {
  const alt = escaped(joined(bundle['text/plain'] ?? 'Figure').slice(0, 500));
  const table = Object.values(bundle).find(isTable);
  if (table) return tableOf(table);
  for (const type of images) {
    const data = joined(bundle[type] ?? '').replace(/\s/g, '');
    if (/^[A-Za-z0-9+/=]+$/.test(data)) return `<img alt="${alt}" src="data:${type};base64,${data}">`;
  }
  const drawing = joined(bundle['image/svg+xml'] ?? '');
  if (drawing !== '') return `<img alt="${alt}" src="data:image/svg+xml,${escaped(encodeURIComponent(drawing))}">`;
  const html = joined(bundle['text/html'] ?? '');
  if (html !== '') return `<iframe sandbox="" title="HTML output" srcdoc="${escaped(html)}"></iframe>`;
  const text = bundle['text/plain'] ?? bundle['text/markdown'] ?? bundle['text/latex'] ?? JSON.stringify(bundle);
  return `<pre>${escaped(joined(text))}</pre>`;
}

function tableOf({ columns, index, data, shape }: Table): string {
  const head = columns.map(({ name }) => `<th>${escaped(name)}</th>`).join('');
  const rows = data.map((row, at) => {
    const cells = row.map(
      (value) => `<td>${escaped(value === null || value === undefined ? '' : valueWords(value))}</td>`,
    );
    return `<tr><th>${escaped(String(index[at] ?? at))}</th>${cells.join('')}</tr>`;
  });
  const rest = (shape[0] ?? 0) > data.length ? `<p>${data.length} of ${shape[0]} rows.</p>` : '';
  return `<table><thead><tr><th></th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>${rest}`;
}

const valueWords = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
const joined = (value: unknown) =>
  Array.isArray(value) ? value.join('') : typeof value === 'string' ? value : valueWords(value);

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character]!);

const style = `body{font:15px/1.6 system-ui,sans-serif;max-width:920px;margin:24px auto;padding:0 16px;color:#1d1c19;background:#fff}
pre{font:13px/1.55 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:6px 0}
.code{background:#efede7;border-radius:6px;padding:8px 12px}.text{font:inherit}.bad{color:#a8231b;font-weight:600}
table{border-collapse:collapse;font-size:13px}td,th{border:1px solid #dedbd2;padding:2px 8px;text-align:left}
img{max-width:100%}iframe{width:100%;height:320px;border:1px solid #dedbd2;resize:vertical}`;
