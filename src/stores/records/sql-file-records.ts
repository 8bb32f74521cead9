import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { chargedBytes, DragomanError, type FileSet, type StoredFile } from '../../core/index.ts';
import {
  type FilePage,
  type FileQuota,
  type FileRecords,
  type FileSetRevision,
  keptSuperseded,
  type Once,
  type OwnedStorage,
  type Owner,
} from './file-records.ts';
import { fileOf, fileRow, setOf, setRow } from './rows.ts';
import type { Schema } from './schema.ts';
import { checkContents, referToContents, slices } from './sql-contents.ts';
import type { SqlDatabase } from './sql-database.ts';
import { addStored, byOwner, type Stored, storedOf, storedPage } from './sql-owners.ts';

/** File sets of one deleting transaction: requests get their turn between two. */
const deleteSets = 50;

/** File sets and files in tables of a SQL database. */
export class SqlFileRecords implements FileRecords {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  create(set: FileSet, files: readonly StoredFile[], quota?: FileQuota, once?: Once): Promise<boolean> {
    return this.#database.unlessTaken('internal', 'A file set or a file with this id exists already.', () =>
      this.#database.transact(async (transaction) => {
        if (once && !(await isFirst(transaction, once))) return false;
        await transaction.insertInto('file_sets').values(setRow(set)).execute();
        await insertFiles(transaction, files);
        await addStored(transaction, { tenant: set.tenant, id: set.principalId }, sumOf(files), quota);
        return true;
      }),
    );
  }

  revise(id: string, { expiresAt, added, superseded, quota, epoch, turn, once }: FileSetRevision): Promise<boolean> {
    return this.#database.unlessTaken('internal', 'A file with this id exists already.', () =>
      this.#database.transact(async (transaction) => {
        // First: a gateway whose turn was taken learns that its execution is recorded.
        if (once && !(await isFirst(transaction, once))) return false;
        if (epoch !== undefined || turn !== undefined) await this.#checkPlace(transaction, id, epoch, turn);
        // Locks the set, so that two revisions of it take turns.
        const set = await transaction
          .updateTable('file_sets')
          .set(({ eb }) => ({ expires_at: expiresAt, revision: eb('revision', '+', 1) }))
          .where('id', '=', id)
          .returning(['tenant', 'principal_id', 'revision'])
          .executeTakeFirst();
        if (!set) throw new DragomanError('not_found');
        await insertFiles(transaction, added);
        for (const some of slices(superseded)) {
          await transaction
            .updateTable('files')
            .set({ superseded: set.revision })
            .where('set_id', '=', id)
            .where('id', 'in', some)
            .execute();
        }
        const removed = superseded.length === 0 ? [] : await removeSuperseded(transaction, id);
        await checkContents(
          transaction,
          removed.map(({ digest }) => digest),
        );
        const [more, less] = [sumOf(added), sumOf(removed)];
        const owner = { tenant: set.tenant, id: set.principal_id };
        const change = { bytes: more.bytes - less.bytes, files: more.files - less.files };
        await addStored(transaction, owner, change, quota);
        return true;
      }),
    );
  }

  deleteSet(id: string): Promise<boolean> {
    return this.#database.transact(async (transaction) => (await removeSets(transaction, [id])) > 0);
  }

  set(id: string): Promise<FileSet | undefined> {
    return this.#database.use(async (db) => {
      const row = await db.selectFrom('file_sets').selectAll().where('id', '=', id).executeTakeFirst();
      return row && setOf(row);
    });
  }

  file(setId: string, fileId: string): Promise<{ set: FileSet; file: StoredFile } | undefined> {
    return this.#database.use(async (db) => {
      const file = await db
        .selectFrom('files')
        .selectAll()
        .where('set_id', '=', setId)
        .where('id', '=', fileId)
        .executeTakeFirst();
      const set = file && (await db.selectFrom('file_sets').selectAll().where('id', '=', setId).executeTakeFirst());
      return set && { set: setOf(set), file: fileOf(file) };
    });
  }

  list(setId: string, { after, limit }: FilePage = {}): Promise<StoredFile[]> {
    return this.#database.use(async (db) => {
      let query = db.selectFrom('files').selectAll().where('set_id', '=', setId).where('superseded', 'is', null);
      if (after !== undefined) {
        query = query.where('serial', '>', ({ selectFrom }) =>
          selectFrom('files').select('serial').where('set_id', '=', setId).where('id', '=', after),
        );
      }
      if (limit !== undefined) query = query.limit(limit);
      return (await query.orderBy('serial').execute()).map(fileOf);
    });
  }

  delete(setId: string, fileId: string): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
      const file = await transaction
        .deleteFrom('files')
        .where('set_id', '=', setId)
        .where('id', '=', fileId)
        .returning(['size', 'digest'])
        .executeTakeFirst();
      if (!file) return false;
      const set = await transaction
        .selectFrom('file_sets')
        .select(['tenant', 'principal_id'])
        .where('id', '=', setId)
        .executeTakeFirstOrThrow();
      await checkContents(transaction, [file.digest]);
      await addStored(transaction, { tenant: set.tenant, id: set.principal_id }, negative(sumOf([file])));
      return true;
    });
  }

  async deleteExpired(now: number): Promise<number> {
    await this.#database.use((db) => db.deleteFrom('recordings').where('expires_at', '<', now).execute());
    for (let total = 0; ; await setImmediate()) {
      const removed = await this.#database.transact(async (transaction) => {
        const expired = await transaction
          .selectFrom('file_sets')
          .select('id')
          .where('expires_at', '<', now)
          .orderBy('id')
          .limit(deleteSets)
          .execute();
        const ids = expired.map(({ id }) => id);
        // Those that are used again in the meantime have another end.
        return ids.length === 0 ? 0 : removeSets(transaction, ids, now);
      });
      total += removed;
      if (removed < deleteSets) return total;
    }
  }

  /** @throws DragomanError conflict */
  async #checkPlace(
    transaction: Transaction<Schema>,
    id: string,
    epoch: number | undefined,
    turn: number | undefined,
  ): Promise<void> {
    const session = await this.#database
      .locked(transaction.selectFrom('sessions').select(['epoch', 'turn']).where('id', '=', id))
      .executeTakeFirst();
    if (session && epoch !== undefined && session.epoch !== epoch)
      throw new DragomanError('conflict', { message: 'The session has moved to another worker.' });
    if (session && turn !== undefined && session.turn !== turn)
      throw new DragomanError('conflict', { message: 'Another gateway works with the session by now.' });
  }

  stored(owner: Owner): Promise<Stored> {
    return this.#database.use((db) => storedOf(db, owner));
  }

  storedPage(limit: number, after?: Owner): Promise<OwnedStorage[]> {
    return this.#database.use((db) => storedPage(db, limit, after));
  }
}

/** Remembers that this is recorded. Returns false when it was before; waits for another transaction that records it. */
async function isFirst(transaction: Transaction<Schema>, { id, until }: Once): Promise<boolean> {
  const added = await transaction
    .insertInto('recordings')
    .values({ id, expires_at: until })
    .onConflict((on) => on.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return added !== undefined;
}

/** Records files within a transaction; holds with their ids end. */
export async function insertFiles(transaction: Transaction<Schema>, files: readonly StoredFile[]): Promise<void> {
  if (files.length === 0) return;
  await referToContents(transaction, files);
  for (const some of slices(files)) await transaction.insertInto('files').values(some.map(fileRow)).execute();
}

/** Removes what is more than `keptSuperseded`, the oldest first. */
function removeSuperseded(transaction: Transaction<Schema>, setId: string) {
  return transaction
    .deleteFrom('files')
    .where('set_id', '=', setId)
    .where('superseded', 'is not', null)
    .where('id', 'not in', ({ selectFrom }) =>
      selectFrom('files')
        .select('id')
        .where('set_id', '=', setId)
        .where('superseded', 'is not', null)
        .orderBy('superseded', 'desc')
        .orderBy('serial', 'desc')
        .limit(keptSuperseded),
    )
    .returning(['size', 'digest'])
    .execute();
}

/** Removes file sets with their files and what they count, and tells how many. @param expiredBefore only those */
export async function removeSets(
  transaction: Transaction<Schema>,
  ids: readonly string[],
  expiredBefore = Number.MAX_SAFE_INTEGER + 1,
): Promise<number> {
  // The sets' rows first: from then on nothing is added to them.
  const sets = await transaction
    .updateTable('file_sets')
    .set(({ eb }) => ({ revision: eb('revision', '+', 1) }))
    .where('id', 'in', ids)
    .where('expires_at', '<', expiredBefore)
    .returning(['id', 'tenant', 'principal_id'])
    .execute();
  if (sets.length === 0) return 0;
  const of = new Map(sets.map((set) => [set.id, set]));
  const files = await transaction
    .deleteFrom('files')
    .where('set_id', 'in', [...of.keys()])
    .returning(['set_id', 'size', 'digest'])
    .execute();
  await transaction
    .deleteFrom('file_sets')
    .where('id', 'in', [...of.keys()])
    .execute();
  await checkContents(
    transaction,
    files.map(({ digest }) => digest),
  );
  for (const { owner, rows } of byOwner(files.map((file) => ({ ...of.get(file.set_id)!, size: file.size })))) {
    await addStored(transaction, owner, negative(sumOf(rows)));
  }
  return sets.length;
}

export function sumOf(files: readonly Pick<StoredFile, 'size'>[]): Stored {
  return { bytes: files.reduce((sum, { size }) => sum + chargedBytes(size), 0), files: files.length };
}

function negative({ bytes, files }: Stored): Stored {
  return { bytes: -bytes, files: -files };
}
