import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { DragomanError } from '../../core/index.ts';
import type { Records } from './records.ts';
import type { Schema } from './schema.ts';
import type { SqlDriver } from './sql-database.ts';
import { SqlRecords } from './sql-records.ts';

/** Connections of one process. A transaction takes some milliseconds, so that few serve many. */
const connections = 10;
const connectMs = 5_000;
/** No statement and no wait for a lock lasts longer: the server ends it, and the request gets its answer. */
const statementMs = 30_000;
/** A transaction that says nothing for so long has lost its process. */
const idleTransactionMs = 30_000;
const uniqueViolation = '23505';
const retryable = ['40001', '40P01'];
const notInRepertoire = '22021';
/** "drag" and "oman" as two 32-bit numbers: the advisory lock that a server holds on its database. */
const lockKeys = [0x64726167, 0x6f6d616e] as const;

/**
 * Keeps records in a PostgreSQL database, version 13 or later.
 * @param options.url `postgres://user:password@host:port/database?sslmode=…`; tables go into the first schema of its search path
 * @param options.documentBytes what the documents of one owner may take together; absent: any number
 */
export function createPostgresRecords(options: { url: string; documentBytes?: number }): Records {
  const driver: SqlDriver = {
    name: shownUrl(options.url),
    connect: () => connect(options.url),
    schemaOf: async (db) => {
      const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db);
      const [row] = rows;
      if (!row?.schema) throw new Error('it has no schema to make tables in: see its search_path');
      return row.schema;
    },
    isConflict: (error) => codeOf(error) === uniqueViolation,
    isRetryable: (error) => retryable.includes(codeOf(error) ?? ''),
    isUnstorable: (error) => codeOf(error) === notInRepertoire,
    locksRows: true,
    addSerial: (table) =>
      table.addColumn('serial', 'bigint', (column) => column.generatedAlwaysAsIdentity().primaryKey()),
  };
  return new SqlRecords(driver, options.documentBytes);
}

/**
 * Claims a database for this process until `release` or its end: one server keeps who works with which session in its memory.
 * @throws DragomanError storage_unavailable when another server has it, or the database cannot be reached
 */
export async function lockPostgres(url: string): Promise<{ release(): Promise<void> }> {
  const driver = await loadDriver();
  const client = new driver.Client({ ...connectionSettings(driver, url), statement_timeout: connectMs });
  // The lock goes with the connection. Nothing is lost by that while the data directory is locked as well.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query('select pg_try_advisory_lock($1, $2) as taken', [...lockKeys]);
    if (!rows[0].taken) throw new Error('another server is using it');
  } catch (error) {
    await client.end().catch(() => {});
    const message = `The database ${shownUrl(url)} cannot be used: ${(error as Error).message}`;
    throw new DragomanError('storage_unavailable', { message, cause: error });
  }
  return { release: () => client.end() };
}

/** The address of a database without its password and options, for messages. */
export function shownUrl(url: string): string {
  const { protocol, username, host, pathname } = new URL(url);
  return `${protocol}//${username && `${username}@`}${host}${pathname}`;
}

async function connect(url: string): Promise<Kysely<Schema>> {
  const driver = await loadDriver();
  const pool = new driver.Pool({
    ...connectionSettings(driver, url),
    max: connections,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: idleTransactionMs,
  });
  // An idle connection that breaks is replaced by the pool; without a listener the error would end the process.
  pool.on('error', () => {});
  // The same goes for one that breaks between two statements of a transaction: the next one fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  try {
    const { rows } = await pool.query("select current_setting('server_version_num')::int as version");
    if (rows[0].version < 130_000) throw new Error('its server is older than PostgreSQL 13');
  } catch (error) {
    await pool.end();
    throw error;
  }
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
}

type Driver = typeof pg;

/** Loaded where there is such a database alone: most services have none. */
export async function loadDriver(): Promise<Driver> {
  return (await import('pg')).default;
}

/** How any connection to the database of this URL is made. */
export function connectionSettings({ types }: Driver, url: string): pg.ClientConfig {
  /** Types whose values the driver would leave as texts, which then add up as texts do. */
  const wholeNumbers: readonly number[] = [types.builtins.INT8, types.builtins.NUMERIC];
  return {
    connectionString: url,
    application_name: 'dragoman',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    types: { getTypeParser: parserOf as typeof types.getTypeParser },
  };

  function parserOf(type: number, format?: 'text' | 'binary'): unknown {
    if (wholeNumbers.includes(type) && format !== 'binary') return numberOf;
    return types.getTypeParser(type, format as 'text');
  }
}

function numberOf(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new Error(`the number ${text} is too large`);
  return value;
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
