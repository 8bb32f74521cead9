import { type Kysely, sql } from 'kysely';
import { DragomanError } from '../../core/index.ts';
import type { Records } from './records.ts';
import type { Schema } from './schema.ts';
import { SqlRecords } from './sql-records.ts';

interface Table {
  readonly name: keyof Schema;
  /** What orders its rows, unlike any two of them. */
  readonly key: readonly string[];
  /** Rows of one step: those of some tables hold a mebibyte. */
  readonly rows: number;
}

/** In an order in which every row comes after those it refers to. Leases stay: they belong to processes. */
export const copiedTables: readonly Table[] = [
  { name: 'owners', key: ['tenant', 'principal_id'], rows: 500 },
  { name: 'api_keys', key: ['id'], rows: 500 },
  { name: 'usage_days', key: ['tenant', 'principal_id', 'date'], rows: 500 },
  { name: 'contents', key: ['digest'], rows: 500 },
  { name: 'holds', key: ['id'], rows: 500 },
  { name: 'file_sets', key: ['id'], rows: 500 },
  { name: 'files', key: ['serial'], rows: 500 },
  { name: 'sessions', key: ['serial'], rows: 200 },
  { name: 'kernel_states', key: ['session_id', 'kernel'], rows: 500 },
  { name: 'recordings', key: ['id'], rows: 500 },
  { name: 'documents', key: ['serial'], rows: 20 },
  { name: 'document_parts', key: ['set_id', 'number'], rows: 4 },
];

/**
 * Copies all records into others that are empty, in one transaction: it is done or it never was. Both have been started, and no server
 * uses them.
 * @param onRows hears how many rows of a table are there
 * @returns rows by table
 * @throws DragomanError invalid_request when the others are not empty; storage_unavailable
 */
export async function copyRecords(
  from: Records,
  to: Records,
  onRows: (table: string, rows: number) => void,
): Promise<Record<string, number>> {
  if (!(from instanceof SqlRecords && to instanceof SqlRecords)) throw new Error('these records are in no database');
  const counts: Record<string, number> = {};
  await from.database.use((source) =>
    to.database.transact(async (target) => {
      for (const { name } of copiedTables) {
        const filled = await target.selectFrom(name).select(sql`1`.as('one')).limit(1).executeTakeFirst();
        if (filled)
          throw new DragomanError('invalid_request', {
            message: `The records to copy to are not empty: they have ${name}.`,
          });
      }
      for (const table of copiedTables) {
        counts[table.name] = await copyTable(source, target, table, (rows) => onRows(table.name, rows));
      }
    }),
  );
  return counts;
}

type Row = Record<string, unknown>;

async function copyTable(
  source: Kysely<Schema>,
  target: Kysely<Schema>,
  { name, key, rows: atOnce }: Table,
  onRows: (rows: number) => void,
): Promise<number> {
  const columns = sql.join(key.map((column) => sql.ref(column)));
  let last: Row | undefined;
  for (let total = 0; ; ) {
    const after = last ? sql`where (${columns}) > (${sql.join(key.map((column) => last![column]))})` : sql``;
    const { rows } = await sql<Row>`select * from ${sql.table(name)} ${after} order by ${columns} limit ${sql.lit(
      atOnce,
    )}`.execute(source);
    if (rows.length === 0) return total;
    // The other database counts serials itself, in the same order.
    const copies = rows.map(({ serial: _, ...row }) => row);
    await target
      .insertInto(name)
      .values(copies as never)
      .execute();
    last = rows.at(-1)!;
    total += rows.length;
    onRows(total);
  }
}

/** Every content that these records name, in order of digest. @throws DragomanError storage_unavailable */
export async function* recordedContents(records: Records): AsyncGenerator<string> {
  if (!(records instanceof SqlRecords)) throw new Error('these records are in no database');
  for (let after = ''; ; ) {
    const rows = await records.database.use((db) =>
      db.selectFrom('contents').select('digest').where('digest', '>', after).orderBy('digest').limit(500).execute(),
    );
    if (rows.length === 0) return;
    for (const { digest } of rows) yield digest;
    after = rows.at(-1)!.digest;
  }
}
