import { setImmediate } from 'node:timers/promises';
import type { Selectable, Transaction } from 'kysely';
import type { Tier } from '../../core/index.ts';
import type { Owner } from './file-records.ts';
import { setRow } from './rows.ts';
import type { Schema } from './schema.ts';
import {
  fileSetOf,
  type SessionPage,
  type SessionPlace,
  type SessionRecord,
  type SessionRecords,
  type SessionTurn,
} from './session-records.ts';
import type { SqlDatabase } from './sql-database.ts';
import { removeSets } from './sql-file-records.ts';
import { addDocumented, byOwner } from './sql-owners.ts';
import { removeStates } from './sql-states.ts';

/** Sessions of one deleting transaction: requests get their turn between two. */
const deletedAtOnce = 200;

/** Sessions in a table of a SQL database. What they take counts as documents of their owner do. */
export class SqlSessionRecords implements SessionRecords {
  readonly #database: SqlDatabase;
  readonly #quotaBytes: number | undefined;

  /** @param quotaBytes what the documents of one owner may take together */
  constructor(database: SqlDatabase, quotaBytes: number | undefined) {
    this.#database = database;
    this.#quotaBytes = quotaBytes;
  }

  async create(session: SessionRecord): Promise<void> {
    await this.#creating((transaction) => this.#create(transaction, session));
  }

  ensure(session: SessionRecord, now: number): Promise<SessionRecord> {
    const { tenant, principalId, name } = session;
    return this.#creating(async (transaction) => {
      // Comes first: the owner's row is locked until the end, so that two callers take turns.
      await addDocumented(transaction, { tenant, id: principalId }, 1);
      await addDocumented(transaction, { tenant, id: principalId }, -1);
      const there = await transaction
        .selectFrom('sessions')
        .selectAll()
        .where('tenant', '=', tenant)
        .where('principal_id', '=', principalId)
        .where('name', '=', name)
        .where('expires_at', '>', now)
        .orderBy('serial', 'desc')
        .executeTakeFirst();
      if (there) return sessionOf(there);
      await this.#create(transaction, session);
      return session;
    });
  }

  find(id: string): Promise<SessionRecord | undefined> {
    return this.#database.use(async (db) => {
      const row = await db.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst();
      return row && sessionOf(row);
    });
  }

  list(owner: Owner, { after, order, limit, name, face }: SessionPage): Promise<SessionRecord[]> {
    return this.#database.use(async (db) => {
      let query = db
        .selectFrom('sessions')
        .selectAll()
        .where('tenant', '=', owner.tenant)
        .where('principal_id', '=', owner.id);
      if (name !== undefined) query = query.where('name', '=', name);
      if (face !== undefined) query = query.where('face', '=', face);
      if (after !== undefined) {
        query = query.where('serial', order === 'asc' ? '>' : '<', ({ selectFrom }) =>
          selectFrom('sessions').select('serial').where('id', '=', after),
        );
      }
      return (await query.orderBy('serial', order).limit(limit).execute()).map(sessionOf);
    });
  }

  ofFace(face: string, now: number, limit: number): Promise<string[]> {
    return this.#database.use(async (db) => {
      const rows = await db
        .selectFrom('sessions')
        .select('id')
        .where('face', '=', face)
        .where('expires_at', '>', now)
        .orderBy('serial', 'desc')
        .limit(limit)
        .execute();
      return rows.map(({ id }) => id);
    });
  }

  page(limit: number, after?: string): Promise<SessionRecord[]> {
    return this.#database.use(async (db) => {
      let query = db.selectFrom('sessions').selectAll();
      if (after !== undefined)
        query = query.where('serial', '<', ({ selectFrom }) =>
          selectFrom('sessions').select('serial').where('id', '=', after),
        );
      return (await query.orderBy('serial', 'desc').limit(limit).execute()).map(sessionOf);
    });
  }

  save(session: SessionRecord, since?: SessionRecord): Promise<boolean> {
    const { id, tenant, principalId } = session;
    return this.#database.transact(async (transaction) => {
      const before = await this.#database
        .locked(transaction.selectFrom('sessions').selectAll().where('id', '=', id))
        .executeTakeFirst();
      if (!before) return false;
      const now = since === undefined ? session : merged(sessionOf(before), since, session);
      const { expiresAt } = now;
      const changing = changingOf(now);
      await transaction.updateTable('sessions').set(changing).where('id', '=', id).execute();
      await transaction
        .updateTable('file_sets')
        .set({ expires_at: expiresAt })
        .where(({ eb, or, selectFrom }) =>
          or([
            eb('id', '=', id),
            // Its saved variables last as long as its files.
            eb('id', 'in', selectFrom('kernel_states').select('set_id').where('session_id', '=', id)),
          ]),
        )
        .execute();
      // Never refused: the service cannot do without it.
      await addDocumented(transaction, { tenant, id: principalId }, changing.size - before.size);
      return true;
    });
  }

  place(id: string, epoch: number, worker: string): Promise<SessionPlace | undefined> {
    return this.#database.use(async (db) => {
      const placed = await db
        .updateTable('sessions')
        .set({ worker, epoch: epoch + 1 })
        .where('id', '=', id)
        .where('epoch', '=', epoch)
        .returning(['worker', 'epoch'])
        .executeTakeFirst();
      return (
        placed ?? (await db.selectFrom('sessions').select(['worker', 'epoch']).where('id', '=', id).executeTakeFirst())
      );
    });
  }

  passTurn(id: string, from: SessionTurn, to: string): Promise<SessionRecord | undefined> {
    return this.#database.use(async (db) => {
      const row = await db
        .updateTable('sessions')
        .set(({ eb }) => ({ holder: to, turn: eb('turn', '+', 1) }))
        .where('id', '=', id)
        .where('holder', from.holder === null ? 'is' : '=', from.holder)
        .where('turn', '=', from.turn)
        .returningAll()
        .executeTakeFirst();
      return row && sessionOf(row);
    });
  }

  delete(id: string): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
      const row = await transaction
        .deleteFrom('sessions')
        .where('id', '=', id)
        .returning(['tenant', 'principal_id', 'size'])
        .executeTakeFirst();
      await removeSets(transaction, [id]);
      await removeStates(transaction, id);
      if (row) await addDocumented(transaction, { tenant: row.tenant, id: row.principal_id }, -row.size);
      return row !== undefined;
    });
  }

  async deleteExpired(before: number): Promise<number> {
    for (let total = 0; ; await setImmediate()) {
      const removed = await this.#database.transact(async (transaction) => {
        const rows = await transaction
          .deleteFrom('sessions')
          .where('serial', 'in', ({ selectFrom }) =>
            selectFrom('sessions')
              .select('serial')
              .where('expires_at', '<', before)
              .orderBy('serial')
              .limit(deletedAtOnce),
          )
          .where('expires_at', '<', before)
          .returning(['id', 'tenant', 'principal_id', 'size'])
          .execute();
        for (const { id } of rows) await removeStates(transaction, id);
        for (const { owner, rows: own } of byOwner(rows)) {
          await addDocumented(transaction, owner, -own.reduce((sum, { size }) => sum + size, 0));
        }
        return rows.length;
      });
      total += removed;
      if (removed < deletedAtOnce) return total;
    }
  }

  #creating<T>(work: (transaction: Transaction<Schema>) => Promise<T>): Promise<T> {
    return this.#database.unlessTaken('internal', 'A session with this id exists already.', () =>
      this.#database.transact(work),
    );
  }

  async #create(transaction: Transaction<Schema>, session: SessionRecord): Promise<void> {
    const { id, tenant, principalId, createdAt, lifeMs, memoryBytes, worker, epoch, face, plan, tier, holder, turn } =
      session;
    const fixed = { id, tenant, principal_id: principalId, created_at: createdAt, life_ms: lifeMs };
    const changing = changingOf(session);
    const row = { ...fixed, memory_bytes: memoryBytes, worker, epoch, holder, turn, face, plan, tier, ...changing };
    await transaction.insertInto('sessions').values(row).execute();
    await transaction
      .insertInto('file_sets')
      .values(setRow(fileSetOf(session)))
      .execute();
    await addDocumented(transaction, { tenant, id: principalId }, changing.size, this.#quotaBytes);
  }
}

/** The columns that `save` writes. */
function changingOf(session: SessionRecord) {
  const { name, lastActiveAt, expiresAt, endsAt, idleMs, notes, metadata, ran, kernels, folders } = session;
  const texts = {
    notes: JSON.stringify(notes),
    metadata: JSON.stringify(metadata),
    ran: JSON.stringify(ran),
    kernels: JSON.stringify(kernels),
    folders: JSON.stringify(folders),
  };
  const size = Object.values(texts).reduce((sum, text) => sum + Buffer.byteLength(text), rowBytes);
  const times = { last_active_at: lastActiveAt, expires_at: expiresAt, ends_at: endsAt, idle_ms: idleMs };
  return { name, ...times, ...texts, size };
}

/** Of what is recorded, and of a session as a gateway read it and as it is there now: what that gateway has changed, and all else as recorded. */
function merged(recorded: SessionRecord, since: SessionRecord, session: SessionRecord): SessionRecord {
  const isOurs = (key: keyof SessionRecord) => JSON.stringify(session[key]) !== JSON.stringify(since[key]);
  const own = Object.fromEntries(
    (['name', 'endsAt', 'idleMs', 'notes', 'metadata', 'ran', 'kernels', 'folders'] as const)
      .filter(isOurs)
      .map((key) => [key, session[key]]),
  );
  const all = { ...recorded, ...own };
  const { lastActiveAt, expiresAt } = session;
  const isFixed = all.endsAt !== null;
  return {
    ...all,
    lastActiveAt: Math.max(recorded.lastActiveAt, lastActiveAt),
    // Use puts the end of a session off, and never brings it nearer.
    expiresAt:
      isFixed && !isOurs('endsAt') ? recorded.expiresAt : isFixed ? expiresAt : Math.max(recorded.expiresAt, expiresAt),
  };
}

/** What a session takes besides its texts. */
const rowBytes = 200;

function sessionOf(row: Selectable<Schema['sessions']>): SessionRecord {
  return {
    id: row.id,
    tenant: row.tenant,
    principalId: row.principal_id,
    createdAt: row.created_at,
    name: row.name,
    lastActiveAt: row.last_active_at,
    expiresAt: row.expires_at,
    idleMs: row.idle_ms,
    lifeMs: row.life_ms,
    memoryBytes: row.memory_bytes,
    endsAt: row.ends_at,
    face: row.face,
    notes: JSON.parse(row.notes),
    plan: row.plan,
    tier: row.tier as Tier | null,
    metadata: JSON.parse(row.metadata),
    ran: JSON.parse(row.ran),
    kernels: JSON.parse(row.kernels),
    folders: JSON.parse(row.folders),
    worker: row.worker,
    epoch: row.epoch,
    holder: row.holder,
    turn: row.turn,
  };
}
