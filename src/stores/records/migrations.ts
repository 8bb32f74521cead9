import { type CreateTableBuilder, type Kysely, sql } from 'kysely';
import type { Migration } from 'kysely/migration';
import type { UsageAmounts } from './usage-records.ts';
import { version01 } from './version-0.1.ts';

/** Adds a primary key `serial` that the database counts up itself. */
export type AddSerial = <Table extends string>(
  table: CreateTableBuilder<Table, never>,
) => CreateTableBuilder<Table, 'serial'>;

/** The schema's history, in order of name. A released step never changes; a change is a further step. */
export function migrations(addSerial: AddSerial): Readonly<Record<string, Migration>> {
  return {
    ...version01,
    '08-contents': { up: (db) => separateContents(db, addSerial) },
    '09-usage-days': { up: separateUsage },
    '10-document-serials': { up: (db) => renumberDocuments(db, addSerial) },
    '11-leases': { up: createLeases },
    '12-sessions': { up: (db) => separateSessions(db, addSerial) },
    '13-document-parts': { up: createDocumentParts },
    '14-key-rights': { up: addKeyRights },
    '15-session-faces': { up: addSessionFaces },
    '16-usage-pages': { up: orderUsage },
    '17-kernel-states': { up: createKernelStates },
    '18-holds-of-jobs': { up: addHoldsOfJobs },
    '19-session-turns': { up: addTurns },
    '20-session-tiers': { up: addSessionTiers },
  };
}

// biome-ignore-start lint/suspicious/noExplicitAny: the schema of each step is another one

/** Sessions become file sets; each content gets a record that files refer to; owners are charged by blocks and files. */
async function separateContents(db: Kysely<any>, addSerial: AddSerial): Promise<void> {
  await db.schema
    .createTable('file_sets')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('scope_kind', 'text', (column) => column.notNull())
    .addColumn('scope_id', 'text')
    .addColumn('scope_version', 'bigint')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('revision', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  const of = ['id', 'tenant', 'principal_id', 'scope_kind', 'scope_id', 'scope_version', 'created_at', 'expires_at'];
  await sql`insert into file_sets (${refs(of)}, revision)
    select ${refs(of)}, coalesce((select max(superseded) from files where session_id = sessions.id), 0) from sessions`.execute(
    db,
  );
  await db.schema
    .createTable('contents')
    .addColumn('digest', 'text', (column) => column.primaryKey().notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('check_at', 'bigint')
    .addColumn('leaving', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`insert into contents (digest, size) select digest, max(size) from files group by digest`.execute(db);
  await addSerial(db.schema.createTable('numbered_files'))
    .addColumn('set_id', 'text', (column) => column.notNull().references('file_sets.id').onDelete('cascade'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull().references('contents.digest'))
    .addColumn('content_type', 'text', (column) => column.notNull())
    .addColumn('read_only', 'integer', (column) => column.notNull())
    .addColumn('mode', 'integer')
    .addColumn('source', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('superseded', 'bigint')
    .execute();
  const kept = ['id', 'name', 'size', 'digest', 'content_type', 'read_only', 'source', 'created_at', 'superseded'];
  await sql`insert into numbered_files (set_id, ${refs(kept)})
    select session_id, ${refs(kept)} from files order by session_id, position`.execute(db);
  await db.schema.dropTable('files').execute();
  await db.schema.dropTable('sessions').execute();
  await db.schema.alterTable('numbered_files').renameTo('files').execute();
  await db.schema.createIndex('files_of_set').unique().on('files').columns(['set_id', 'id']).execute();
  await db.schema.createIndex('files_of_content').on('files').column('digest').execute();
  await db.schema.createIndex('file_sets_by_expiry').on('file_sets').column('expires_at').execute();
  await db.schema
    .createIndex('contents_to_check')
    .on('contents')
    .column('check_at')
    .where(sql.ref('check_at'), 'is not', null)
    .execute();
  await db.schema
    .createTable('holds')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('digest', 'text', (column) => column.notNull().references('contents.digest'))
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('holds_of_content').on('holds').column('digest').execute();
  await db.schema
    .alterTable('owners')
    .addColumn('stored_files', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update owners set
    stored_bytes = coalesce((select sum(case when files.size = 0 then 4096 else (files.size + 4095) / 4096 * 4096 end)
      from files inner join file_sets on file_sets.id = files.set_id
      where file_sets.tenant = owners.tenant and file_sets.principal_id = owners.principal_id), 0),
    stored_files = (select count(*) from files inner join file_sets on file_sets.id = files.set_id
      where file_sets.tenant = owners.tenant and file_sets.principal_id = owners.principal_id)`.execute(db);
}

/** Usage gets columns, so that several processes can add to one day. */
async function separateUsage(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('usage_days')
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('date', 'text', (column) => column.notNull())
    .addColumn('executions', 'bigint', (column) => column.notNull())
    .addColumn('cpu_ms', 'double precision', (column) => column.notNull())
    .addColumn('wall_ms', 'double precision', (column) => column.notNull())
    .addColumn('bytes_stored', 'bigint', (column) => column.notNull())
    .addColumn('bytes_served', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('usage_days_key', ['tenant', 'principal_id', 'date'])
    .execute();
  await db.schema.createIndex('usage_days_by_date').on('usage_days').column('date').execute();
  for (let after = -1; ; ) {
    const rows = await db
      .selectFrom('documents')
      .select(['serial', 'tenant', 'principal_id', 'name', 'body'])
      .where('kind', '=', 'usage')
      .where('serial', '>', after)
      .orderBy('serial')
      .limit(100)
      .execute();
    if (rows.length === 0) break;
    const days = rows.map(({ tenant, principal_id, name: date, body }) => {
      const { executions, cpuMs, wallMs, bytesStored, bytesServed } = JSON.parse(body) as UsageAmounts;
      const amounts = {
        executions,
        cpu_ms: cpuMs,
        wall_ms: wallMs,
        bytes_stored: bytesStored,
        bytes_served: bytesServed,
      };
      return { tenant, principal_id, date, ...amounts };
    });
    await db.insertInto('usage_days').values(days).execute();
    after = rows.at(-1)!.serial;
  }
  await db.deleteFrom('documents').where('kind', '=', 'usage').execute();
}

async function renumberDocuments(db: Kysely<any>, addSerial: AddSerial): Promise<void> {
  await addSerial(db.schema.createTable('numbered_documents'))
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .execute();
  const kept = ['kind', 'id', 'tenant', 'principal_id', 'name', 'created_at', 'expires_at', 'body', 'size'];
  await sql`insert into numbered_documents (${refs(kept)}) select ${refs(kept)} from documents order by serial`.execute(
    db,
  );
  await db.schema.dropTable('documents').execute();
  await db.schema.alterTable('numbered_documents').renameTo('documents').execute();
  await db.schema.createIndex('documents_of_kind').unique().on('documents').columns(['kind', 'id']).execute();
  await db.schema
    .createIndex('documents_of_owner')
    .on('documents')
    .columns(['kind', 'tenant', 'principal_id', 'serial'])
    .execute();
  await db.schema.createIndex('documents_by_expiry').on('documents').column('expires_at').execute();
  await sql`update owners set document_bytes = coalesce((select sum(size) from documents
    where documents.tenant = owners.tenant and documents.principal_id = owners.principal_id), 0)`.execute(db);
}

async function createLeases(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('leases')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('holder', 'text', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
}

/** Sessions get a table, so that a change of one's worker is a conditional update. What they count for their owner stays the same. */
async function separateSessions(db: Kysely<any>, addSerial: AddSerial): Promise<void> {
  await addSerial(db.schema.createTable('sessions'))
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('tenant', 'text', (column) => column.notNull())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_active_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('idle_ms', 'bigint', (column) => column.notNull())
    .addColumn('life_ms', 'bigint', (column) => column.notNull())
    .addColumn('memory_bytes', 'bigint', (column) => column.notNull())
    .addColumn('metadata', 'text', (column) => column.notNull())
    .addColumn('ran', 'text', (column) => column.notNull())
    .addColumn('kernels', 'text', (column) => column.notNull())
    .addColumn('folders', 'text', (column) => column.notNull())
    .addColumn('worker', 'text')
    .addColumn('epoch', 'bigint', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('sessions_by_id').unique().on('sessions').column('id').execute();
  await db.schema
    .createIndex('sessions_of_owner')
    .on('sessions')
    .columns(['tenant', 'principal_id', 'serial'])
    .execute();
  await db.schema.createIndex('sessions_by_expiry').on('sessions').column('expires_at').execute();
  for (let after = -1; ; ) {
    const rows = await db
      .selectFrom('documents')
      .leftJoin('file_sets', 'file_sets.id', 'documents.id')
      .selectAll('documents')
      .select('file_sets.expires_at as set_expires_at')
      .where('kind', '=', 'session')
      .where('serial', '>', after)
      .orderBy('serial')
      .limit(100)
      .execute();
    if (rows.length === 0) break;
    await db.insertInto('sessions').values(rows.map(sessionRow)).execute();
    after = rows.at(-1)!.serial;
  }
  await db.deleteFrom('documents').where('kind', '=', 'session').execute();
}

/** Large documents are written and read in parts. */
async function createDocumentParts(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('documents').addColumn('part_set', 'text').execute();
  await db.schema.alterTable('documents').addColumn('part_count', 'bigint').execute();
  await db.schema.createIndex('documents_by_parts').on('documents').column('part_set').execute();
  await db.schema
    .createTable('document_parts')
    .addColumn('set_id', 'text', (column) => column.notNull())
    .addColumn('number', 'bigint', (column) => column.notNull())
    .addColumn('made_at', 'bigint', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('document_parts_key', ['set_id', 'number'])
    .execute();
  await db.schema.createIndex('document_parts_by_age').on('document_parts').column('made_at').execute();
}

/** The first key is the operator's: `npm start` made it and wrote it into the data directory. Keys that were made later have no right. */
async function addKeyRights(db: Kysely<any>): Promise<void> {
  await db.schema
    .alterTable('api_keys')
    .addColumn('is_admin', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update api_keys set is_admin = 1 where name = 'default' and revoked_at is null
    and id = (select id from api_keys order by created_at, id limit 1)`.execute(db);
}

/** Sessions that end at a moment of their own, and dialects that keep something of theirs. */
async function addSessionFaces(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('sessions').addColumn('ends_at', 'bigint').execute();
  await db.schema.alterTable('sessions').addColumn('face', 'text').execute();
  await db.schema
    .alterTable('sessions')
    .addColumn('notes', 'text', (column) => column.notNull().defaultTo('{}'))
    .execute();
  await db.schema.alterTable('sessions').addColumn('plan', 'text').execute();
  await db.schema.createIndex('sessions_of_face').on('sessions').columns(['face', 'expires_at']).execute();
}

/** All owners' use of some days is read page by page, in this order. */
async function orderUsage(db: Kysely<any>): Promise<void> {
  await db.schema.dropIndex('usage_days_by_date').execute();
  await db.schema
    .createIndex('usage_days_by_date')
    .on('usage_days')
    .columns(['date', 'tenant', 'principal_id'])
    .execute();
}

/** Variables of sessions are saved. */
async function createKernelStates(db: Kysely<any>): Promise<void> {
  await db.schema
    .createTable('kernel_states')
    .addColumn('session_id', 'text', (column) => column.notNull())
    .addColumn('kernel', 'text', (column) => column.notNull())
    .addColumn('set_id', 'text', (column) => column.notNull())
    .addColumn('digest', 'text', (column) => column.notNull())
    .addColumn('size', 'bigint', (column) => column.notNull())
    .addColumn('saved_at', 'bigint', (column) => column.notNull())
    .addColumn('execution', 'text')
    .addColumn('bytes', 'bigint', (column) => column.notNull())
    .addColumn('variables', 'bigint', (column) => column.notNull())
    .addColumn('is_behind', 'integer', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('kernel_states_key', ['session_id', 'kernel'])
    .execute();
}

/** Workers elsewhere store bytes for jobs. */
async function addHoldsOfJobs(db: Kysely<any>): Promise<void> {
  for (const name of ['job_id', 'path', 'tenant', 'principal_id'])
    await db.schema.alterTable('holds').addColumn(name, 'text').execute();
  for (const name of ['size', 'charged']) await db.schema.alterTable('holds').addColumn(name, 'bigint').execute();
  await db.schema
    .alterTable('holds')
    .addColumn('is_proven', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema.createIndex('holds_of_job').on('holds').column('job_id').execute();
  await db.schema.createIndex('holds_of_owner').on('holds').columns(['tenant', 'principal_id']).execute();
}

/** Several gateways work with the sessions of one database, and take turns. */
async function addTurns(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('sessions').addColumn('holder', 'text').execute();
  await db.schema
    .alterTable('sessions')
    .addColumn('turn', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('recordings')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('recordings_by_end').on('recordings').columns(['expires_at']).execute();
}

/** A session keeps the tier that it was made with. */
async function addSessionTiers(db: Kysely<any>): Promise<void> {
  await db.schema.alterTable('sessions').addColumn('tier', 'text').execute();
}

function sessionRow({ body, id, tenant, principal_id, name, created_at, set_expires_at, size }: any) {
  const { lastActiveAt, idleMs, lifeMs, memoryBytes, ...rest } = JSON.parse(body);
  return {
    ...{ id, tenant, principal_id, name, created_at, size },
    last_active_at: lastActiveAt,
    // A session without its files has ended; later than this it was not used.
    expires_at: set_expires_at ?? lastActiveAt,
    idle_ms: idleMs,
    life_ms: lifeMs,
    memory_bytes: memoryBytes,
    metadata: JSON.stringify(rest.metadata),
    ran: JSON.stringify(rest.ran),
    // Older sessions know of no kernels, folders and workers.
    kernels: JSON.stringify(rest.kernels ?? []),
    folders: JSON.stringify(rest.folders ?? []),
    worker: rest.worker ?? null,
    epoch: rest.epoch ?? 0,
  };
}

// biome-ignore-end lint/suspicious/noExplicitAny: the schema of each step is another one

function refs(names: readonly string[]) {
  return sql.join(names.map((name) => sql.ref(name)));
}
