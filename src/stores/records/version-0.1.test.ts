import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { chargedBytes } from '../../core/index.ts';
import type { Records } from './records.ts';
import { createSqliteRecords } from './sqlite.ts';

/** What version 0.1 wrote; `make.ts` beside it tells how. */
const fixture = new URL('../../../test/fixtures/version-0.1/records.sql', import.meta.url);
const ann = { tenant: 'main', id: 'ann' };
const bob = { tenant: 'main', id: 'bob' };
const sessionId = 'S'.repeat(21);

let path: string;
let old: Record<'sessions' | 'files' | 'api_keys' | 'documents', Record<string, unknown>[]>;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-0.1-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  path = join(directory, 'dragoman.db');
  using database = new DatabaseSync(path);
  database.exec('pragma journal_mode = wal');
  database.exec(await readFile(fixture, 'utf8'));
  const rows = (table: string) => database.prepare(`select * from ${table} order by rowid`).all();
  old = { sessions: rows('sessions'), files: rows('files'), api_keys: rows('api_keys'), documents: rows('documents') };
});

async function started(): Promise<Records> {
  const records = createSqliteRecords({ path, documentBytes: 1000 });
  onTestFinished(() => records.close());
  await records.start();
  return records;
}

it('is taken over with its file sets and files, in their order', async () => {
  const records = await started();
  expect(old.sessions).toHaveLength(4);
  expect(old.files).toHaveLength(6);
  for (const session of old.sessions) {
    const id = String(session.id);
    expect(await records.files.set(id)).toMatchObject({
      id,
      tenant: session.tenant,
      principalId: session.principal_id,
      scope: { kind: session.scope_kind },
      createdAt: session.created_at,
      expiresAt: session.expires_at,
    });
    const files = old.files.filter((file) => file.session_id === id);
    const listed = (await records.files.list(id)).map((file) => file.id);
    expect(listed).toEqual(files.filter(({ superseded }) => superseded === null).map((file) => file.id));
    for (const file of files) {
      expect((await records.files.file(id, String(file.id)))!.file).toEqual({
        id: file.id,
        sessionId: id,
        name: file.name,
        size: file.size,
        digest: file.digest,
        contentType: file.content_type,
        readOnly: file.read_only === 1,
        source: file.source,
        createdAt: file.created_at,
      });
    }
  }
  const skill = old.sessions.find(({ scope_kind: kind }) => kind === 'skill')!;
  expect((await records.files.set(String(skill.id)))!.scope).toEqual({ kind: 'skill', id: 's', version: 3 });
});

it('is taken over with what each owner takes, counted in blocks and files', async () => {
  const records = await started();
  const sum = (owner: string) =>
    old.files
      .filter((file) => old.sessions.find(({ id }) => id === file.session_id)!.principal_id === owner)
      .reduce((bytes, { size }) => bytes + chargedBytes(Number(size)), 0);
  expect(await records.files.stored(ann)).toEqual({ bytes: sum('ann'), files: 5 });
  expect(await records.files.stored(bob)).toEqual({ bytes: sum('bob'), files: 1 });
});

it('is taken over with its contents: they go with their last file and not before', async () => {
  const records = await started();
  expect(await records.contents.claimOrphans(Number.MAX_SAFE_INTEGER)).toEqual({ digests: [], more: false });
  const shared = old.files.filter(({ name }) => name === 'data.csv');
  expect(new Set(shared.map(({ digest }) => digest)).size).toBe(1);
  for (const [index, { session_id: set, id }] of shared.entries()) {
    await records.files.delete(String(set), String(id));
    const { digests } = await records.contents.claimOrphans(0);
    expect(digests).toEqual(index === 0 ? [] : [shared[0]!.digest]);
  }
});

it('is taken over with its revisions: a session goes on to supersede files', async () => {
  const records = await started();
  const [current] = await records.files.list(sessionId);
  const revision = { expiresAt: 3_000_000_000_000, added: [], superseded: [current!.id] };
  await records.files.revise(sessionId, revision);
  expect(await records.files.list(sessionId)).toEqual([]);
  expect(await records.files.file(sessionId, current!.id)).toBeDefined();
  using database = new DatabaseSync(path, { readOnly: true });
  const order = database.prepare('select id from files where set_id = ? order by superseded').all(sessionId);
  expect(order.at(-1)).toEqual({ id: current!.id });
});

it('is taken over with its keys', async () => {
  const records = await started();
  const keys = await records.keys.list();
  expect(
    keys.map(({ id, name, hash, plan, createdAt, revokedAt }) => [id, name, hash, plan, createdAt, revokedAt]),
  ).toEqual(old.api_keys.map((key) => [key.id, key.name, key.hash, key.plan, key.created_at, key.revoked_at]));
  expect(await records.keys.findByHash(keys[0]!.hash)).toEqual(keys[0]);
  expect(keys.every(({ isAdmin }) => !isAdmin)).toBe(true);
});

it('is taken over with its documents, in their order', async () => {
  const records = await started();
  const responses = await records.documents.list('response', ann, { limit: 10, order: 'asc' });
  expect(responses.map(({ id, body }) => [id, body])).toEqual([
    ['resp_1', { text: 'it’s 数据' }],
    ['resp_2', { text: 'later' }],
  ]);
  expect(await records.documents.get('usage', '["2026-11-20","main","ann"]')).toBeUndefined();
  // What they take counts from here on: usage no longer does.
  const more = { kind: 'k', tenant: 'main', principalId: 'ann', name: null, createdAt: 0, expiresAt: 9 };
  await expect(records.documents.put({ ...more, id: 'a', body: 'x'.repeat(998) })).rejects.toThrow(
    'bytes that they may',
  );
  await records.documents.put({ ...more, id: 'b', body: 'x'.repeat(700) });
});

it('is taken over with its sessions, which can be placed on a worker', async () => {
  const records = await started();
  expect(await records.sessions.list(ann, { limit: 10, order: 'asc' })).toEqual([
    {
      id: sessionId,
      tenant: 'main',
      principalId: 'ann',
      createdAt: 1_795_176_000_010,
      name: 'work',
      lastActiveAt: 1_795_176_000_011,
      expiresAt: 2_110_536_000_010,
      idleMs: 60_000,
      lifeMs: 315_360_000_000,
      memoryBytes: 536_870_912,
      metadata: { made: 'by 0.1' },
      ran: ['python'],
      kernels: [],
      folders: [],
      worker: null,
      holder: null,
      turn: 0,
      epoch: 0,
      endsAt: null,
      face: null,
      notes: {},
      plan: null,
      tier: null,
    },
  ]);
  expect(await records.documents.get('session', sessionId)).toBeUndefined();
  expect(await records.sessions.place(sessionId, 0, 'w')).toEqual({ worker: 'w', epoch: 1 });
});

it('is taken over with sessions whose files have expired: they have ended', async () => {
  {
    using database = new DatabaseSync(path);
    database.exec(
      `delete from files where session_id = '${sessionId}'; delete from sessions where id = '${sessionId}'`,
    );
  }
  const records = await started();
  const session = await records.sessions.find(sessionId);
  expect(session).toMatchObject({ name: 'work', lastActiveAt: 1_795_176_000_011, expiresAt: 1_795_176_000_011 });
});

it('is taken over with its usage, which goes on', async () => {
  const records = await started();
  expect(await records.usage.days(ann, '2026-01-01', '2026-12-31')).toEqual([
    { date: '2026-11-20', executions: 2, cpuMs: 30, wallMs: 40, bytesStored: 24, bytesServed: 7 },
    { date: '2026-11-21', executions: 1, cpuMs: 1.5, wallMs: 2.5, bytesStored: 0, bytesServed: 0 },
  ]);
  const none = { cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };
  await records.usage.add([{ owner: bob, date: '2026-11-21', executions: 4, ...none }]);
  expect(await records.usage.days(bob, '2026-11-21', '2026-11-21')).toMatchObject([{ executions: 5 }]);
});

it('is taken over once, also by two processes that start at once', async () => {
  const both = await Promise.all([started(), started()]);
  for (const records of both) expect(await records.files.list(sessionId)).toHaveLength(1);
  await Promise.all(both.map((records) => records.close()));
  expect(await (await started()).files.list(sessionId)).toHaveLength(1);
});

it('is left as it is when its migration fails', async () => {
  {
    using database = new DatabaseSync(path);
    database.exec("update documents set body = 'no JSON' where kind = 'usage'");
  }
  await expect(started()).rejects.toMatchObject({ code: 'storage_unavailable' });
  using database = new DatabaseSync(path, { readOnly: true });
  expect(database.prepare('select count(*) as count from sessions').get()).toEqual({ count: 4 });
  const tables = database.prepare("select name from sqlite_schema where name = 'file_sets'").all();
  expect(tables).toEqual([]);
});
