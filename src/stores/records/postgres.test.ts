import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../../test/support/eventually.ts';
import { type Postgres, query, startPostgres } from '../../../test/support/postgres.ts';
import { newId } from '../../core/index.ts';
import type { Document } from './documents.ts';
import { createPostgresRecords, lockPostgres, shownUrl } from './postgres.ts';

let postgres: Postgres;

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres?.close());

async function started(url: string) {
  const records = createPostgresRecords({ url });
  onTestFinished(() => records.close());
  await records.start();
  return records;
}

const owner = { tenant: 'tenant', id: 'principal' };
function documentLike(fields: Partial<Document> = {}): Document {
  const times = { createdAt: 1, expiresAt: 2 };
  return {
    kind: 'note',
    id: newId(),
    tenant: 'tenant',
    principalId: 'principal',
    name: null,
    ...times,
    body: {},
    ...fields,
  };
}

describe('records in PostgreSQL', () => {
  it('get one schema where several processes start at once', async () => {
    const url = await postgres.newSchema();
    const all = await Promise.all([1, 2, 3].map(() => started(url)));
    await all[0]!.documents.put(documentLike({ id: 'first' }));
    expect(await all[2]!.documents.get('note', 'first')).toBeDefined();
  });

  it('are written by several processes at once: nothing is lost and every sum is right', async () => {
    const url = await postgres.newSchema();
    const [one, other] = [await started(url), await started(url)];
    const documents = Array.from({ length: 120 }, (_, index) => documentLike({ body: { text: 'x'.repeat(index) } }));
    await Promise.all(documents.map((each, index) => (index % 2 ? one : other).documents.put(each)));
    // Half of them are replaced and half of the rest removed, by both at once.
    await Promise.all(documents.slice(0, 60).flatMap((each) => [one, other].map((all) => all.documents.put(each))));
    await Promise.all(
      documents.slice(90).flatMap(({ id }) => [one, other].map((all) => all.documents.delete('note', id))),
    );
    const left = await one.documents.list('note', owner, { order: 'asc', limit: 500 });
    expect(left.map(({ id }) => id).toSorted()).toEqual(
      documents
        .slice(0, 90)
        .map(({ id }) => id)
        .toSorted(),
    );
    const [sum] = await query(url, 'select document_bytes::int as bytes from owners');
    const [sizes] = await query(url, 'select sum(size)::int as bytes from documents');
    expect(sum).toEqual(sizes);
  });

  it('count use by several processes', async () => {
    const url = await postgres.newSchema();
    const all = [await started(url), await started(url)];
    const use = {
      owner,
      date: '2026-01-01',
      executions: 1,
      cpuMs: 0.5,
      wallMs: 1,
      bytesStored: 2 ** 40,
      bytesServed: 0,
    };
    await Promise.all(Array.from({ length: 40 }, (_, index) => all[index % 2]!.usage.add([use])));
    expect(await all[0]!.usage.days(owner, '2026-01-01', '2026-01-02')).toMatchObject([
      { executions: 40, cpuMs: 20, bytesStored: 40 * 2 ** 40 },
    ]);
  });

  it('refuse a text that the database cannot keep, and say why', async () => {
    const records = await started(await postgres.newSchema());
    const put = records.documents.put(documentLike({ name: 'a\0b' }));
    await expect(put).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('NUL') });
    await records.documents.put(documentLike({ id: 'nul', body: { text: 'a\0b' } }));
    expect(await records.documents.get('note', 'nul')).toMatchObject({ body: { text: 'a\0b' } });
  });

  it('answer storage_unavailable while connections break, and work again afterwards', async () => {
    const url = await postgres.newSchema();
    const records = await started(url);
    await records.documents.put(documentLike({ id: 'kept' }));
    await query(
      postgres.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dragoman'`,
    );
    await eventually(async () => expect(await records.documents.get('note', 'kept')).toBeDefined());
  });

  it('leave a database of another program as it is', async () => {
    const url = await postgres.newSchema();
    await query(url, 'create table invoices (id int)');
    const records = createPostgresRecords({ url });
    await expect(records.start()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('another program: it has a table "invoices"'),
    });
    expect(await query(url, 'select tablename from pg_tables where schemaname = current_schema()')).toHaveLength(1);
  });

  it('name the server, without the password, where it cannot be reached', async () => {
    const records = createPostgresRecords({ url: 'postgres://dragoman:secret@127.0.0.1:1/records' });
    const fault = await records.start().catch((error) => error);
    expect(fault).toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringContaining('127.0.0.1:1/records'),
    });
    expect(fault.message).not.toContain('secret');
    expect(shownUrl('postgres://ann:secret@db.example/records?sslmode=require')).toBe(
      'postgres://ann@db.example/records',
    );
  });
});

it('one server at a time has the lock of a database; the next gets it when the first ends', async () => {
  const lock = await lockPostgres(postgres.url);
  await expect(lockPostgres(postgres.url)).rejects.toThrow('another server is using it');
  await lock.release();
  await (await lockPostgres(postgres.url)).release();
});
