import type { Kysely } from 'kysely';
import type { Migration, Schema } from './schema.ts';

type History = { migrations: { position: number; name: string } };

/**
 * Brings a database's schema up to date in one transaction: a process killed in the middle leaves it as it was. What has
 * been applied is recorded in the table `migrations`.
 * @throws Error when the database has steps that this list has not: it is of a newer version, or another program's
 */
export async function migrate(db: Kysely<Schema>, migrations: readonly Migration[]): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const history = transaction.withTables<History>();
    await history.schema
      .createTable('migrations')
      .ifNotExists()
      .addColumn('position', 'integer', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .execute();
    const applied = await history.selectFrom('migrations').select('name').orderBy('position').execute();
    for (const [position, { name }] of applied.entries()) {
      if (migrations[position]?.name !== name) {
        throw new Error(`it was written by a newer version, whose schema has "${name}" as step ${position + 1}`);
      }
    }
    for (const [index, migration] of migrations.slice(applied.length).entries()) {
      await migration.up(transaction);
      const position = applied.length + index;
      await history.insertInto('migrations').values({ position, name: migration.name }).execute();
    }
  });
}
