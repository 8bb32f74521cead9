import type { ComponentChildren } from 'preact';

interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  cell(row: T): ComponentChildren;
}

interface TableProps<T> {
  /** What it is a table of. */
  readonly label: string;
  readonly rows: readonly T[] | undefined;
  readonly columns: readonly Column<T>[];
  keyOf(row: T): string;
  /** Said where there is no row. */
  readonly empty: string;
}

/** Rows of a table; where the page is narrow each row is a card, with the titles beside the values. */
export function OpsTable<T>({ label, rows, columns, keyOf, empty }: TableProps<T>) {
  if (!rows) return <p class="muted">Loading</p>;
  if (rows.length === 0) return <p class="muted">{empty}</p>;
  return (
    <section class="ops-table" tabIndex={0} aria-label={label}>
      <table>
        <thead>
          <tr>
            {columns.map(({ title, isNumber }) => (
              <th key={title} scope="col" class={isNumber ? 'r' : ''}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map(({ title, isNumber, cell }) => (
                <td key={title} data-title={title} class={isNumber ? 'r num' : ''}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
