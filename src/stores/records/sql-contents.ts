import type { Transaction } from 'kysely';
import { DragomanError } from '../../core/index.ts';
import type { ContentRecords } from './content-records.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';

/** Orphans of one deletion: requests get their turn between two. */
const claimedAtOnce = 20;
/** Values of one `in`: far below every database's limit of parameters. */
const inAtOnce = 100;

/** What another process, such as the command line, changes is seen after so long. */
const believedMs = 10_000;

/** Contents and holds in tables of a SQL database. */
export class SqlContentRecords implements ContentRecords {
  readonly #database: SqlDatabase;
  /** When the next content is due, if any, as of a number of transactions: a service at rest asks for it every second. */
  #next: { readonly ended: number; readonly seenAt: number; readonly dueAt: number } | undefined;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  hold(
    { digest, size }: { readonly digest: string; readonly size: number },
    { id, expiresAt }: { readonly id: string; readonly expiresAt: number },
  ): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
      // An update of the row that is there locks it: a deletion waits, or was first and is seen here.
      const content = await transaction
        .insertInto('contents')
        .values({ digest, size, check_at: expiresAt })
        .onConflict((on) => on.column('digest').doUpdateSet({ size }))
        .returning('leaving')
        .executeTakeFirstOrThrow();
      if (content.leaving) return false;
      await transaction.insertInto('holds').values({ id, digest, expires_at: expiresAt }).execute();
      return true;
    });
  }

  async renew(holds: readonly string[], expiresAt: number): Promise<void> {
    for (const ids of slices(holds)) {
      await this.#database.use((db) =>
        db.updateTable('holds').set({ expires_at: expiresAt }).where('id', 'in', ids).execute(),
      );
    }
  }

  async release(holds: readonly string[], now: number): Promise<void> {
    if (holds.length === 0) return;
    await this.#database.transact(async (transaction) => {
      for (const ids of slices(holds)) {
        const released = await transaction.deleteFrom('holds').where('id', 'in', ids).returning('digest').execute();
        await checkContents(
          transaction,
          released.map(({ digest }) => digest),
          now,
        );
      }
    });
  }

  async claimOrphans(now: number): Promise<{ digests: readonly string[]; more: boolean }> {
    const due = await this.#database.use((db) =>
      db
        .selectFrom('contents')
        .select('digest')
        .where('check_at', '<=', now)
        .orderBy('check_at')
        .orderBy('digest')
        .limit(claimedAtOnce)
        .execute(),
    );
    if (due.length === 0) return { digests: [], more: false };
    const digests = due.map(({ digest }) => digest).toSorted();
    const claimed = await this.#database.transact(async (transaction) => {
      // First the locks, then the questions: a reference made before the lock is seen, a later one sees the mark.
      await this.#database
        .locked(transaction.selectFrom('contents').select('digest').where('digest', 'in', digests).orderBy('digest'))
        .execute();
      await transaction.deleteFrom('holds').where('digest', 'in', digests).where('expires_at', '<=', now).execute();
      const orphans = await transaction
        .updateTable('contents')
        .set({ leaving: 1 })
        .where('digest', 'in', digests)
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('files').select('id').whereRef('files.digest', '=', 'contents.digest'))),
        )
        .where(({ not, exists, selectFrom }) =>
          not(exists(selectFrom('holds').select('id').whereRef('holds.digest', '=', 'contents.digest'))),
        )
        .returning('digest')
        .execute();
      await transaction
        .updateTable('contents')
        .set(({ selectFrom }) => ({
          check_at: selectFrom('holds')
            .select(({ fn }) => fn.max('expires_at').as('last'))
            .whereRef('holds.digest', '=', 'contents.digest'),
        }))
        .where('digest', 'in', digests)
        .where('leaving', '=', 0)
        .execute();
      return orphans.map(({ digest }) => digest);
    });
    return { digests: claimed, more: due.length === claimedAtOnce };
  }

  async areDue(now: number): Promise<boolean> {
    const { ended } = this.#database;
    const known = this.#next;
    if (known && known.ended === ended && now >= known.seenAt && now < known.seenAt + believedMs)
      return known.dueAt <= now;
    const next = await this.#database.use((db) =>
      db
        .selectFrom('contents')
        .select('check_at')
        .where('check_at', 'is not', null)
        .orderBy('check_at')
        .limit(1)
        .execute(),
    );
    const dueAt = next[0]?.check_at ?? Number.POSITIVE_INFINITY;
    this.#next = ended === undefined ? undefined : { ended, seenAt: now, dueAt };
    return dueAt <= now;
  }

  async recorded(digests: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const some of slices(digests)) {
      const rows = await this.#database.use((db) =>
        db.selectFrom('contents').select('digest').where('digest', 'in', some).execute(),
      );
      found.push(...rows.map(({ digest }) => digest));
    }
    return found;
  }

  async forget(digests: readonly string[]): Promise<void> {
    for (const some of slices(digests)) {
      await this.#database.use((db) =>
        db.deleteFrom('contents').where('digest', 'in', some).where('leaving', '=', 1).execute(),
      );
    }
  }
}

/** References to these contents have gone, within this transaction: `claimOrphans` looks at them next. */
export async function checkContents(
  transaction: Transaction<Schema>,
  digests: readonly string[],
  now = 0,
): Promise<void> {
  for (const some of slices([...new Set(digests)].toSorted())) {
    await transaction.updateTable('contents').set({ check_at: now }).where('digest', 'in', some).execute();
  }
}

/**
 * Files with these contents are recorded in this transaction, and their holds, which have the ids of the files, end.
 * @throws DragomanError not_found when a content is gone or about to go
 */
export async function referToContents(
  transaction: Transaction<Schema>,
  files: readonly { readonly id: string; readonly digest: string }[],
): Promise<void> {
  for (const some of slices([...new Set(files.map(({ digest }) => digest))].toSorted())) {
    const there = await transaction
      .updateTable('contents')
      .set({ check_at: null })
      .where('digest', 'in', some)
      .where('leaving', '=', 0)
      .returning('digest')
      .execute();
    if (there.length < some.length) {
      throw new DragomanError('not_found', { message: 'A file was deleted while it was being used.' });
    }
  }
  for (const some of slices(files.map(({ id }) => id))) {
    await transaction.deleteFrom('holds').where('id', 'in', some).execute();
  }
}

export function* slices<T>(values: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < values.length; at += inAtOnce) yield values.slice(at, at + inAtOnce);
}
