import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import { DragomanError, type ErrorCode } from '../../core/index.ts';
import { onStorage } from '../faults.ts';
import { migrate } from './migrate.ts';
import { type AddSerial, migrations } from './migrations.ts';
import type { Schema } from './schema.ts';

/** What differs from one SQL database to another. Numbers up to 2^53 arrive as numbers. */
export interface SqlDriver {
  /** For messages: the file, or the server without credentials. */
  readonly name: string;
  /** Opens it; every error it throws names what is wrong, as the end of a sentence. */
  connect(): Promise<Kysely<Schema>>;
  /** The schema that its tables are in; absent: the database has no schemas. */
  schemaOf?(db: Kysely<Schema>): Promise<string>;
  /** Whether an error says that a unique constraint was broken. */
  isConflict(error: unknown): boolean;
  /** Whether an error says that a transaction met another one, and succeeds when it is tried again. */
  isRetryable(error: unknown): boolean;
  /** Whether an error says that a text has a character which the database cannot keep. */
  isUnstorable(error: unknown): boolean;
  /** Whether rows are locked by `for update`. A database that has one writer at a time needs no locks. */
  readonly locksRows: boolean;
  readonly addSerial: AddSerial;
}

const maxAttempts = 4;

/** An open database, for the parts of `SqlRecords`. */
export class SqlDatabase {
  readonly #driver: SqlDriver;
  /** Set once `start` is called; queries wait for it. */
  #connection: Promise<Kysely<Schema>> | undefined;
  #ended = 0;

  constructor(driver: SqlDriver) {
    this.#driver = driver;
  }

  /** How many transactions have ended here. Undefined: other servers may change what this one reads. */
  get ended(): number | undefined {
    return this.#driver.locksRows ? undefined : this.#ended;
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

  /**
   * For reads and single statements.
   * @throws DragomanError invalid_request for a text that cannot be kept, storage_unavailable for every other error that is not a DragomanError
   */
  async use<T>(work: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    if (!connection) throw new DragomanError('storage_unavailable', { message: 'The database is not open.' });
    const db = await connection;
    return onStorage(async () => {
      try {
        return await work(db);
      } catch (error) {
        if (!this.#driver.isUnstorable(error)) throw error;
        throw new DragomanError('invalid_request', { message: 'A text has a NUL character.', cause: error });
      }
    });
  }

  /**
   * Runs a transaction; again where it met another one and the database gave it up, so `work` changes nothing else. What
   * it reads in order to write, it reads by `locked`.
   * @throws DragomanError as `use`
   */
  transact<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.use(async (db) => {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute(work);
        } catch (error) {
          if (attempt === maxAttempts || !this.#driver.isRetryable(error)) throw error;
          await sleep(Math.random() * 20 * attempt);
        } finally {
          this.#ended++;
        }
      }
    });
  }

  /** See `Leases.alone`: a lock of the database that a transaction of its own holds. */
  alone<T>(name: string, work: (stillAlone: () => Promise<void>) => Promise<T>): Promise<T | undefined> {
    if (!this.#driver.locksRows) return work(async () => {});
    return this.use((db) =>
      db.transaction().execute(async (transaction) => {
        // A process that stands still keeps the lock; one whose machine is gone loses it after some two minutes.
        await sql`set local idle_in_transaction_session_timeout = 0`.execute(transaction);
        await sql`set local tcp_keepalives_idle = 60`.execute(transaction);
        await sql`set local tcp_keepalives_interval = 20`.execute(transaction);
        await sql`set local tcp_keepalives_count = 3`.execute(transaction);
        const { rows } = await sql<{
          taken: boolean;
        }>`select pg_try_advisory_xact_lock(hashtextextended(${name}, 0)) as taken`.execute(transaction);
        if (!rows[0]?.taken) return undefined;
        return work(async () => {
          await sql`select 1`.execute(transaction);
        });
      }),
    );
  }

  /** A query that keeps its rows from other writers until the transaction ends. */
  locked<Query extends { forUpdate(): Query }>(query: Query): Query {
    return this.#driver.locksRows ? query.forUpdate() : query;
  }

  /** Runs a write; throws this error instead when a unique constraint refuses it. */
  async unlessTaken<T>(code: ErrorCode, message: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { cause } = error as Error;
      throw this.#driver.isConflict(cause) ? new DragomanError(code, { message, cause }) : error;
    }
  }

  async #open(): Promise<Kysely<Schema>> {
    let connection: Kysely<Schema> | undefined;
    try {
      connection = await this.#driver.connect();
      await migrate(connection, migrations(this.#driver.addSerial), await this.#driver.schemaOf?.(connection));
      return connection;
    } catch (error) {
      await connection?.destroy();
      const reason = error instanceof Error ? error.message : String(error);
      const message = `The database ${this.#driver.name} cannot be used: ${reason}`;
      throw new DragomanError('storage_unavailable', { message, cause: error });
    }
  }
}
