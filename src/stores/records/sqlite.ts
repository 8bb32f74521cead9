import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { makeDirectory } from '../directories.ts';
import { hasCode } from '../faults.ts';
import { NodeSqliteDialect } from './node-sqlite.ts';
import type { Records } from './records.ts';
import type { Schema } from './schema.ts';
import type { SqlDriver } from './sql-database.ts';
import { SqlRecords } from './sql-records.ts';

/** How long a write waits for another process, such as the command line, to finish its own. */
const busyTimeoutMs = 2000;
/** SQLite's result codes for a broken unique or primary key constraint. */
const conflictCodes = [2067, 1555];
/** SQLITE_CORRUPT, in the low byte of its extended codes. */
const corruptCode = 11;

/**
 * Keeps records in one SQLite file, made when it is missing, private to the user the service runs as; in memory for the
 * path `:memory:`.
 * @param options.documentBytes what the documents of one owner may take together; absent: any number
 */
export function createSqliteRecords(options: { path: string; documentBytes?: number }): Records {
  const driver: SqlDriver = {
    name: options.path,
    connect: () => connect(options.path),
    isConflict: (error) =>
      error instanceof Error && 'errcode' in error && conflictCodes.includes(Number(error.errcode)),
    // A transaction takes the one write lock when it begins, and waits for it there.
    isRetryable: () => false,
    isUnstorable: () => false,
    locksRows: false,
    addSerial: (table) => table.addColumn('serial', 'integer', (column) => column.primaryKey().autoIncrement()),
  };
  return new SqlRecords(driver, options.documentBytes);
}

async function connect(path: string): Promise<Kysely<Schema>> {
  const inMemory = path === ':memory:';
  if (!inMemory) {
    await makeDirectory(dirname(path));
    await createPrivately(path);
  }
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs, enableForeignKeyConstraints: true });
  try {
    const journal = database.prepare('pragma journal_mode = wal').get();
    if (!inMemory && journal?.journal_mode !== 'wal')
      throw new Error('its file system does not support a write-ahead log');
    database.exec('pragma synchronous = full');
    const check = database.prepare('pragma quick_check(1)').get();
    if (check?.quick_check !== 'ok') throw new Error(`it is damaged: ${check?.quick_check}`);
    return new Kysely<Schema>({ dialect: new NodeSqliteDialect(database) });
  } catch (error) {
    database.close();
    // What is damaged may fail before the check, or in the middle of it.
    if (isCorrupt(error)) throw new Error(`it is damaged: ${(error as Error).message}`);
    throw error;
  }
}

function isCorrupt(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (Number(error.errcode) & 0xff) === corruptCode;
}

/**
 * Makes the file when it is missing: SQLite itself would make it readable for all; its journal takes over the mode. A file
 * that exists is not even opened, because closing it would drop this process's locks on it.
 */
async function createPrivately(path: string): Promise<void> {
  try {
    await (await open(path, 'wx', 0o600)).close();
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
