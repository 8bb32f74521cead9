import type { Principal } from '../../core/index.ts';
import type { PreviewedFile, Previews } from './previews.ts';
import type { Summary } from './summary.ts';

/** Characters of a note, and of a name in it: each costs its reader tokens. */
const mostNote = 400;
const mostName = 40;
/** Files that notes are made of at once. */
const mostFiles = 10;
/** What a request waits for all of them. */
const waitMs = 500;
/** Endings of files whose names do not say what a reader wants to know. */
const noted = new Set(
  (
    'csv tsv parquet feather arrow xlsx xlsm xls xlsb ods sqlite sqlite3 db jsonl json npy npz h5 hdf5 ' +
    'docx odt rtf epub pptx odp pdf ipynb zip tar tgz 7z'
  ).split(' '),
);

/** Whether a file with this name holds more than its bytes tell: tables, pages, entries. */
export const isDocument = (name: string) => noted.has(name.slice(name.lastIndexOf('.') + 1).toLowerCase());

/** What can be told of some files in a moment, by path. Never rejects, and waits half a second at most. */
export async function notesOn(
  previews: Pick<Previews, 'summary'>,
  principal: Principal,
  files: readonly (PreviewedFile & { readonly path: string })[],
): Promise<ReadonlyMap<string, string>> {
  const chosen = files.filter(({ name }) => isDocument(name)).slice(-mostFiles);
  const notes = await Promise.all(
    chosen.map(async (file) => {
      const summary = await previews.summary(principal, file, waitMs);
      return [file.path, summary && noteOn(summary)] as const;
    }),
  );
  return new Map(notes.flatMap(([path, note]) => (note ? [[path, note] as const] : [])));
}

/** A summary in one line. Every word that the file brought is quoted. */
export function noteOn({
  kind,
  title,
  tables,
  table_count: count,
  pages,
  words,
  cells,
  entry_count: entries,
  shape,
}: Summary): string {
  const facts = [
    ...(kind === 'table' || kind === 'arrays' ? [] : [kind]),
    ...(title ? [quoted(title)] : []),
    ...(pages === undefined ? [] : [`${pages} pages`]),
    ...(words === undefined || kind === 'table' ? [] : [`${words} words`]),
    ...(cells === undefined ? [] : [`${cells} cells`]),
    ...(entries === undefined ? [] : [`${entries} entries`]),
    ...(count !== undefined && count > 1 ? [`${count} tables`] : []),
    ...(tables ?? []).map(tableNote),
    ...(shape && !tables ? [quoted(shape, 200)] : []),
  ];
  const note = facts.join(', ').toWellFormed();
  return note.length <= mostNote ? note : `${note.slice(0, mostNote - 1)}…`.toWellFormed();
}

function tableNote({ name, rows, column_count, columns }: NonNullable<Summary['tables']>[number]): string {
  const size = `${rows === null ? 'many' : rows} rows × ${column_count} columns`;
  const shown = columns.slice(0, 20).map((column) => `${quoted(column.name)} ${column.type}`);
  const more = column_count > shown.length ? ', …' : '';
  return `${name === '' ? '' : `${quoted(name)}: `}${size} (${shown.join(', ')}${more})`;
}

function quoted(text: string, most = mostName): string {
  return JSON.stringify(text.length <= most ? text : `${text.slice(0, most - 1)}…`.toWellFormed());
}
