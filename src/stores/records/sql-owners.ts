import type { Kysely, Transaction } from 'kysely';
import { quotaExceeded, recordsExceeded } from '../../core/index.ts';
import type { Owner } from './file-records.ts';
import type { Schema } from './schema.ts';

/** What one owner's files take. */
export async function storedBytes(db: Kysely<Schema>, { tenant, id }: Owner): Promise<number> {
  const row = await db
    .selectFrom('owners')
    .select('stored_bytes')
    .where('tenant', '=', tenant)
    .where('principal_id', '=', id)
    .executeTakeFirst();
  return row?.stored_bytes ?? 0;
}

/**
 * Adds to what an owner's files take, within the transaction that records or removes them.
 * @throws DragomanError quota_exceeded when more were then stored than `quotaBytes`; never for fewer than before
 */
export async function addStored(
  transaction: Transaction<Schema>,
  owner: Owner,
  bytes: number,
  quotaBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  const now = await add(transaction, owner, 'stored_bytes', bytes);
  if (bytes > 0 && now > quotaBytes) throw quotaExceeded({ used: now - bytes, allowed: quotaBytes });
}

/** The same of an owner's documents. */
export async function addDocumented(
  transaction: Transaction<Schema>,
  owner: Owner,
  bytes: number,
  quotaBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  const now = await add(transaction, owner, 'document_bytes', bytes);
  if (bytes > 0 && now > quotaBytes) throw recordsExceeded({ used: now - bytes, allowed: quotaBytes });
}

/** @returns what it is by now */
async function add(
  transaction: Transaction<Schema>,
  { tenant, id }: Owner,
  column: 'stored_bytes' | 'document_bytes',
  bytes: number,
): Promise<number> {
  if (bytes === 0) return 0;
  const none = { stored_bytes: 0, document_bytes: 0 };
  const row = await transaction
    .insertInto('owners')
    .values({ tenant, principal_id: id, ...none, [column]: bytes })
    .onConflict((on) =>
      on
        .columns(['tenant', 'principal_id'])
        .doUpdateSet(({ eb }) => ({ [column]: eb(`owners.${column}`, '+', bytes) })),
    )
    .returning(column)
    .executeTakeFirstOrThrow();
  return row[column];
}

/** Takes sessions that are about to be removed, with their files, out of what their owners have. */
export async function forgetSessions(transaction: Transaction<Schema>, ids: readonly string[]): Promise<void> {
  const owners = await transaction
    .selectFrom('sessions')
    .innerJoin('files', 'files.session_id', 'sessions.id')
    .select(({ fn }) => ['tenant', 'principal_id', fn.sum<number>('size').as('bytes')])
    .where('sessions.id', 'in', ids)
    .groupBy(['tenant', 'principal_id'])
    .execute();
  for (const { tenant, principal_id: id, bytes } of owners) await addStored(transaction, { tenant, id }, -bytes);
}
