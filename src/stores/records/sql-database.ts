import type { Kysely } from 'kysely';
import { DragomanError, type ErrorCode } from '../../core/index.ts';
import { onStorage } from '../faults.ts';
import { migrate } from './migrate.ts';
import { migrations, type Schema } from './schema.ts';

/** What differs from one SQL database to another. */
export interface SqlDriver {
  /** For messages: the file, or the server without credentials. */
  readonly name: string;
  /** Opens it; every error it throws names what is wrong, as the end of a sentence. */
  connect(): Promise<Kysely<Schema>>;
  /** Whether an error says that a unique constraint was broken. */
  isConflict(error: unknown): boolean;
}

/** An open database, for the parts of `SqlRecords`. */
export class SqlDatabase {
  readonly #driver: SqlDriver;
  /** Set once `start` is called; queries wait for it. */
  #connection: Promise<Kysely<Schema>> | undefined;

  constructor(driver: SqlDriver) {
    this.#driver = driver;
  }

  async start(): Promise<void> {
    this.#connection = this.#open();
    try {
      await this.#connection;
    } catch (error) {
      this.#connection = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await (await connection)?.destroy();
  }

  /** @throws DragomanError storage_unavailable for every error that is not a DragomanError */
  async use<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (!connection) throw new DragomanError('storage_unavailable', { message: 'The database is not open.' });
    const db = await connection;
    return onStorage(() => work(db));
  }

  /** Runs a write; throws this error instead when a unique constraint refuses it. */
  unlessTaken<T>(code: ErrorCode, message: string, work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    return this.use(async (db) => {
      try {
        return await work(db);
      } catch (error) {
        throw this.#driver.isConflict(error) ? new DragomanError(code, { message, cause: error }) : error;
      }
    });
  }

  async #open(): Promise<Kysely<Schema>> {
    let connection: Kysely<Schema> | undefined;
    try {
      connection = await this.#driver.connect();
      await migrate(connection, migrations);
      return connection;
    } catch (error) {
      await connection?.destroy();
      const reason = error instanceof Error ? error.message : String(error);
      const message = `The database ${this.#driver.name} cannot be used: ${reason}`;
      throw new DragomanError('storage_unavailable', { message, cause: error });
    }
  }
}
