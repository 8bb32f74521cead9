import { setImmediate } from 'node:timers/promises';
import type { Transaction } from 'kysely';
import { DragomanError, type FileSet, type StoredFile } from '../../core/index.ts';
import { type FileRecords, type FileSetRevision, keptSuperseded, type Owner } from './file-records.ts';
import { type FileRow, fileOf, fileRow, type SetRow, setOf, setRow } from './rows.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import { addStored, forgetSessions, storedBytes } from './sql-owners.ts';

/** Rows of one insert: far below every database's limit of parameters. */
const insertRows = 100;
/** File sets of one deleting transaction: requests get their turn between two. */
const deleteSets = 50;

/** File sets and files in the tables of a SQL database. */
export class SqlFileRecords implements FileRecords {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async create(set: FileSet, files: readonly StoredFile[], quotaBytes?: number): Promise<void> {
    const rows = files.map((file, position) => fileRow(file, position));
    await this.#database.unlessTaken('internal', 'A file set or a file with this id exists already.', (db) =>
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto('sessions').values(setRow(set)).execute();
        await insertFiles(transaction, rows);
        await addStored(transaction, ownerOf(setRow(set)), sizeOf(files), quotaBytes);
      }),
    );
  }

  async revise(id: string, { expiresAt, added, superseded, quotaBytes }: FileSetRevision): Promise<void> {
    await this.#database.unlessTaken('internal', 'A file with this id exists already.', (db) =>
      db.transaction().execute(async (transaction) => {
        const session = await transaction
          .updateTable('sessions')
          .set({ expires_at: expiresAt })
          .where('id', '=', id)
          .returning(['tenant', 'principal_id'])
          .executeTakeFirst();
        if (!session) throw new DragomanError('not_found');
        const { last } = await transaction
          .selectFrom('files')
          .select(({ fn }) => fn.max('position').as('last'))
          .where('session_id', '=', id)
          .executeTakeFirstOrThrow();
        const next = last === null ? 0 : last + 1;
        await insertFiles(
          transaction,
          added.map((file, index) => fileRow(file, next + index)),
        );
        for (let at = 0; at < superseded.length; at += insertRows) {
          await transaction
            .updateTable('files')
            .set({ superseded: next })
            .where('session_id', '=', id)
            .where('id', 'in', superseded.slice(at, at + insertRows))
            .execute();
        }
        const removed =
          superseded.length === 0
            ? []
            : await transaction
                .deleteFrom('files')
                .where('session_id', '=', id)
                .where('superseded', 'is not', null)
                .where('id', 'not in', (of) =>
                  of
                    .selectFrom('files')
                    .select('id')
                    .where('session_id', '=', id)
                    .where('superseded', 'is not', null)
                    .orderBy('superseded', 'desc')
                    .orderBy('position', 'desc')
                    .limit(keptSuperseded),
                )
                .returning('size')
                .execute();
        await addStored(transaction, ownerOf(session), sizeOf(added) - sizeOf(removed), quotaBytes);
      }),
    );
  }

  deleteSet(id: string): Promise<boolean> {
    return this.#database.use((db) =>
      db.transaction().execute(async (transaction) => {
        await forgetSessions(transaction, [id]);
        const { numDeletedRows } = await transaction.deleteFrom('sessions').where('id', '=', id).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
    );
  }

  set(id: string): Promise<FileSet | undefined> {
    return this.#database.use(async (db) => {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row && setOf(row);
    });
  }

  file(setId: string, fileId: string): Promise<{ set: FileSet; file: StoredFile } | undefined> {
    return this.#database.use(async (db) => {
      const file = await db
        .selectFrom('files')
        .selectAll()
        .where('session_id', '=', setId)
        .where('id', '=', fileId)
        .executeTakeFirst();
      const set = file && (await db.selectFrom('sessions').selectAll().where('id', '=', setId).executeTakeFirst());
      return set && { set: setOf(set), file: fileOf(file) };
    });
  }

  list(setId: string): Promise<StoredFile[]> {
    return this.#database.use(async (db) => {
      const rows = await db
        .selectFrom('files')
        .selectAll()
        .where('session_id', '=', setId)
        .where('superseded', 'is', null)
        .orderBy('position')
        .execute();
      return rows.map(fileOf);
    });
  }

  delete(setId: string, fileId: string): Promise<boolean> {
    return this.#database.use((db) =>
      db.transaction().execute(async (transaction) => {
        const file = await transaction
          .deleteFrom('files')
          .where('session_id', '=', setId)
          .where('id', '=', fileId)
          .returning('size')
          .executeTakeFirst();
        if (!file) return false;
        const session = await transaction
          .selectFrom('sessions')
          .select(['tenant', 'principal_id'])
          .where('id', '=', setId)
          .executeTakeFirstOrThrow();
        await addStored(transaction, ownerOf(session), -file.size);
        return true;
      }),
    );
  }

  deleteExpired(now: number): Promise<number> {
    return this.#database.use(async (db) => {
      let total = 0;
      for (;;) {
        const removed = await db.transaction().execute(async (transaction) => {
          const expired = transaction.selectFrom('sessions').select('id').where('expires_at', '<', now);
          const ids = (await expired.limit(deleteSets).execute()).map(({ id }) => id);
          if (ids.length === 0) return 0;
          await forgetSessions(transaction, ids);
          await transaction.deleteFrom('sessions').where('id', 'in', ids).execute();
          return ids.length;
        });
        total += removed;
        if (removed < deleteSets) return total;
        await setImmediate();
      }
    });
  }

  storedBytes(owner: Owner): Promise<number> {
    return this.#database.use((db) => storedBytes(db, owner));
  }

  isReferenced(digest: string): Promise<boolean> {
    return this.#database.use(async (db) => {
      const row = await db.selectFrom('files').select('id').where('digest', '=', digest).limit(1).executeTakeFirst();
      return row !== undefined;
    });
  }
}

async function insertFiles(transaction: Transaction<Schema>, rows: readonly FileRow[]): Promise<void> {
  for (let at = 0; at < rows.length; at += insertRows) {
    await transaction
      .insertInto('files')
      .values(rows.slice(at, at + insertRows))
      .execute();
  }
}

function ownerOf({ tenant, principal_id: id }: Pick<SetRow, 'tenant' | 'principal_id'>): Owner {
  return { tenant, id };
}

function sizeOf(files: readonly Pick<StoredFile, 'size'>[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
