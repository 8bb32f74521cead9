import type { Kysely, Transaction } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';

/** Tables of kysely's migrator and of version 0.1, which kept its own history of the same steps. */
type Histories = {
  kysely_migration: { name: string; timestamp: string };
  migrations: { position: number; name: string };
};

/**
 * Brings a database's schema up to date in one transaction, under the lock of kysely's migrator: a process killed in the
 * middle leaves the schema as it was, and two processes that start at once take turns.
 * @param migrations steps by name, in the order of their names; the first ones are those of version 0.1
 * @param schema that the tables are in, where the database has schemas
 * @throws Error when the database has steps that are not among these (a newer version wrote it), or tables of another program
 */
export async function migrate<DB>(
  db: Kysely<DB>,
  migrations: Readonly<Record<string, Migration>>,
  schema?: string,
): Promise<void> {
  await adopt(db, Object.keys(migrations), schema);
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    ...(schema !== undefined && { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error) throw error;
}

/** Checks whose database it is, and takes over the history of version 0.1. Writes nothing to a database that it refuses. */
async function adopt<DB>(db: Kysely<DB>, known: readonly string[], schema: string | undefined): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    const histories = transaction as unknown as Transaction<Histories>;
    const all = await histories.introspection.getTables({ withInternalKyselyTables: true });
    const tables = all.filter((table) => table.schema === schema && !table.isView).map(({ name }) => name);
    if (tables.includes('kysely_migration')) {
      const names = await histories.selectFrom('kysely_migration').select('name').orderBy('name').execute();
      checkSteps(
        names.map(({ name }) => name),
        known,
      );
    } else if (tables.includes('migrations')) {
      const names = await histories.selectFrom('migrations').select('name').orderBy('position').execute();
      const steps = names.map(({ name }, index) => `${String(index + 1).padStart(2, '0')}-${name}`);
      checkSteps(steps, known);
      await histories.schema
        .createTable('kysely_migration')
        .addColumn('name', 'varchar(255)', (column) => column.notNull().primaryKey())
        .addColumn('timestamp', 'varchar(255)', (column) => column.notNull())
        .execute();
      const timestamp = new Date().toISOString();
      for (const name of steps) await histories.insertInto('kysely_migration').values({ name, timestamp }).execute();
      await histories.schema.dropTable('migrations').execute();
    } else if (tables.length > 0) {
      throw new Error(`it belongs to another program: it has a table "${tables[0]}"`);
    }
  });
}

function checkSteps(applied: readonly string[], known: readonly string[]): void {
  for (const [index, name] of applied.entries()) {
    if (known[index] !== name) {
      throw new Error(`it was written by a newer version, whose schema has "${name}" as step ${index + 1}`);
    }
  }
}
