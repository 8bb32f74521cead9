import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { beforeEach, expect, it } from 'vitest';
import { migrate } from './migrate.ts';
import { NodeSqliteDialect } from './node-sqlite.ts';
import type { Migration, Schema } from './schema.ts';

let database: DatabaseSync;
let db: Kysely<Schema>;

beforeEach(() => {
  database = new DatabaseSync(':memory:');
  db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database) });
});

const creating = (table: string): Migration => ({
  name: `create-${table}`,
  up: (within) => within.schema.createTable(table).addColumn('id', 'text').execute(),
});

const tables = () =>
  database
    .prepare("select name from sqlite_schema where type = 'table' order by name")
    .all()
    .map((row) => row.name);

const applied = () =>
  database
    .prepare('select name from migrations order by position')
    .all()
    .map((row) => row.name);

it('applies each step once, in order', async () => {
  await migrate(db, [creating('a'), creating('b')]);
  await migrate(db, [creating('a'), creating('b')]);
  await migrate(db, [creating('a'), creating('b'), creating('c')]);
  expect(tables()).toEqual(['a', 'b', 'c', 'migrations']);
  expect(applied()).toEqual(['create-a', 'create-b', 'create-c']);
});

it('applies all steps or none', async () => {
  await migrate(db, [creating('a')]);
  await expect(migrate(db, [creating('a'), creating('b'), creating('a')])).rejects.toThrow('already exists');
  expect(tables()).toEqual(['a', 'migrations']);
  expect(applied()).toEqual(['create-a']);
});

it('refuses a database with steps it does not know, and changes nothing', async () => {
  await migrate(db, [creating('a'), creating('b')]);
  await expect(migrate(db, [creating('a')])).rejects.toThrow('newer version, whose schema has "create-b" as step 2');
  await expect(migrate(db, [creating('a'), creating('c')])).rejects.toThrow('newer version');
  expect(tables()).toEqual(['a', 'b', 'migrations']);
});
