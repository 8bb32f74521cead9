import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { beforeEach, expect, it } from 'vitest';
import { migrate } from './migrate.ts';
import { NodeSqliteDialect } from './node-sqlite.ts';

let database: DatabaseSync;
let db: Kysely<object>;

beforeEach(() => {
  database = new DatabaseSync(':memory:');
  db = new Kysely({ dialect: new NodeSqliteDialect(database) });
});

/** Steps that create these tables, named as the steps of the schema are. */
const creating = (...tables: string[]): Record<string, Migration> =>
  Object.fromEntries(
    tables.map((table, index) => [
      `${String(index + 1).padStart(2, '0')}-create-${table}`,
      { up: (within) => within.schema.createTable(table).addColumn('id', 'text').execute() },
    ]),
  );

const tables = () =>
  database
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'kysely%' order by name")
    .all()
    .map((row) => row.name);

const applied = () =>
  database
    .prepare('select name from kysely_migration order by name')
    .all()
    .map((row) => row.name);

it('applies each step once, in order', async () => {
  await migrate(db, creating('a', 'b'));
  await migrate(db, creating('a', 'b'));
  await migrate(db, creating('a', 'b', 'c'));
  expect(tables()).toEqual(['a', 'b', 'c']);
  expect(applied()).toEqual(['01-create-a', '02-create-b', '03-create-c']);
});

it('applies all steps or none', async () => {
  await migrate(db, creating('a'));
  await expect(migrate(db, creating('a', 'b', 'a'))).rejects.toThrow('already exists');
  expect(tables()).toEqual(['a']);
  expect(applied()).toEqual(['01-create-a']);
});

it('refuses a database with steps it does not know, and changes nothing', async () => {
  await migrate(db, creating('a', 'b'));
  await expect(migrate(db, creating('a'))).rejects.toThrow('newer version, whose schema has "02-create-b" as step 2');
  await expect(migrate(db, creating('a', 'c'))).rejects.toThrow('newer version');
  expect(tables()).toEqual(['a', 'b']);
});

it('refuses the database of another program, and changes nothing', async () => {
  database.exec('create table theirs (id text)');
  await expect(migrate(db, creating('a'))).rejects.toThrow('belongs to another program: it has a table "theirs"');
  expect(database.prepare('select name from sqlite_schema').all()).toEqual([{ name: 'theirs' }]);
});

it('takes over the history of version 0.1', async () => {
  database.exec(`create table a (id text); create table migrations (position integer primary key, name text);
    insert into migrations values (0, 'create-a')`);
  await migrate(db, creating('a', 'b'));
  expect(tables()).toEqual(['a', 'b']);
  expect(applied()).toEqual(['01-create-a', '02-create-b']);
});

it('refuses a history of version 0.1 with steps it does not know, and changes nothing', async () => {
  database.exec(`create table migrations (position integer primary key, name text);
    insert into migrations values (0, 'create-a'), (1, 'create-z')`);
  await expect(migrate(db, creating('a', 'b'))).rejects.toThrow('whose schema has "02-create-z" as step 2');
  expect(tables()).toEqual(['migrations']);
});
