import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type FileSet, newId, type StoredFile } from '../../core/index.ts';
import type { Document } from './documents.ts';
import { createSqliteRecords } from './sqlite.ts';

/** The content of every file here. */
const digest = 'd'.repeat(64);
let path: string;

beforeEach(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'dragoman-sqlite-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  path = join(directory, 'data', 'records.db');
});

async function started() {
  const records = createSqliteRecords({ path });
  onTestFinished(() => records.close());
  await records.start();
  await records.contents.hold({ digest, size: 1 }, { id: newId(), expiresAt: Number.MAX_SAFE_INTEGER });
  return records;
}

function setWithFiles(count: number): { session: FileSet; files: StoredFile[] } {
  const id = newId();
  const files = Array.from({ length: count }, (_, index) => ({
    id: newId(),
    sessionId: id,
    name: `${index}.txt`,
    size: index,
    digest,
    contentType: 'text/plain',
    readOnly: false,
    source: 'user' as const,
    createdAt: 1,
  }));
  return {
    session: { id, tenant: 't', principalId: 'p', scope: { kind: 'user' }, createdAt: 1, expiresAt: 2 },
    files,
  };
}

/** Parts of large documents that the database holds. */
function partCount(): number {
  const database = new DatabaseSync(path);
  const { count } = database.prepare('select count(*) as count from document_parts').get() as { count: number };
  database.close();
  return count;
}

async function filled(): Promise<void> {
  const records = await started();
  for (let index = 0; index < 20; index++) {
    const { session, files } = setWithFiles(50);
    await records.files.create(session, files);
  }
  await records.close();
}

describe('parts of large documents', () => {
  const large = (change: Partial<Document> = {}): Document => ({
    ...{ kind: 'k', id: newId(), tenant: 't', principalId: 'p', name: null, createdAt: 1, expiresAt: 5 },
    body: 'x'.repeat(3_000_000),
    ...change,
  });

  it('go with their document: replaced, removed, expired or refused', async () => {
    const records = createSqliteRecords({ path, documentBytes: 7_000_000 });
    onTestFinished(() => records.close());
    await records.start();
    const [one, two] = [large(), large({ expiresAt: 50 })];
    await records.documents.putAll([one, two]);
    const ofOne = partCount() / 2;
    await expect(records.documents.putAll([large(), large()])).rejects.toMatchObject({ code: 'quota_exceeded' });
    expect(partCount()).toBe(2 * ofOne);
    await records.documents.put({ ...one, body: 'small' });
    expect(partCount()).toBe(ofOne);
    await records.documents.put(one);
    await records.documents.delete('k', two.id);
    expect(partCount()).toBe(ofOne);
    await records.documents.deleteExpired(10);
    expect(partCount()).toBe(0);
  });

  it('go when their document was never written, since the process was killed', async () => {
    const records = await started();
    const kept = large({ expiresAt: 50 });
    await records.documents.put(kept);
    const ofOne = partCount();
    const database = new DatabaseSync(path);
    database.exec(`insert into document_parts values ('lost', 0, 0, 'x'), ('young', 0, ${Date.now()}, 'x')`);
    database.exec(`update document_parts set made_at = 0 where set_id <> 'young'`);
    database.close();
    await records.documents.deleteExpired(10);
    expect(partCount()).toBe(ofOne + 1);
    expect(await records.documents.get('k', kept.id)).toEqual(kept);
  });
});

const keyMaker = `
  import { randomBytes } from 'node:crypto';
  import { createSqliteRecords } from '${new URL('./sqlite.ts', import.meta.url).href}';
  const [path, count] = process.argv.slice(1);
  const records = createSqliteRecords({ path });
  await records.start();
  for (let index = 0; index < Number(count); index++) {
    const hash = randomBytes(32).toString('hex');
    await records.keys.create({ id: hash.slice(0, 21), name: hash, hash, isAdmin: false, createdAt: index, revokedAt: null });
    console.log(hash);
  }
  await records.close();
`;

/** Creates keys in another process; resolves with their hashes. */
async function createKeysElsewhere(count: number): Promise<string[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', keyMaker, path, String(count)],
    { timeout: 15_000 },
  );
  return stdout.trim().split('\n');
}

/** `start` rejects with the file and the reason, and leaves the file as it is. */
async function expectRefusal(reason: string): Promise<void> {
  const before = await readFile(path);
  for (let attempt = 0; attempt < 2; attempt++) {
    await expect(createSqliteRecords({ path }).start()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringMatching(new RegExp(`^The database ${path} cannot be used: .*${reason}`)),
    });
  }
  expect((await readFile(path)).equals(before)).toBe(true);
}

describe('the file', () => {
  it('can be read by its owner alone, and so can its journal', async () => {
    const records = await started();
    const { session, files } = setWithFiles(1);
    await records.files.create(session, files);
    for (const suffix of ['', '-wal', '-shm']) {
      expect(((await stat(path + suffix)).mode & 0o777).toString(8)).toBe('600');
    }
  });

  it('keeps its records from one start to the next', async () => {
    const { session, files } = setWithFiles(3);
    const key = {
      id: newId(),
      name: 'ci',
      hash: 'a'.repeat(64),
      plan: null,
      isAdmin: false,
      createdAt: 1,
      revokedAt: null,
    };
    const first = await started();
    await first.files.create(session, files);
    await first.keys.create(key);
    await first.close();
    const second = await started();
    expect(await second.files.set(session.id)).toEqual(session);
    expect(await second.files.list(session.id)).toEqual(files);
    expect(await second.keys.list()).toEqual([key]);
  });

  it.each([
    ['the first key, the one that the first start made', ['default', 'app'], ['default']],
    ['no key where the first has another name', ['app', 'default'], []],
  ])('gives the right admin to %s, when it is from before rights', async (_, names, admins) => {
    const before = await started();
    for (const [createdAt, name] of names.entries())
      await before.keys.create({
        ...{ id: newId(), name, hash: name.padEnd(64, '0'), plan: null, isAdmin: false },
        ...{ createdAt, revokedAt: null },
      });
    await before.close();
    using database = new DatabaseSync(path);
    const holds = ['job_id', 'path', 'tenant', 'principal_id', 'size', 'charged', 'is_proven'].map(
      (column) => `alter table holds drop column ${column};`,
    );
    const later = ['ends_at', 'face', 'notes', 'plan', 'holder', 'turn', 'tier'].map(
      (column) => `alter table sessions drop column ${column};`,
    );
    database.exec(
      `drop index holds_of_job; drop index holds_of_owner; ${holds.join('')}
        drop table kernel_states; drop table recordings; alter table api_keys drop column is_admin; drop index sessions_of_face; ${later.join('')}
      delete from kysely_migration where name >= '14-key-rights'`,
    );
    database.close();
    const keys = await (await started()).keys.list();
    expect(keys.filter(({ isAdmin }) => isAdmin).map(({ name }) => name)).toEqual(admins);
  });

  it('takes documents of an owner up to a size together, and remembers how many they are', async () => {
    const open = async () => {
      const records = createSqliteRecords({ path, documentBytes: 1000 });
      onTestFinished(() => records.close());
      await records.start();
      return records;
    };
    const owner = { tenant: 't', principalId: 'p' };
    const document = (id: string, size: number, more: Partial<Document> = {}) => ({
      ...{ kind: 'k', id, ...owner, name: null, createdAt: 1, expiresAt: 100 },
      // Two bytes are the quotation marks.
      body: 'x'.repeat(size - 2),
      ...more,
    });
    const first = await open();
    await first.documents.putAll([document('a', 400), document('b', 500, { expiresAt: 10 })]);
    const refused = { code: 'quota_exceeded', message: expect.stringContaining('900 of 1000 bytes') };
    await expect(first.documents.put(document('c', 101))).rejects.toMatchObject(refused);
    await expect(first.documents.putAll([document('c', 50), document('d', 51)])).rejects.toMatchObject({
      code: 'quota_exceeded',
    });
    expect(await first.documents.get('k', 'c')).toBeUndefined();
    await first.documents.put(document('c', 900, { tenant: 'other' }));
    await first.documents.put(document('essential', 50, { essential: true }));
    // One that is replaced makes room for itself; one that shrinks is never refused.
    await first.documents.put(document('a', 450));
    await first.close();
    const second = await open();
    await expect(second.documents.put(document('e', 10))).rejects.toMatchObject({ code: 'quota_exceeded' });
    await second.documents.put(document('a', 440));
    await second.documents.put(document('e', 10));
    expect(await second.documents.deleteExpired(50)).toBe(1);
    await second.documents.put(document('f', 500));
    await expect(second.documents.put(document('g', 10))).rejects.toMatchObject({ code: 'quota_exceeded' });
    for (let time = 0; time < 2; time++) await second.documents.delete('k', 'f');
    await second.documents.put(document('g', 500));
    await expect(second.documents.put(document('h', 10))).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('holds everything that was acknowledged, also when it is never closed', async () => {
    const { session, files } = setWithFiles(3);
    await (await started()).files.create(session, files);
    for (const suffix of ['', '-wal']) await copyFile(path + suffix, `${path}.copy${suffix}`);
    const copy = createSqliteRecords({ path: `${path}.copy` });
    onTestFinished(() => copy.close());
    await copy.start();
    expect(await copy.files.list(session.id)).toEqual(files);
  });

  it('may be opened and written by several processes at once: the server and the command line', async () => {
    const commandLines = Promise.all([20, 30].map((count) => createKeysElsewhere(count)));
    const server = await started();
    const sessions = Array.from({ length: 200 }, () => setWithFiles(2));
    for (const { session, files } of sessions) {
      await server.files.create(session, files);
      await setImmediate();
    }
    const hashes = (await commandLines).flat();
    for (const { session, files } of sessions) expect(await server.files.list(session.id)).toEqual(files);
    expect(hashes).toHaveLength(50);
    for (const hash of hashes) expect(await server.keys.findByHash(hash)).toMatchObject({ hash });
  });

  it('tells at once that a content is due where this process made it so, and within ten seconds where another one did', async () => {
    const [ours, theirs] = [await started(), createSqliteRecords({ path })];
    onTestFinished(() => theirs.close());
    await theirs.start();
    const hold = { id: newId(), expiresAt: 5_000 };
    await ours.contents.hold({ digest: 'e'.repeat(64), size: 1 }, hold);
    expect(await ours.contents.areDue(1_000)).toBe(false);
    expect(await ours.contents.areDue(5_000)).toBe(true);
    await ours.contents.release([hold.id], 1_000);
    expect(await ours.contents.areDue(1_000)).toBe(true);
    await ours.contents.forget((await ours.contents.claimOrphans(1_000)).digests);
    expect(await ours.contents.areDue(1_000)).toBe(false);
    await theirs.contents.hold({ digest: 'f'.repeat(64), size: 1 }, hold);
    await theirs.contents.release([hold.id], 1_000);
    expect(await ours.contents.areDue(11_000)).toBe(true);
  });

  it('takes sessions of any number of files, one after another', async () => {
    const records = await started();
    for (let count = 0; count < 110; count++) {
      const { session, files } = setWithFiles(count);
      await records.files.create(session, files);
      expect(await records.files.list(session.id)).toEqual(files);
    }
  });
});

describe('a database that cannot be used', () => {
  it('is refused when it is no database', async () => {
    await (await started()).close();
    await writeFile(path, 'This is a letter, not a database. '.repeat(400));
    await expectRefusal('file is not a database');
  });

  it('is refused when it is damaged', async () => {
    await filled();
    const { size } = await stat(path);
    const handle = await open(path, 'r+');
    await handle.write(Buffer.alloc(20_000, 0x5a), 0, 20_000, Math.floor(size / 2 / 4096) * 4096);
    await handle.close();
    await expectRefusal('');
  });

  it('is refused when its end is missing', async () => {
    await filled();
    const { size } = await stat(path);
    const handle = await open(path, 'r+');
    await handle.truncate(Math.floor(size / 3));
    await handle.close();
    await expectRefusal('');
  });

  it('is refused when a newer version wrote it', async () => {
    await (await started()).close();
    const database = new DatabaseSync(path);
    database.exec("insert into kysely_migration values ('99-from-the-future', '')");
    database.close();
    await expectRefusal('newer version, whose schema has "99-from-the-future" as step ');
  });

  it('is refused when it belongs to another program', async () => {
    await (await started()).close();
    await rm(path);
    const database = new DatabaseSync(path);
    database.exec('pragma journal_mode = wal; create table sessions (other text)');
    database.close();
    await expectRefusal('belongs to another program: it has a table "sessions"');
  });

  it('is refused when its path is no file', async () => {
    await writeFile(join(path, '..', '..', 'file'), '');
    for (const wrong of [join(path, '..', '..'), join(path, '..', '..', 'file', 'records.db')]) {
      await expect(createSqliteRecords({ path: wrong }).start()).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.stringContaining(wrong),
      });
    }
  });

  it('is an empty one when the file is empty: a process was killed before it wrote anything', async () => {
    await (await started()).close();
    await writeFile(path, '');
    expect(await (await started()).keys.list()).toEqual([]);
  });
});

describe('faults', () => {
  it('are storage_unavailable before start and after close', async () => {
    const records = createSqliteRecords({ path });
    await expect(records.keys.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
    await records.start();
    await records.close();
    await records.close();
    await expect(records.keys.list()).rejects.toMatchObject({ code: 'storage_unavailable' });
  });

  it('are storage_unavailable when another process keeps the database locked, and pass', async () => {
    const records = await started();
    const other = new DatabaseSync(path);
    other.exec('begin immediate');
    const { session, files } = setWithFiles(1);
    await expect(records.files.create(session, files)).rejects.toMatchObject({
      code: 'storage_unavailable',
      cause: { message: expect.stringContaining('locked') },
    });
    expect(await records.files.set(session.id)).toBeUndefined();
    other.exec('rollback');
    other.close();
    await records.files.create(session, files);
    expect(await records.files.list(session.id)).toEqual(files);
  });

  it('refuse files of a session that does not exist', async () => {
    const records = await started();
    const [{ session }, { files }] = [setWithFiles(0), setWithFiles(1)];
    await expect(records.files.create(session, files)).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(await records.files.set(session.id)).toBeUndefined();
  });
});
