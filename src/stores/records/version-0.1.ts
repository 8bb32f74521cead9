import { type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * The schema of version 0.1, step by step. Its databases have these steps in a table `migrations`, by the names here without
 * the number. A released step never changes.
 */
export const version01: Readonly<Record<string, Migration>> = {
  '01-sessions-files-keys': { up: createSessionsFilesKeys },
  '02-key-plans': { up: addKeyPlans },
  '03-superseded-files': { up: addSuperseded },
  '04-documents': { up: createDocuments },
  '05-file-sources': { up: addFileSource },
  '06-owners': { up: createOwners },
  '07-document-sizes': { up: addDocumentSizes },
};

// biome-ignore-start lint/suspicious/noExplicitAny: the schema of each step is another one
async function createSessionsFilesKeys(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('scope_kind', 'text', (column) => column.notNull())
    .addColumn('scope_id', 'text')
    .addColumn('scope_version', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute();
  await db.schema
    .createTable('files')
    .addColumn('session_id', 'text', (column) => column.notNull().references('sessions.id').onDelete('cascade'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('position', 'integer', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('content_type', 'text', (column) => column.notNull())
    .addColumn('read_only', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('files_key', ['session_id', 'id'])
    .execute();
  await db.schema.createIndex('files_by_digest').on('files').column('digest').execute();
  await db.schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute();
  await db.schema
    .createIndex('api_keys_live_name')
    .unique()
    .on('api_keys')
    .column('name')
    .where(sql.ref('revoked_at'), 'is', null)
    .execute();
}

async function addKeyPlans(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('api_keys').addColumn('plan', 'text').execute();
}

async function addSuperseded(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('files').addColumn('superseded', 'integer').execute();
}

async function createDocuments(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('documents')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('serial', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('documents_key', ['kind', 'id'])
    .execute();
  await db.schema
    .createIndex('documents_by_owner')
    .unique()
    .on('documents')
    .columns(['kind', 'tenant', 'principal_id', 'serial'])
    .execute();
  await db.schema.createIndex('documents_by_serial').unique().on('documents').column('serial').execute();
  await db.schema.createIndex('documents_by_expiry').on('documents').column('expires_at').execute();
}

async function addFileSource(db: Kysely<any>): Promise<void> {
  await db.schema
    .alterTable('files')
    .addColumn('source', 'text', (column) => column.notNull().defaultTo('user'))
    .execute();
}

async function createOwners(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('owners')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('stored_bytes', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('owners_key', ['tenant', 'principal_id'])
    .execute();
  await db
    .insertInto('owners')
    .columns(['tenant', 'principal_id', 'stored_bytes'])
    .expression((of) =>
      of
        .selectFrom('sessions')
        .innerJoin('files', 'files.session_id', 'sessions.id')
        .select(({ fn }) => [
          'sessions.tenant',
          'sessions.principal_id',
          fn.sum<number>('files.size').as('stored_bytes'),
        ])
        .groupBy(['sessions.tenant', 'sessions.principal_id']),
    )
    .execute();
}

async function addDocumentSizes(db: Kysely<any>): Promise<void> {
  await db.schema
    .alterTable('documents')
    .addColumn('size', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('owners')
    .addColumn('document_bytes', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  // Characters instead of bytes: every database has them, and old documents expire within days.
  await db
    .updateTable('documents')
    .set(({ fn }) => ({ size: fn<number>('length', ['body']) }))
    .execute();
  const sums = await db
    .selectFrom('documents')
    .select(({ fn }) => ['tenant', 'principal_id', fn.sum<number>('size').as('document_bytes')])
    .groupBy(['tenant', 'principal_id'])
    .execute();
  for (const sum of sums) {
    await db
      .insertInto('owners')
      .values({ ...sum, stored_bytes: 0 })
      .onConflict((on) => on.columns(['tenant', 'principal_id']).doUpdateSet({ document_bytes: sum.document_bytes }))
      .execute();
  }
}
// biome-ignore-end lint/suspicious/noExplicitAny: the schema of each step is another one
