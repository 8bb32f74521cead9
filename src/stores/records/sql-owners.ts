import type { Kysely, Transaction } from 'kysely';
import { quotaExceeded, recordsExceeded, tooManyFiles } from '../../core/index.ts';
import type { FileQuota, OwnedStorage, Owner } from './file-records.ts';
import type { Schema } from './schema.ts';

/** What all files of one owner take, or some of them. */
export interface Stored {
  /** In whole blocks. */
  readonly bytes: number;
  readonly files: number;
}

export async function storedOf(db: Kysely<Schema>, { tenant, id }: Owner): Promise<Stored> {
  const row = await db
    .selectFrom('owners')
    .select(['stored_bytes', 'stored_files'])
    .where('tenant', '=', tenant)
    .where('principal_id', '=', id)
    .executeTakeFirst();
  return { bytes: row?.stored_bytes ?? 0, files: row?.stored_files ?? 0 };
}

/** The same, locked until the transaction ends: what adds to it waits. */
export async function lockedStored(transaction: Transaction<Schema>, owner: Owner): Promise<Stored> {
  const { stored_bytes, stored_files } = await add(transaction, owner, {
    stored_bytes: 0,
    stored_files: 0,
    document_bytes: 0,
  });
  return { bytes: stored_bytes, files: stored_files };
}

/** Owners with what their files take, in the order of the table's key. */
export async function storedPage(db: Kysely<Schema>, limit: number, after?: Owner): Promise<OwnedStorage[]> {
  let query = db.selectFrom('owners').select(['tenant', 'principal_id', 'stored_bytes', 'stored_files']);
  if (after)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('tenant', 'principal_id'), '>', tuple(after.tenant, after.id)),
    );
  const rows = await query.orderBy('tenant').orderBy('principal_id').limit(limit).execute();
  return rows.map((row) => ({
    owner: { tenant: row.tenant, id: row.principal_id },
    bytes: row.stored_bytes,
    files: row.stored_files,
  }));
}

/**
 * Adds to what an owner's files take, within the transaction that records or removes them.
 * @throws DragomanError quota_exceeded when there are then more than `quota` allows; never for fewer than before
 */
export async function addStored(
  transaction: Transaction<Schema>,
  owner: Owner,
  { bytes, files }: Stored,
  quota?: FileQuota,
): Promise<void> {
  if (bytes === 0 && files === 0) return;
  const now = await add(transaction, owner, { stored_bytes: bytes, stored_files: files, document_bytes: 0 });
  if (!quota) return;
  if (bytes > 0 && now.stored_bytes > quota.bytes) {
    throw quotaExceeded({ used: now.stored_bytes - bytes, allowed: quota.bytes });
  }
  if (files > 0 && now.stored_files > quota.files) {
    throw tooManyFiles({ used: now.stored_files - files, allowed: quota.files });
  }
}

/** The same of an owner's documents. */
export async function addDocumented(
  transaction: Transaction<Schema>,
  owner: Owner,
  bytes: number,
  quotaBytes = Number.POSITIVE_INFINITY,
): Promise<void> {
  if (bytes === 0) return;
  const now = await add(transaction, owner, { stored_bytes: 0, stored_files: 0, document_bytes: bytes });
  if (bytes > 0 && now.document_bytes > quotaBytes) {
    throw recordsExceeded({ used: now.document_bytes - bytes, allowed: quotaBytes });
  }
}

type Sums = Pick<Schema['owners'], 'stored_bytes' | 'stored_files' | 'document_bytes'>;

/** Adds in the database, so that no two writers overwrite each other. @returns the sums by now */
function add(transaction: Transaction<Schema>, { tenant, id }: Owner, more: Sums): Promise<Sums> {
  return transaction
    .insertInto('owners')
    .values({ tenant, principal_id: id, ...more })
    .onConflict((on) =>
      on.columns(['tenant', 'principal_id']).doUpdateSet(({ eb }) => ({
        stored_bytes: eb('owners.stored_bytes', '+', more.stored_bytes),
        stored_files: eb('owners.stored_files', '+', more.stored_files),
        document_bytes: eb('owners.document_bytes', '+', more.document_bytes),
      })),
    )
    .returning(['stored_bytes', 'stored_files', 'document_bytes'])
    .executeTakeFirstOrThrow();
}

/** Sums per owner, in one order for all transactions: two that change the same owners cannot wait for each other. */
export function byOwner<Row extends { tenant: string; principal_id: string }>(
  rows: readonly Row[],
): { readonly owner: Owner; readonly rows: readonly Row[] }[] {
  return [...Map.groupBy(rows, ({ tenant, principal_id }) => JSON.stringify([tenant, principal_id]))]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, own]) => ({ owner: { tenant: own[0]!.tenant, id: own[0]!.principal_id }, rows: own }));
}
