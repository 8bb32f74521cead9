import { setImmediate } from 'node:timers/promises';
import type { Selectable, Transaction } from 'kysely';
import { type Principal, turnOf } from '../../core/index.ts';
import type { Document, DocumentPage, Documents } from './documents.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import { addDocumented, byOwner } from './sql-owners.ts';

/** Documents of one deleting transaction: requests get their turn between two. */
const deletedAtOnce = 200;
/** Content that is read and parsed, or made JSON of, in one go. A document that is larger is handled alone, in a turn of its own. */
const atOnceBytes = 256 * 1024;

/** A document whose body is JSON already. */
interface Written {
  readonly document: Document;
  readonly body: string;
  readonly size: number;
}

type Position = Pick<Selectable<Schema['documents']>, 'serial' | 'size'>;

/** Documents in a table of a SQL database. */
export class SqlDocuments implements Documents {
  readonly #database: SqlDatabase;
  readonly #quotaBytes: number | undefined;

  /** @param quotaBytes what the documents of one owner may take together */
  constructor(database: SqlDatabase, quotaBytes: number | undefined) {
    this.#database = database;
    this.#quotaBytes = quotaBytes;
  }

  put(document: Document): Promise<void> {
    return this.putAll([document]);
  }

  async putAll(documents: readonly Document[]): Promise<void> {
    const written: Written[] = [];
    let bytes = 0;
    for (const document of documents) {
      const body = JSON.stringify(document.body);
      const size = Buffer.byteLength(body);
      written.push({ document, body, size });
      bytes += size;
      if (bytes <= atOnceBytes) continue;
      bytes = 0;
      await turnOf(ownerOf(document));
    }
    await this.#database.transact(async (transaction) => {
      for (const each of written) await this.#put(transaction, each);
    });
  }

  async get(kind: string, id: string): Promise<Document | undefined> {
    const row = await this.#database.use((db) =>
      db
        .selectFrom('documents')
        .select(['serial', 'size', 'kind', 'id', 'tenant', 'principal_id', 'name', 'created_at', 'expires_at'])
        .select(({ case: when, ref }) => when().when('size', '<=', atOnceBytes).then(ref('body')).end().as('body'))
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    if (row.body !== null) return documentOf({ ...row, body: row.body });
    await turnOf(ownerOf({ tenant: row.tenant, principalId: row.principal_id }));
    const large = await this.#database.use((db) =>
      db.selectFrom('documents').selectAll().where('serial', '=', row.serial).executeTakeFirst(),
    );
    return large && documentOf(large);
  }

  delete(kind: string, id: string): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
      const row = await transaction
        .deleteFrom('documents')
        .where('kind', '=', kind)
        .where('id', '=', id)
        .returning(['tenant', 'principal_id', 'size'])
        .executeTakeFirst();
      if (row) await addDocumented(transaction, { tenant: row.tenant, id: row.principal_id }, -row.size);
      return row !== undefined;
    });
  }

  async list(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, page: DocumentPage): Promise<Document[]> {
    const documents: Document[] = [];
    // Reading and parsing are work of the event loop: a page of large documents is read in parts, with turns for others between.
    for (const { serials, bytes } of batches(await this.#positions(kind, owner, page))) {
      if (documents.length > 0 || bytes > atOnceBytes)
        await turnOf(ownerOf({ tenant: owner.tenant, principalId: owner.id }));
      const rows = await this.#database.use((db) =>
        db.selectFrom('documents').selectAll().where('serial', 'in', serials).orderBy('serial', page.order).execute(),
      );
      documents.push(...rows.map(documentOf));
    }
    return documents;
  }

  /** Where the documents of a page stand, and their sizes: nothing of their content. */
  #positions(
    kind: string,
    owner: Pick<Principal, 'tenant' | 'id'>,
    { after, order, limit, name }: DocumentPage,
  ): Promise<Position[]> {
    return this.#database.use((db) => {
      let query = db
        .selectFrom('documents')
        .select(['serial', 'size'])
        .where('kind', '=', kind)
        .where('tenant', '=', owner.tenant)
        .where('principal_id', '=', owner.id);
      if (name !== undefined) query = query.where('name', '=', name);
      if (after !== undefined) {
        query = query.where('serial', order === 'asc' ? '>' : '<', ({ selectFrom }) =>
          selectFrom('documents').select('serial').where('kind', '=', kind).where('id', '=', after),
        );
      }
      return query.orderBy('serial', order).limit(limit).execute();
    });
  }

  async deleteExpired(now: number): Promise<number> {
    for (let total = 0; ; await setImmediate()) {
      const removed = await this.#database.transact(async (transaction) => {
        const rows = await transaction
          .deleteFrom('documents')
          .where('serial', 'in', ({ selectFrom }) =>
            selectFrom('documents')
              .select('serial')
              .where('expires_at', '<', now)
              .orderBy('serial')
              .limit(deletedAtOnce),
          )
          .where('expires_at', '<', now)
          .returning(['tenant', 'principal_id', 'size'])
          .execute();
        for (const { owner, rows: own } of byOwner(rows)) {
          await addDocumented(transaction, owner, -own.reduce((sum, { size }) => sum + size, 0));
        }
        return rows.length;
      });
      total += removed;
      if (removed < deletedAtOnce) return total;
    }
  }

  async #put(transaction: Transaction<Schema>, { document, body, size }: Written): Promise<void> {
    const { kind, id, name, createdAt, expiresAt, tenant, principalId } = document;
    const changing = { name, body, size, expires_at: expiresAt };
    const isNew = await transaction
      .insertInto('documents')
      .values({ kind, id, tenant, principal_id: principalId, created_at: createdAt, ...changing })
      .onConflict((on) => on.columns(['kind', 'id']).doNothing())
      .returning('serial')
      .executeTakeFirst();
    let more = size;
    if (!isNew) {
      const before = await this.#database
        .locked(transaction.selectFrom('documents').select('size').where('kind', '=', kind).where('id', '=', id))
        .executeTakeFirstOrThrow();
      more -= before.size;
      await transaction.updateTable('documents').set(changing).where('kind', '=', kind).where('id', '=', id).execute();
    }
    const quotaBytes = document.essential ? undefined : this.#quotaBytes;
    await addDocumented(transaction, { tenant, id: principalId }, more, quotaBytes);
  }
}

function ownerOf({ tenant, principalId }: Pick<Document, 'tenant' | 'principalId'>): string {
  return `${tenant}/${principalId}`;
}

/** Serials in their order, cut where their documents together exceed what is read at once. */
function* batches(positions: readonly Position[]): Generator<{ serials: number[]; bytes: number }> {
  let serials: number[] = [];
  let bytes = 0;
  for (const { serial, size } of positions) {
    if (serials.length > 0 && bytes + size > atOnceBytes) {
      yield { serials, bytes };
      serials = [];
      bytes = 0;
    }
    serials.push(serial);
    bytes += size;
  }
  if (serials.length > 0) yield { serials, bytes };
}

function documentOf(row: Selectable<Schema['documents']>): Document {
  return {
    kind: row.kind,
    id: row.id,
    tenant: row.tenant,
    principalId: row.principal_id,
    name: row.name,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    body: JSON.parse(row.body),
  };
}
