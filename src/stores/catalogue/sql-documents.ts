import type { Kysely, Selectable } from 'kysely';
import type { Principal } from '../../core/index.ts';
import type { Document, DocumentPage, Documents } from './documents.ts';
import type { Schema } from './schema.ts';

/** Runs work on the open database. */
export type Use = <T>(work: (db: Kysely<Schema>) => Promise<T>) => Promise<T>;

/** Documents in the tables of a `SqlCatalogue`. */
export class SqlDocuments implements Documents {
  readonly #use: Use;

  constructor(use: Use) {
    this.#use = use;
  }

  put(document: Document): Promise<void> {
    return this.#use((db) => put(db, document));
  }

  putAll(documents: readonly Document[]): Promise<void> {
    return this.#use((db) =>
      db.transaction().execute(async (transaction) => {
        for (const document of documents) await put(transaction, document);
      }),
    );
  }

  get(kind: string, id: string): Promise<Document | undefined> {
    return this.#use(async (db) => {
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
    return this.#use(async (db) => {
      const { numDeletedRows } = await db
        .deleteFrom('documents')
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }

  list(kind: string, owner: Pick<Principal, 'tenant' | 'id'>, page: DocumentPage): Promise<Document[]> {
    const { after, order, limit, name } = page;
    return this.#use(async (db) => {
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
    return this.#use(async (db) => {
      const { numDeletedRows } = await db.deleteFrom('documents').where('expires_at', '<', now).executeTakeFirst();
      return Number(numDeletedRows);
    });
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

async function put(db: Kysely<Schema>, document: Document): Promise<void> {
  const { name, body, expiresAt } = document;
  const changing = { name, body: JSON.stringify(body), expires_at: expiresAt };
  await db
    .insertInto('documents')
    .values(({ selectFrom, fn, lit }) => ({
      kind: document.kind,
      id: document.id,
      tenant: document.tenant,
      principal_id: document.principalId,
      created_at: document.createdAt,
      ...changing,
      serial: selectFrom('documents').select(({ eb }) =>
        eb(fn.coalesce(fn.max('serial'), lit(0)), '+', lit(1)).as('next'),
      ),
    }))
    .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet(changing))
    .execute();
}
