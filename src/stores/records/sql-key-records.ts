import type { KeyRecord, KeyRecords } from './key-records.ts';
import { type KeyRow, keyOf, keyRow } from './rows.ts';
import type { SqlDatabase } from './sql-database.ts';

/** API keys in a table of a SQL database. */
export class SqlKeyRecords implements KeyRecords {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async create(key: KeyRecord): Promise<void> {
    await this.#database.unlessTaken('invalid_request', 'A key with this name or secret exists already.', () =>
      this.#database.use((db) => db.insertInto('api_keys').values(keyRow(key)).execute()),
    );
  }

  findByHash(hash: string): Promise<KeyRecord | undefined> {
    return this.#database.use(async (db) => {
      const row = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('hash', '=', hash)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row && keyOf(row);
    });
  }

  list(): Promise<KeyRecord[]> {
    return this.#database.use(async (db) => {
      const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
      return rows.map(keyOf);
    });
  }

  setPlan(idOrName: string, plan: string | null): Promise<boolean> {
    return this.#changeLive(idOrName, { plan });
  }

  setAdmin(idOrName: string, isAdmin: boolean): Promise<boolean> {
    return this.#changeLive(idOrName, { is_admin: isAdmin ? 1 : 0 });
  }

  revoke(idOrName: string, now: number): Promise<boolean> {
    return this.#changeLive(idOrName, { revoked_at: now });
  }

  #changeLive(idOrName: string, change: Partial<KeyRow>): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
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
    });
  }
}
