import type { HeldLease, Leases } from './leases.ts';
import type { SqlDatabase } from './sql-database.ts';

/** Leases in a table of a SQL database. */
export class SqlLeases implements Leases {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  take(name: string, holder: string, now: number, until: number): Promise<boolean> {
    return this.#database.use(async (db) => {
      const taken = await db
        .insertInto('leases')
        .values({ name, holder, expires_at: until })
        .onConflict((on) =>
          on
            .column('name')
            .doUpdateSet({ holder, expires_at: until })
            .where(({ or, eb }) => or([eb('leases.holder', '=', holder), eb('leases.expires_at', '<=', now)])),
        )
        .returning('holder')
        .executeTakeFirst();
      return taken !== undefined;
    });
  }

  async prolong({ name, holder }: HeldLease, until: number): Promise<boolean> {
    const kept = await this.#database.use((db) =>
      db
        .updateTable('leases')
        .set({ expires_at: until })
        .where('name', '=', name)
        .where('holder', '=', holder)
        .returning('holder')
        .executeTakeFirst(),
    );
    return kept !== undefined;
  }

  async count(prefix: string, now: number): Promise<number> {
    const { found } = await this.#database.use((db) =>
      db
        .selectFrom('leases')
        .select(({ fn }) => fn.countAll<number>().as('found'))
        .where('expires_at', '>', now)
        .where(({ eb, fn, val }) => eb(fn('substr', ['name', val(1), val(prefix.length)]), '=', prefix))
        .executeTakeFirstOrThrow(),
    );
    return Number(found);
  }

  alone<T>(name: string, work: (stillAlone: () => Promise<void>) => Promise<T>): Promise<T | undefined> {
    return this.#database.alone(name, work);
  }

  async release(name: string, holder: string): Promise<void> {
    await this.#database.use((db) =>
      db.deleteFrom('leases').where('name', '=', name).where('holder', '=', holder).execute(),
    );
  }
}
