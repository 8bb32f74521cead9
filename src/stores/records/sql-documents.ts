import type { Selectable, Transaction } from 'kysely';
import type { Principal } from '../../core/index.ts';
import type { Document, DocumentPage, Documents } from './documents.ts';
import type { Schema } from './schema.ts';
import type { SqlDatabase } from './sql-database.ts';
import { addDocumented } from './sql-owners.ts';

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

  putAll(documents: readonly Document[]): Promise<void> {
    return this.#database.use((db) =>
      db.transaction().execute(async (transaction) => {
        for (const document of documents) await put(transaction, document, this.#quotaBytes);
      }),
    );
  }

  get(kind: string, id: string): Promise<Document | undefined> {
    return this.#database.use(async (db) => {
      const row = await db
        .selectFrom('documents')
        .selectAll()
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst();
      return row && documentOf(row);
    });
  }

  delete(kind: string, id: string): Promise<boolean> {
    return this.#database.use((db) =>
      db.transaction().execute(async (transaction) => {
        const row = await transaction
          .deleteFrom('documents')
          .where('kind', '=', kind)
          .where('id', '=', id)
          .returning(['tenant', 'principal_id', 'size'])
          .executeTakeFirst();
        if (row) await addDocumented(transaction, { tenant: row.tenant, id: row.principal_id }, -row.size);
        return row !== undefined;
      }),
    );
  }

  list(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, page: DocumentPage): Promise<Document[]> {
    const { after, order, limit, name } = page;
    return this.#database.use(async (db) => {
      let query = db
        .selectFrom('documents')
        .selectAll()
        .where('kind', '=', kind)
        .where('tenant', '=', owner.tenant)
        .where('principal_id', '=', owner.id);
      if (name !== undefined) query = query.where('name', '=', name);
      if (after !== undefined) {
        query = query.where('serial', order === 'asc' ? '>' : '<', ({ selectFrom }) =>
          selectFrom('documents').select('serial').where('kind', '=', kind).where('id', '=', after),
        );
      }
      const rows = await query.orderBy('serial', order).limit(limit).execute();
      return rows.map(documentOf);
    });
  }

  deleteExpired(now: number): Promise<number> {
    return this.#database.use((db) =>
      db.transaction().execute(async (transaction) => {
        const owners = await transaction
          .selectFrom('documents')
          .select(({ fn }) => ['tenant', 'principal_id', fn.sum<number>('size').as('bytes')])
          .where('expires_at', '<', now)
          .groupBy(['tenant', 'principal_id'])
          .execute();
        for (const { tenant, principal_id: id, bytes } of owners)
          await addDocumented(transaction, { tenant, id }, -bytes);
        const { numDeletedRows } = await transaction
          .deleteFrom('documents')
          .where('expires_at', '<', now)
          .executeTakeFirst();
        return Number(numDeletedRows);
      }),
    );
  }
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

async function put(
  transaction: Transaction<Schema>,
  document: Document,
  quotaBytes: number | undefined,
): Promise<void> {
  const { name, expiresAt, tenant, principalId } = document;
  const body = JSON.stringify(document.body);
  const size = Buffer.byteLength(body);
  const changing = { name, body, size, expires_at: expiresAt };
  const before = await transaction
    .selectFrom('documents')
    .select('size')
    .where('kind', '=', document.kind)
    .where('id', '=', document.id)
    .executeTakeFirst();
  const more = size - (before?.size ?? 0);
  await addDocumented(transaction, { tenant, id: principalId }, more, document.essential ? undefined : quotaBytes);
  await transaction
    .insertInto('documents')
    .values(({ selectFrom, fn, lit }) => ({
      kind: document.kind,
      id: document.id,
      tenant,
      principal_id: principalId,
      created_at: document.createdAt,
      ...changing,
      serial: selectFrom('documents').select(({ eb }) =>
        eb(fn.coalesce(fn.max('serial'), lit(0)), '+', lit(1)).as('next'),
      ),
    }))
    .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet(changing))
    .execute();
}
