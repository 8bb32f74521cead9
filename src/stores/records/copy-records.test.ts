import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Postgres, query, startPostgres } from '../../../test/support/postgres.ts';
import { newId } from '../../core/index.ts';
import { copiedTables, copyRecords, recordedContents } from './copy-records.ts';
import { createPostgresRecords } from './postgres.ts';
import type { Records } from './records.ts';
import type { SqlRecords } from './sql-records.ts';
import { createSqliteRecords } from './sqlite.ts';

let postgres: Postgres;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres?.close());

async function started(records: Records) {
  onTestFinished(() => records.close());
  await records.start();
  return records;
}
const onPostgres = async () => started(createPostgresRecords({ url: await postgres.newSchema() }));
const inMemory = () => started(createSqliteRecords({ path: ':memory:' }));

const owner = { tenant: 't', id: 'p' };
const times = { createdAt: 1, expiresAt: 2 ** 45 };
const mine = { tenant: 't', principalId: 'p' };
const digest = (index: number) => index.toString(16).padStart(64, '0');

/** Records with rows in every table, more than one step of some. */
async function fill(records: Records): Promise<void> {
  for (let index = 0; index < 60; index++) {
    const set = { id: `set-${index}`, ...mine, scope: { kind: 'user' as const }, ...times };
    const file = { id: `file-${index}`, sessionId: set.id, name: `é-${index}.txt`, size: index, digest: digest(index) };
    await records.contents.hold({ digest: file.digest, size: index }, { id: file.id, expiresAt: 5 });
    const rest = { contentType: 'text/plain', readOnly: index % 2 === 0, source: 'user' as const, createdAt: 1 };
    await records.files.create(set, [{ ...file, ...rest }], undefined, { id: newId(), until: set.expiresAt });
  }
  await records.contents.hold({ digest: digest(99), size: 1 }, { id: newId(), expiresAt: 5 });
  for (let index = 0; index < 45; index++) {
    const body = { index, text: index === 7 ? 'x'.repeat(3_000_000) : '数据' };
    await records.documents.put({ kind: 'note', id: `note-${index}`, ...mine, name: null, ...times, body });
  }
  await records.keys.create({
    id: 'k',
    name: 'key',
    hash: 'h',
    plan: null,
    isAdmin: true,
    createdAt: 1,
    revokedAt: null,
  });
  await records.usage.add([
    { owner, date: '2026-01-01', executions: 1, cpuMs: 0.25, wallMs: 2, bytesStored: 2 ** 40, bytesServed: 0 },
  ]);
  await records.sessions.create({
    id: 'session',
    ...mine,
    ...times,
    name: 'named',
    lastActiveAt: 1,
    idleMs: 1,
    lifeMs: 2,
    memoryBytes: 3,
    metadata: { a: 'b' },
    ran: ['python'],
    kernels: [],
    folders: ['out'],
    worker: null,
    epoch: 4,
    holder: null,
    turn: 0,
    endsAt: null,
    face: null,
    notes: { a: 1 },
    plan: null,
    tier: null,
  });
  const state = { kernel: 'python', setId: 'state-1', digest: digest(1), size: 1, savedAt: 2, execution: null };
  const set = { id: state.setId, ...mine, scope: { kind: 'user' as const }, ...times };
  await records.states.save(
    { id: 'session', epoch: 4 },
    { ...state, bytes: 2 ** 40, variables: 3, isBehind: true, failures: 1 },
    { set, files: [], quota: { bytes: 2 ** 45, files: 1000 } },
  );
}

/** All that the records hold, without what a database counts itself. */
async function dump(records: Records): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const { name, key } of copiedTables) {
    all[name] = await (records as SqlRecords).database.use(async (db) => {
      let rows = db.selectFrom(name).selectAll();
      for (const column of key) rows = rows.orderBy(column as never);
      return (await rows.execute()).map(({ serial: _, ...row }: Record<string, unknown>) => row);
    });
  }
  return all;
}

describe('copied records', () => {
  it('are the same in the other database, and after the way back', async () => {
    const [first, second, third] = [await inMemory(), await onPostgres(), await inMemory()];
    await fill(first);
    const before = await dump(first);
    for (const [table, rows] of Object.entries(before)) expect(rows, table).not.toHaveLength(0);
    const counts = await copyRecords(first, second, () => {});
    expect(counts).toMatchObject({ file_sets: 62, files: 60, documents: 45, contents: 61 });
    expect(await dump(second)).toEqual(before);
    await copyRecords(second, third, () => {});
    expect(await dump(third)).toEqual(before);
    expect(await second.documents.get('note', 'note-7')).toEqual(await first.documents.get('note', 'note-7'));
    expect(await Array.fromAsync(recordedContents(second))).toHaveLength(61);
    // It counts on from there.
    await second.documents.put({ kind: 'note', id: 'later', ...mine, name: null, ...times, body: {} });
    const [last] = await second.documents.list('note', owner, { order: 'desc', limit: 1 });
    expect(last).toMatchObject({ id: 'later' });
  });

  it('are not put among others', async () => {
    const [first, second] = [await inMemory(), await onPostgres()];
    await fill(first);
    await second.documents.put({ kind: 'note', id: 'there', ...mine, name: null, ...times, body: {} });
    await expect(copyRecords(first, second, () => {})).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('not empty'),
    });
    expect(await second.documents.list('note', owner, { order: 'asc', limit: 5 })).toHaveLength(1);
  });

  it('are those of every table', async () => {
    const url = await postgres.newSchema();
    await started(createPostgresRecords({ url }));
    const tables = await query(url, 'select tablename from pg_tables where schemaname = current_schema()');
    const own = tables.map(({ tablename }) => String(tablename)).filter((name) => !name.startsWith('kysely_'));
    expect(own.toSorted()).toEqual([...copiedTables.map(({ name }) => name), 'leases'].toSorted());
  });
});
