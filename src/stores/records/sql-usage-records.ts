import type { Selectable } from 'kysely';
import type { Owner } from './file-records.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import type { OwnedUsage, UsageDay, UsageRecords } from './usage-records.ts';

/** Use by owner and day in a table of a SQL database. */
export class SqlUsageRecords implements UsageRecords {
  readonly #database: SqlDatabase;

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  async add(entries: readonly OwnedUsage[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#database.transact(async (transaction) => {
      // In one order for all transactions: two that change the same days cannot wait for each other.
      for (const { owner, date, ...amounts } of entries.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
        const { executions, cpuMs, wallMs, bytesStored, bytesServed } = amounts;
        await transaction
          .insertInto('usage_days')
          .values({
            tenant: owner.tenant,
            principal_id: owner.id,
            date,
            executions,
            cpu_ms: cpuMs,
            wall_ms: wallMs,
            bytes_stored: bytesStored,
            bytes_served: bytesServed,
          })
          .onConflict((on) =>
            on.columns(['tenant', 'principal_id', 'date']).doUpdateSet(({ eb }) => ({
              executions: eb('usage_days.executions', '+', executions),
              cpu_ms: eb('usage_days.cpu_ms', '+', cpuMs),
              wall_ms: eb('usage_days.wall_ms', '+', wallMs),
              bytes_stored: eb('usage_days.bytes_stored', '+', bytesStored),
              bytes_served: eb('usage_days.bytes_served', '+', bytesServed),
            })),
          )
          .execute();
      }
    });
  }

  days(owner: Owner, from: string, to: string): Promise<UsageDay[]> {
    return this.#database.use(async (db) => {
      const rows = await db
        .selectFrom('usage_days')
        .selectAll()
        .where('tenant', '=', owner.tenant)
        .where('principal_id', '=', owner.id)
        .where('date', '>=', from)
        .where('date', '<=', to)
        .orderBy('date')
        .execute();
      return rows.map(dayOf);
    });
  }

  page(from: string, to: string, limit: number, after?: OwnedUsage): Promise<OwnedUsage[]> {
    return this.#database.use(async (db) => {
      let query = db.selectFrom('usage_days').selectAll().where('date', '>=', from).where('date', '<=', to);
      if (after) {
        const { date, owner } = after;
        query = query.where(({ eb, refTuple, tuple }) =>
          eb(refTuple('date', 'tenant', 'principal_id'), '>', tuple(date, owner.tenant, owner.id)),
        );
      }
      const rows = await query.orderBy('date').orderBy('tenant').orderBy('principal_id').limit(limit).execute();
      return rows.map((row) => ({ owner: { tenant: row.tenant, id: row.principal_id }, ...dayOf(row) }));
    });
  }

  async deleteBefore(date: string): Promise<void> {
    await this.#database.use((db) => db.deleteFrom('usage_days').where('date', '<', date).execute());
  }
}

function dayOf(row: Selectable<Schema['usage_days']>): UsageDay {
  return {
    date: row.date,
    executions: row.executions,
    cpuMs: row.cpu_ms,
    wallMs: row.wall_ms,
    bytesStored: row.bytes_stored,
    bytesServed: row.bytes_served,
  };
}

function keyOf({ owner, date }: { readonly owner: Owner; readonly date: string }): string {
  return JSON.stringify([owner.tenant, owner.id, date]);
}
