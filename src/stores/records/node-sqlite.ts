import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  type DatabaseConnection,
  type DialectAdapter,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  type SqliteStatement,
} from 'kysely';

/** Statements kept prepared. The records have about fifty; the rest is for inserts of different lengths. */
const maxStatements = 128;

interface NodeSqliteConfig extends SqliteDialectConfig {
  readonly source: DatabaseSync;
}

/** Lets kysely use Node's own SQLite. */
export class NodeSqliteDialect extends SqliteDialect {
  readonly #config: NodeSqliteConfig;

  constructor(source: DatabaseSync) {
    const config = { database: prepared(source), source };
    super(config);
    this.#config = config;
  }

  override createAdapter(): DialectAdapter {
    return new NodeSqliteAdapter();
  }

  override createDriver(): Driver {
    return new NodeSqliteDriver(this.#config);
  }
}

/** SQLite takes back changes of the schema with the transaction they are in; kysely's own adapter does not use that. */
class NodeSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDriver extends SqliteDriver {
  readonly #source: DatabaseSync;

  constructor(config: NodeSqliteConfig) {
    super(config);
    this.#source = config.source;
  }

  /**
   * Takes the write lock at once, where SQLite waits its turn. A transaction that begins as a reader and then writes fails
   * without waiting when another process wrote in between.
   */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  /** A full disk has ended the transaction already; a failing rollback would hide why. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#source.isTransaction) await super.rollbackTransaction(connection);
  }
}

/** The shape kysely expects of a database, with statements prepared once. */
function prepared(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, SqliteStatement>();
  return {
    prepare(text) {
      const statement = statements.get(text) ?? adapted(database.prepare(text));
      // The map keeps the order of use, so that its first entry is the one to give up.
      statements.delete(text);
      statements.set(text, statement);
      if (statements.size > maxStatements) statements.delete(statements.keys().next().value!);
      return statement;
    },
    close() {
      statements.clear();
      database.close();
    },
  };
}

function adapted(statement: StatementSync): SqliteStatement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
