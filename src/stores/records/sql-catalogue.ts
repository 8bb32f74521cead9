import { setImmediate } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import { DragomanError, type ErrorCode, type StoredFile, type StoredSession } from '../../core/index.ts';
import { onStorage } from '../faults.ts';
import { type Catalogue, type KeyRecord, keptSuperseded, type Owner, type SessionRevision } from './catalogue.ts';
import type { Documents } from './documents.ts';
import { migrate } from './migrate.ts';
import {
  type FileRow,
  fileOf,
  fileRow,
  type KeyRow,
  keyOf,
  keyRow,
  type SessionRow,
  sessionOf,
  sessionRow,
} from './rows.ts';
import { migrations, type Schema } from './schema.ts';
import { SqlDocuments } from './sql-documents.ts';
import { addStored, forgetSessions, storedBytes } from './sql-owners.ts';

/** Rows of one insert: far below every database's limit of parameters. */
const insertRows = 100;
/** Sessions of one deleting transaction: requests get their turn between two. */
const deleteSessions = 50;

/** What differs from one SQL database to another. */
export interface SqlDatabase {
  /** For messages: the file, or the server without credentials. */
  readonly name: string;
  /** Opens it; everything it throws names what is wrong, as the end of a sentence. */
  connect(): Promise<Kysely<Schema>>;
  /** Tells whether an error says that a unique constraint was broken. */
  isConflict(error: unknown): boolean;
  /** What the documents of one owner may take together; absent: any number. */
  readonly documentBytes?: number | undefined;
}

/** Keeps records in any SQL database that kysely speaks. */
export class SqlCatalogue implements Catalogue {
  readonly #database: SqlDatabase;
  readonly documents: Documents;
  #connection: Kysely<Schema> | undefined;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.documents = new SqlDocuments((work) => this.#use(work), database.documentBytes);
  }

  async start(): Promise<void> {
    let connection: Kysely<Schema> | undefined;
    try {
      connection = await this.#database.connect();
      await migrate(connection, migrations);
      this.#connection = connection;
    } catch (error) {
      await connection?.destroy();
      const reason = error instanceof Error ? error.message : String(error);
      const message = `The database ${this.#database.name} cannot be used: ${reason}`;
      throw new DragomanError('storage_unavailable', { message, cause: error });
    }
  }

  async createSession(session: StoredSession, files: readonly StoredFile[], quotaBytes?: number): Promise<void> {
    const rows = files.map((file, position) => fileRow(file, position));
    await this.#unlessTaken('internal', 'A session or a file with this id exists already.', (db) =>
      db.transaction().execute(async (transaction) => {
        await transaction.insertInto('sessions').values(sessionRow(session)).execute();
        await insertFiles(transaction, rows);
        await addStored(transaction, ownerOf(sessionRow(session)), sizeOf(files), quotaBytes);
      }),
    );
  }

  async reviseSession(id: string, { expiresAt, added, superseded, quotaBytes }: SessionRevision): Promise<void> {
    await this.#unlessTaken('internal', 'A file with this id exists already.', (db) =>
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

  deleteSession(id: string): Promise<boolean> {
    return this.#use((db) =>
      db.transaction().execute(async (transaction) => {
        await forgetSessions(transaction, [id]);
        const { numDeletedRows } = await transaction.deleteFrom('sessions').where('id', '=', id).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
    );
  }

  session(id: string): Promise<StoredSession | undefined> {
    return this.#use(async (db) => {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row && sessionOf(row);
    });
  }

  file(sessionId: string, fileId: string): Promise<{ session: StoredSession; file: StoredFile } | undefined> {
    return this.#use(async (db) => {
      const file = await db
        .selectFrom('files')
        .selectAll()
        .where('session_id', '=', sessionId)
        .where('id', '=', fileId)
        .executeTakeFirst();
      const session =
        file && (await db.selectFrom('sessions').selectAll().where('id', '=', sessionId).executeTakeFirst());
      return session && { session: sessionOf(session), file: fileOf(file) };
    });
  }

  files(sessionId: string): Promise<StoredFile[]> {
    return this.#use(async (db) => {
      const rows = await db
        .selectFrom('files')
        .selectAll()
        .where('session_id', '=', sessionId)
        .where('superseded', 'is', null)
        .orderBy('position')
        .execute();
      return rows.map(fileOf);
    });
  }

  deleteFile(sessionId: string, fileId: string): Promise<boolean> {
    return this.#use((db) =>
      db.transaction().execute(async (transaction) => {
        const file = await transaction
          .deleteFrom('files')
          .where('session_id', '=', sessionId)
          .where('id', '=', fileId)
          .returning('size')
          .executeTakeFirst();
        if (!file) return false;
        const session = await transaction
          .selectFrom('sessions')
          .select(['tenant', 'principal_id'])
          .where('id', '=', sessionId)
          .executeTakeFirstOrThrow();
        await addStored(transaction, ownerOf(session), -file.size);
        return true;
      }),
    );
  }

  deleteExpired(now: number): Promise<number> {
    return this.#use(async (db) => {
      let total = 0;
      for (;;) {
        const removed = await db.transaction().execute(async (transaction) => {
          const expired = transaction.selectFrom('sessions').select('id').where('expires_at', '<', now);
          const ids = (await expired.limit(deleteSessions).execute()).map(({ id }) => id);
          if (ids.length === 0) return 0;
          await forgetSessions(transaction, ids);
          await transaction.deleteFrom('sessions').where('id', 'in', ids).execute();
          return ids.length;
        });
        total += removed;
        if (removed < deleteSessions) return total;
        await setImmediate();
      }
    });
  }

  storedBytes(owner: Owner): Promise<number> {
    return this.#use((db) => storedBytes(db, owner));
  }

  isReferenced(digest: string): Promise<boolean> {
    return this.#use(async (db) => {
      const row = await db.selectFrom('files').select('id').where('digest', '=', digest).limit(1).executeTakeFirst();
      return row !== undefined;
    });
  }

  async createKey(key: KeyRecord): Promise<void> {
    await this.#unlessTaken('invalid_request', 'A key with this name or secret exists already.', (db) =>
      db.insertInto('api_keys').values(keyRow(key)).execute(),
    );
  }

  keyByHash(hash: string): Promise<KeyRecord | undefined> {
    return this.#use(async (db) => {
      const row = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('hash', '=', hash)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row && keyOf(row);
    });
  }

  keys(): Promise<KeyRecord[]> {
    return this.#use(async (db) => {
      const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
      return rows.map(keyOf);
    });
  }

  planKey(idOrName: string, plan: string | null): Promise<boolean> {
    return this.#changeLiveKey(idOrName, { plan });
  }

  revokeKey(idOrName: string, now: number): Promise<boolean> {
    return this.#changeLiveKey(idOrName, { revoked_at: now });
  }

  #changeLiveKey(idOrName: string, change: Partial<KeyRow>): Promise<boolean> {
    return this.#use((db) =>
      db.transaction().execute(async (transaction) => {
        for (const column of ['id', 'name'] as const) {
          const { numUpdatedRows } = await transaction
            .updateTable('api_keys')
            .set(change)
            .where(column, '=', idOrName)
            .where('revoked_at', 'is', null)
            .executeTakeFirst();
          if (numUpdatedRows > 0n) return true;
        }
        return false;
      }),
    );
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.destroy();
  }

  async #use<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (!connection) throw new DragomanError('storage_unavailable', { message: 'The catalogue is not open.' });
    return onStorage(() => work(connection));
  }

  /** Runs a write; when a unique constraint refuses it, throws this error instead. */
  #unlessTaken<T>(code: ErrorCode, message: string, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.#use(async (db) => {
      try {
        return await work(db);
      } catch (error) {
        throw this.#database.isConflict(error) ? new DragomanError(code, { message, cause: error }) : error;
      }
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

function ownerOf({ tenant, principal_id: id }: Pick<SessionRow, 'tenant' | 'principal_id'>): Owner {
  return { tenant, id };
}

function sizeOf(files: readonly Pick<StoredFile, 'size'>[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
