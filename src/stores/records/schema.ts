import { type Kysely, sql } from 'kysely';

/** Times are milliseconds since the epoch, truth values are 0 and 1: the same in every database. */
export interface Schema {
  sessions: {
    id: string;
    tenant: string;
    principal_id: string;
    scope_kind: 'user' | 'agent' | 'skill';
    scope_id: string | null;
    scope_version: number | null;
    created_at: number;
    expires_at: number;
  };
  files: {
    session_id: string;
    id: string;
    /** Where it stands among the files of its session, from 0. */
    position: number;
    name: string;
    size: number;
    digest: string;
    content_type: string;
    read_only: number;
    source: 'user' | 'program';
    created_at: number;
    /** Set once another file took its place or the workspace lost it; the larger, the later. */
    superseded: number | null;
  };
  /** What all files of one owner take, kept in the transactions that change them. */
  owners: {
    tenant: string;
    principal_id: string;
    stored_bytes: number;
    /** The same of its documents. */
    document_bytes: number;
  };
  documents: {
    kind: string;
    id: string;
    tenant: string;
    principal_id: string;
    name: string | null;
    created_at: number;
    expires_at: number;
    /** Order of creation within the database. */
    serial: number;
    body: string;
    /** Bytes of the body. */
    size: number;
  };
  api_keys: {
    id: string;
    name: string;
    hash: string;
    plan: string | null;
    created_at: number;
    revoked_at: number | null;
  };
}

/** One step of the schema's history. */
export interface Migration {
  readonly name: string;
  up(db: Kysely<Schema>): Promise<void>;
}

/** The schema's history in order. A step that was released never changes; a change is a further step. */
export const migrations: readonly Migration[] = [
  { name: 'sessions-files-keys', up: createSessionsFilesKeys },
  { name: 'key-plans', up: addKeyPlans },
  { name: 'superseded-files', up: addSuperseded },
  { name: 'documents', up: createDocuments },
  { name: 'file-sources', up: addFileSource },
  { name: 'owners', up: createOwners },
  { name: 'document-sizes', up: addDocumentSizes },
];

async function createSessionsFilesKeys(db: Kysely<Schema>): Promise<void> {
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

async function addKeyPlans(db: Kysely<Schema>): Promise<void> {
  await db.schema.alterTable('api_keys').addColumn('plan', 'text').execute();
}

async function addSuperseded(db: Kysely<Schema>): Promise<void> {
  await db.schema.alterTable('files').addColumn('superseded', 'integer').execute();
}

async function createDocuments(db: Kysely<Schema>): Promise<void> {
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

async function addFileSource(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('files')
    .addColumn('source', 'text', (column) => column.notNull().defaultTo('user'))
    .execute();
}

async function createOwners(db: Kysely<Schema>): Promise<void> {
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

async function addDocumentSizes(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('documents')
    .addColumn('size', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .alterTable('owners')
    .addColumn('document_bytes', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  // Characters, where bytes would be asked of every database in another way: near enough for what is gone within days.
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
