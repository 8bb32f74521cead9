import type { Kysely, Transaction } from 'kysely';
import { chargedBytes, DragomanError, quotaExceeded, tooManyFiles } from '../../core/index.ts';
import type { Owner } from './file-records.ts';
import type { HoldingJob, JobHold, JobHolds, RecordedJobHold } from './job-holds.ts';
import type { Schema } from './schema.ts';
import { checkContents, slices } from './sql-contents.ts';
import type { SqlDatabase } from './sql-database.ts';
import { lockedStored } from './sql-owners.ts';

/** Holds of jobs in a SQL database. */
export class SqlJobHolds implements JobHolds {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async hold(job: HoldingJob, holds: readonly JobHold[], now: number, expiresAt: number): Promise<boolean> {
    const leaving = new Error('a content is being deleted');
    try {
      await this.#database.transact(async (transaction) => {
        // In one order for all transactions. A content that is known keeps its size: this one is a claim so far.
        for (const { digest, size } of holds.toSorted((a, b) => (a.digest < b.digest ? -1 : 1))) {
          const content = await transaction
            .insertInto('contents')
            .values({ digest, size, check_at: expiresAt })
            .onConflict((on) => on.column('digest').doUpdateSet(({ ref }) => ({ size: ref('contents.size') })))
            .returning('leaving')
            .executeTakeFirstOrThrow();
          if (content.leaving) throw leaving;
        }
        const stored = job.owner && (await lockedStored(transaction, job.owner));
        const paths = holds.map(({ path }) => path);
        const replaced = await transaction
          .deleteFrom('holds')
          .where('job_id', '=', job.id)
          .where('path', 'in', paths)
          .returning('digest')
          .execute();
        if (job.owner && stored) {
          const held = await heldOf(transaction, job.owner, now);
          const used = { bytes: stored.bytes + held.bytes, files: stored.files + held.files };
          const more = holds.reduce((sum, { size }) => sum + chargedBytes(size), 0);
          const { quota } = job.owner;
          if (used.bytes + more > quota.bytes) throw quotaExceeded({ used: used.bytes, allowed: quota.bytes });
          if (used.files + holds.length > quota.files) throw tooManyFiles({ used: used.files, allowed: quota.files });
        }
        if (job.maxBytes !== null) await checkJob(transaction, job.id, holds, job.maxBytes);
        await transaction
          .insertInto('holds')
          .values(holds.map((hold) => rowOf(job, hold, expiresAt)))
          .execute();
        await checkContents(
          transaction,
          replaced.map(({ digest }) => digest),
          now,
        );
      });
      return true;
    } catch (error) {
      if ((error as Error).cause === leaving) return false;
      throw error;
    }
  }

  prove(jobId: string, path: string, digest: string): Promise<JobHold | undefined> {
    return this.#database.use(async (db) => {
      const row = await db
        .updateTable('holds')
        .set({ is_proven: 1 })
        .where('job_id', '=', jobId)
        .where('path', '=', path)
        .where('digest', '=', digest)
        .returning(['id', 'digest', 'path', 'size'])
        .executeTakeFirst();
      return row && holdOf(row);
    });
  }

  list(jobId: string): Promise<RecordedJobHold[]> {
    return this.#database.use(async (db) => {
      const rows = await db.selectFrom('holds').selectAll().where('job_id', '=', jobId).orderBy('path').execute();
      return rows.map(holdOf);
    });
  }

  release(jobId: string, now: number): Promise<RecordedJobHold[]> {
    return this.#database.transact(async (transaction) => {
      const rows = await transaction.deleteFrom('holds').where('job_id', '=', jobId).returningAll().execute();
      await checkContents(
        transaction,
        rows.map(({ digest }) => digest),
        now,
      );
      return rows.map(holdOf);
    });
  }

  held(owner: Owner, now: number): Promise<{ bytes: number; files: number }> {
    return this.#database.use((db) => heldOf(db, owner, now));
  }

  async ofSession(
    session: { readonly id: string; readonly epoch: number },
    digests: readonly string[],
  ): Promise<string[]> {
    const row = await this.#database.use((db) =>
      db.selectFrom('sessions').select('epoch').where('id', '=', session.id).executeTakeFirst(),
    );
    if (!row) throw new DragomanError('not_found', { message: 'The session is gone.' });
    if (row.epoch !== session.epoch)
      throw new DragomanError('conflict', { message: 'The session has moved to another worker.' });
    const found = new Set<string>();
    for (const some of slices(digests)) {
      const rows = await this.#database.use((db) =>
        db
          .selectFrom('files')
          .select('digest')
          .where('digest', 'in', some)
          .where(({ or, eb, selectFrom }) =>
            or([
              eb('set_id', '=', session.id),
              eb(
                'set_id',
                'in',
                selectFrom('kernel_states').select('kernel_states.set_id').where('session_id', '=', session.id),
              ),
            ]),
          )
          .distinct()
          .execute(),
      );
      for (const { digest } of rows) found.add(digest);
    }
    return [...found];
  }
}

async function heldOf(
  db: Kysely<Schema>,
  { tenant, id }: Owner,
  now: number,
): Promise<{ bytes: number; files: number }> {
  const sums = await db
    .selectFrom('holds')
    .select(({ fn }) => [fn.sum<number | null>('charged').as('bytes'), fn.countAll<number>().as('files')])
    .where('tenant', '=', tenant)
    .where('principal_id', '=', id)
    .where('expires_at', '>', now)
    .executeTakeFirstOrThrow();
  return { bytes: Number(sums.bytes ?? 0), files: Number(sums.files) };
}

/** @throws DragomanError too_large */
async function checkJob(
  transaction: Transaction<Schema>,
  jobId: string,
  holds: readonly JobHold[],
  maxBytes: number,
): Promise<void> {
  const { bytes } = await transaction
    .selectFrom('holds')
    .select(({ fn }) => fn.sum<number | null>('size').as('bytes'))
    .where('job_id', '=', jobId)
    .executeTakeFirstOrThrow();
  const all = holds.reduce((sum, { size }) => sum + size, Number(bytes ?? 0));
  if (all > maxBytes) throw new DragomanError('too_large');
}

function rowOf({ id: job_id, owner }: HoldingJob, { id, path, digest, size }: JobHold, expires_at: number) {
  const whose = { tenant: owner?.tenant ?? null, principal_id: owner?.id ?? null };
  return { id, digest, expires_at, job_id, path, size, charged: chargedBytes(size), ...whose };
}

function holdOf(row: {
  id: string;
  path: string | null;
  digest: string;
  size: number | null;
  is_proven?: number;
}): RecordedJobHold {
  const { id, path, digest, size } = row;
  return { id, path: path ?? '', digest, size: size ?? 0, isProven: row.is_proven === 1 };
}
