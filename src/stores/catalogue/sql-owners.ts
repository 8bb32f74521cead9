import type { Kysely, Transaction } from 'kysely';
import { quotaExceeded } from '../../core/index.ts';
import type { Owner } from './catalogue.ts';
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
  if (bytes === 0) return;
  const { stored_bytes } = await transaction
    .insertInto('owners')
    .values({ tenant: owner.tenant, principal_id: owner.id, stored_bytes: bytes })
    .onConflict((on) =>
      on
        .columns(['tenant', 'principal_id'])
        .doUpdateSet(({ eb }) => ({ stored_bytes: eb('owners.stored_bytes', '+', bytes) })),
    )
    .returning('stored_bytes')
    .executeTakeFirstOrThrow();
  if (bytes > 0 && stored_bytes > quotaBytes) throw quotaExceeded({ used: stored_bytes - bytes, allowed: quotaBytes });
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
