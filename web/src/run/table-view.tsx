import { useMemo, useState } from 'preact/hooks';
import { count, plural } from '../app/words.ts';
import { copyText, saveText } from '../files/save.ts';

/** A table as the kernel sends it: its first rows and columns. */
export interface Table {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly index: readonly (number | string)[];
  readonly data: readonly (readonly unknown[])[];
  /** Rows and columns of the whole table. */
  readonly shape: readonly number[];
}

export function isTable(value: unknown): value is Table {
  const { columns, data, shape } = (value ?? {}) as Partial<Table>;
  return Array.isArray(columns) && Array.isArray(data) && Array.isArray(shape) && typeof columns[0]?.name === 'string';
}

const rowHeight = 28;
const shownRows = 40;

/** Rows that are in sight have nodes. Sorting and the filter reach the rows that came, and say so. */
export function TableView({ table }: { table: Table }) {
  const [top, setTop] = useState(0);
  const [sort, setSort] = useState<{ column: number; isDown: boolean } | undefined>(undefined);
  const [filter, setFilter] = useState('');
  const [isCopied, setCopied] = useState(false);
  const numeric = useMemo(() => table.columns.map((_, at) => isNumeric(table, at)), [table]);
  const rows = useMemo(() => ordered(table, sort, filter), [table, sort, filter]);
  const first = rows.length <= shownRows ? 0 : Math.max(0, Math.floor(top / rowHeight) - 10);
  const inSight = rows.slice(first, first + shownRows);
  const [total = rows.length, width = table.columns.length] = table.shape;
  const isPart = total > table.data.length || width > table.columns.length;
  const pad = (number: number) =>
    number > 0 && (
      <tr>
        <td style={{ height: `${number * rowHeight}px`, padding: 0 }} colSpan={table.columns.length + 1} />
      </tr>
    );
  return (
    <div>
      <section
        class="grid"
        tabIndex={0}
        aria-label={`Table, ${plural(total, 'row')}`}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
      >
        <table aria-rowcount={total + 1}>
          <thead>
            <tr>
              <th scope="col">
                <small>#</small>
              </th>
              {table.columns.map(({ name, type }, at) => (
                <th
                  scope="col"
                  key={at}
                  class={numeric[at] ? 'r' : ''}
                  aria-sort={sort?.column === at ? (sort.isDown ? 'descending' : 'ascending') : 'none'}
                >
                  <button type="button" onClick={() => setSort((now) => nextSort(now, at))}>
                    {name}
                    {sort?.column === at ? (sort.isDown ? ' ↓' : ' ↑') : ''}
                  </button>
                  <small>{typeWords(type, table, at)}</small>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {pad(first)}
            {inSight.map((row) => (
              <tr key={row}>
                <td class="muted">{table.index[row] ?? row}</td>
                {table.columns.map((_, at) => (
                  <td key={at} class={numeric[at] ? 'r' : ''}>
                    {cellWords(table.data[row]?.[at])}
                  </td>
                ))}
              </tr>
            ))}
            {pad(rows.length - first - inSight.length)}
          </tbody>
        </table>
      </section>
      <footer>
        <span class="num">
          {plural(total, 'row')} · {plural(width, 'column')}
        </span>
        {isPart && (
          <span>
            the first {count(table.data.length)} rows and {count(table.columns.length)} columns are here
          </span>
        )}
        <span class="grow" />
        <input
          aria-label="Filter the rows that are here"
          placeholder="Filter"
          value={filter}
          onInput={(event) => setFilter(event.currentTarget.value)}
          size={10}
        />
        <button type="button" onClick={async () => setCopied(await copyText(separated(table, rows, '\t')))}>
          {isCopied ? 'Copied' : 'Copy'}
        </button>
        <button type="button" onClick={() => saveText('table.csv', separated(table, rows, ','), 'text/csv')}>
          Save as CSV
        </button>
      </footer>
    </div>
  );
}

const isNumeric = (table: Table, at: number) => /int|float|double|number|decimal/i.test(table.columns[at]!.type);

function typeWords(type: string, table: Table, at: number): string {
  const words = /int/i.test(type)
    ? 'whole number'
    : /float|double/i.test(type)
      ? 'number'
      : /date|time/i.test(type)
        ? 'date'
        : /bool/i.test(type)
          ? 'yes or no'
          : 'text';
  const empty = table.data.filter((row) => row[at] === null || row[at] === undefined).length;
  return empty > 0 ? `${words} · ${count(empty)} empty` : words;
}

function cellWords(value: unknown) {
  if (value === null || value === undefined) return <span class="muted">empty</span>;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return text.replace(/T00:00:00\.000$/, '');
}

function nextSort(now: { column: number; isDown: boolean } | undefined, column: number) {
  if (now?.column !== column) return { column, isDown: false };
  return now.isDown ? undefined : { column, isDown: true };
}

function ordered(table: Table, sort: { column: number; isDown: boolean } | undefined, filter: string): number[] {
  const wanted = filter.toLowerCase();
  const rows = [...table.data.keys()].filter(
    (row) => wanted === '' || table.data[row]!.some((value) => String(value).toLowerCase().includes(wanted)),
  );
  if (!sort) return rows;
  const sign = sort.isDown ? -1 : 1;
  return rows.sort((a, b) => sign * compare(table.data[a]![sort.column], table.data[b]![sort.column]));
}

/** Empty values come last upwards. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, { numeric: true });
}

function separated(table: Table, rows: readonly number[], separator: string): string {
  const cell = (value: unknown) => {
    const text =
      value === null || value === undefined ? '' : String(typeof value === 'object' ? JSON.stringify(value) : value);
    if (separator === '\t') return text.replace(/[\t\n]/g, ' ');
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [table.columns.map(({ name }) => name), ...rows.map((row) => table.data[row]!)];
  return `${lines.map((line) => line.map(cell).join(separator)).join('\n')}\n`;
}
