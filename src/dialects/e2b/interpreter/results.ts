import type { MimeBundle } from '../../../core/index.ts';
import { chartOf } from './charts.ts';

const chartType = 'application/vnd.dragoman.chart+json';

const names: Readonly<Record<string, string>> = {
  'text/plain': 'text',
  'text/html': 'html',
  'text/markdown': 'markdown',
  'image/svg+xml': 'svg',
  'image/png': 'png',
  'image/jpeg': 'jpeg',
  'application/pdf': 'pdf',
  'text/latex': 'latex',
  'application/json': 'json',
  'application/javascript': 'javascript',
};

/** A result in the keys of this API; other forms keep their types, below `extra`. */
export function resultOf(bundle: MimeBundle): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  const extra: Record<string, unknown> = {};
  for (const [type, value] of Object.entries(bundle)) {
    const name = names[type];
    if (type === chartType) result.chart = chartOf(value);
    else if (name === undefined) extra[type] = value;
    else result[name] = value;
  }
  if (typeof result.text === 'string') result.text = withoutQuotes(result.text);
  const table = tableOf(result.json);
  if (table) {
    result.data = table;
    delete result.json;
  }
  return Object.keys(extra).length > 0 ? { ...result, extra } : result;
}

/** The text of a string is the string as Python writes it, without the quotes around it. */
function withoutQuotes(text: string): string {
  const [first = '', last = ''] = [text.at(0), text.at(-1)];
  return text.length > 1 && first === last && `'"`.includes(first) ? text.slice(1, -1) : text;
}

/** A table as its columns, from the form in which the interpreter tells data frames: `{columns: [{name}], data}`. */
function tableOf(json: unknown): Record<string, unknown[]> | undefined {
  if (typeof json !== 'object' || json === null || !('columns' in json) || !('data' in json)) return undefined;
  const { columns, data } = json as { columns: unknown; data: unknown };
  if (!Array.isArray(columns) || !Array.isArray(data) || !data.every(Array.isArray)) return undefined;
  return Object.fromEntries(
    columns.map((column, at) => [String(column?.name), data.map((row: unknown[]) => row[at] ?? null)]),
  );
}
