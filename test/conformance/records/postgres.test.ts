import { afterAll, beforeAll } from 'vitest';
import { createPostgresRecords } from '../../../src/stores/index.ts';
import { type Postgres, query, startPostgres } from '../../support/postgres.ts';
import { describeRecords } from './records.ts';
import { describeSessions } from './sessions.ts';
import { describeStates } from './states.ts';

let postgres: Postgres;
let url: string;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.newSchema();
  const records = createPostgresRecords({ url });
  await records.start();
  await records.close();
}, 60_000);

afterAll(() => postgres?.close());

/** Empty tables instead of new ones: to make them takes most of a second. */
async function emptied(documentBytes?: number) {
  const tables = await query(
    url,
    `select tablename from pg_tables where schemaname = current_schema() and tablename not like 'kysely%'`,
  );
  await query(url, `truncate ${tables.map(({ tablename }) => tablename).join(', ')} restart identity cascade`);
  return createPostgresRecords({ url, ...(documentBytes !== undefined && { documentBytes }) });
}

describeRecords('postgres', () => emptied());
describeSessions('postgres', () => emptied(10_000));
describeStates('postgres', () => emptied(10_000));
