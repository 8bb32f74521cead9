import { setImmediate } from 'node:timers/promises';
import type { Selectable, Transaction } from 'kysely';
import { DragomanError, jsonLength, type Principal, turnOf } from '../../core/index.ts';
import type { Document, DocumentPage, Documents } from './documents.ts';
import type { HeldLease } from './leases.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import { type PartSet, removeParts, SqlDocumentParts } from './sql-document-parts.ts';
import { addDocumented, byOwner } from './sql-owners.ts';

/** Documents of one deleting transaction: requests get their turn between two. */
const deletedAtOnce = 200;
/** Content that is read and parsed, or made JSON of, in one go. A document that is larger is written and read in parts. */
const atOnceBytes = 256 * 1024;

/** A document whose body is JSON already. */
interface Written {
  readonly document: Document;
  readonly body: string;
  readonly size: number;
  /** Where the body is when it is large; then `body` is empty. */
  readonly parts?: PartSet;
}

type Position = Pick<Selectable<Schema['documents']>, 'serial' | 'size'>;

/** Documents in a table of a SQL database. */
export class SqlDocuments implements Documents {
  readonly #database: SqlDatabase;
  readonly #parts: SqlDocumentParts;
  readonly #quotaBytes: number | undefined;

  /** @param quotaBytes what the documents of one owner may take together */
  constructor(database: SqlDatabase, quotaBytes: number | undefined) {
    this.#database = database;
    this.#parts = new SqlDocumentParts(database);
    this.#quotaBytes = quotaBytes;
  }

  put(document: Document): Promise<void> {
    return this.putAll([document]);
  }

  async putAll(documents: readonly Document[], held?: HeldLease): Promise<void> {
    const written: Written[] = [];
    let bytes = 0;
    try {
      for (const document of documents) {
        if (jsonLength(document.body) > atOnceBytes) {
          const parts = await this.#parts.write(ownerOf(document), document.body);
          written.push({ document, body: '', size: parts.size, parts });
          continue;
        }
        const body = JSON.stringify(document.body);
        const size = Buffer.byteLength(body);
        written.push({ document, body, size });
        bytes += size;
        if (bytes <= atOnceBytes) continue;
        bytes = 0;
        await turnOf(ownerOf(document));
      }
      await this.#database.transact(async (transaction) => {
        if (held) await this.#checkHeld(transaction, held);
        for (const each of written) await this.#put(transaction, each);
      });
    } catch (error) {
      const made = written.flatMap(({ parts }) => (parts ? [parts.id] : []));
      if (made.length > 0) await this.#parts.remove(made).catch(() => {});
      throw error;
    }
  }

  async get(kind: string, id: string): Promise<Document | undefined> {
    const row = await this.#database.use((db) =>
      db.selectFrom('documents').selectAll().where('kind', '=', kind).where('id', '=', id).executeTakeFirst(),
    );
    return row && this.#documentOf(row);
  }

  delete(kind: string, id: string): Promise<boolean> {
    return this.#database.transact(async (transaction) => {
      const row = await transaction
        .deleteFrom('documents')
        .where('kind', '=', kind)
        .where('id', '=', id)
        .returning(['tenant', 'principal_id', 'size', 'part_set'])
        .executeTakeFirst();
      if (row) await removeParts(transaction, [row.part_set]);
      if (row) await addDocumented(transaction, { tenant: row.tenant, id: row.principal_id }, -row.size);
      return row !== undefined;
    });
  }

  async deleteNamed(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, name: string): Promise<void> {
    for (; ; await setImmediate()) {
      const removed = await this.#database.transact(async (transaction) => {
        const rows = await transaction
          .deleteFrom('documents')
          .where('serial', 'in', ({ selectFrom }) =>
            selectFrom('documents')
              .select('serial')
              .where('kind', '=', kind)
              .where('tenant', '=', owner.tenant)
              .where('principal_id', '=', owner.id)
              .where('name', '=', name)
              .limit(deletedAtOnce),
          )
          .returning(['size', 'part_set'])
          .execute();
        await removeParts(
          transaction,
          rows.map(({ part_set }) => part_set),
        );
        const bytes = rows.reduce((sum, { size }) => sum + size, 0);
        if (rows.length > 0) await addDocumented(transaction, owner, -bytes);
        return rows.length;
      });
      if (removed < deletedAtOnce) return;
    }
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
      for (const row of rows) {
        const document = await this.#documentOf(row);
        if (document) documents.push(document);
      }
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
    await this.#parts.removeLost();
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
          .returning(['tenant', 'principal_id', 'size', 'part_set'])
          .execute();
        await removeParts(
          transaction,
          rows.map(({ part_set }) => part_set),
        );
        for (const { owner, rows: own } of byOwner(rows)) {
          await addDocumented(transaction, owner, -own.reduce((sum, { size }) => sum + size, 0));
        }
        return rows.length;
      });
      total += removed;
      if (removed < deletedAtOnce) return total;
    }
  }

  /** A document whose parts went while they were read: it was removed or replaced. */
  async #changed({ serial, part_set }: Row): Promise<Document | undefined> {
    const row = await this.#database.use((db) =>
      db.selectFrom('documents').selectAll().where('serial', '=', serial).executeTakeFirst(),
    );
    if (row && row.part_set === part_set)
      throw new DragomanError('storage_unavailable', { message: 'A part of a document is missing.' });
    return row && this.#documentOf(row);
  }

  /** Undefined when it was removed meanwhile. */
  async #documentOf(row: Row): Promise<Document | undefined> {
    const { kind, id, tenant, principal_id: principalId, name, created_at: createdAt, expires_at: expiresAt } = row;
    let body: unknown;
    if (row.part_set === null) body = JSON.parse(row.body);
    else {
      const set = { id: row.part_set, count: row.part_count! };
      body = await this.#parts.read(ownerOf({ tenant, principalId }), set);
      if (body === undefined) return this.#changed(row);
    }
    return { kind, id, tenant, principalId, name, createdAt, expiresAt, body };
  }

  /** @throws DragomanError conflict */
  async #checkHeld(transaction: Transaction<Schema>, { name, holder }: HeldLease): Promise<void> {
    const row = await this.#database
      .locked(transaction.selectFrom('leases').select('holder').where('name', '=', name).where('holder', '=', holder))
      .executeTakeFirst();
    if (!row) throw new DragomanError('conflict', { message: 'The lease is not held any more.' });
  }

  async #put(transaction: Transaction<Schema>, { document, body, size, parts }: Written): Promise<void> {
    const { kind, id, name, createdAt, expiresAt, tenant, principalId } = document;
    const inParts = { part_set: parts?.id ?? null, part_count: parts?.count ?? null };
    const changing = { name, body, size, expires_at: expiresAt, ...inParts };
    const isNew = await transaction
      .insertInto('documents')
      .values({ kind, id, tenant, principal_id: principalId, created_at: createdAt, ...changing })
      .onConflict((on) => on.columns(['kind', 'id']).doNothing())
      .returning('serial')
      .executeTakeFirst();
    let more = size;
    if (!isNew) {
      const before = await this.#database
        .locked(
          transaction
            .selectFrom('documents')
            .select(['size', 'part_set'])
            .where('kind', '=', kind)
            .where('id', '=', id),
        )
        .executeTakeFirstOrThrow();
      more -= before.size;
      await removeParts(transaction, [before.part_set]);
      await transaction.updateTable('documents').set(changing).where('kind', '=', kind).where('id', '=', id).execute();
    }
    const quotaBytes = document.essential ? undefined : this.#quotaBytes;
    await addDocumented(transaction, { tenant, id: principalId }, more, quotaBytes);
  }
}

type Row = Selectable<Schema['documents']>;

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
