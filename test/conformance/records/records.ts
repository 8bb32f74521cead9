import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileScope, type FileSet, newId, type StoredFile } from '../../../src/core/index.ts';
import type { Document, KeyRecord, Records } from '../../../src/stores/index.ts';
import { keptSuperseded } from '../../../src/stores/records/file-records.ts';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

function sessionLike(fields: Partial<FileSet> = {}): FileSet {
  return {
    id: newId(),
    tenant: 'tenant',
    principalId: 'principal',
    scope: { kind: 'user' },
    createdAt: 1_700_000_000_000,
    expiresAt: 1_700_086_400_000,
    ...fields,
  };
}

function fileLike(session: FileSet, fields: Partial<StoredFile> = {}): StoredFile {
  return {
    id: newId(),
    sessionId: session.id,
    name: 'plots/figure.png',
    size: 12,
    digest: digestOf('content'),
    contentType: 'image/png',
    readOnly: false,
    source: 'user' as const,
    createdAt: 1_700_000_000_001,
    ...fields,
  };
}

function keyLike(fields: Partial<KeyRecord> = {}): KeyRecord {
  const id = newId();
  const createdAt = 1_700_000_000_000;
  return { id, name: `name-${id}`, hash: digestOf(id), plan: null, createdAt, revokedAt: null, ...fields };
}

function documentLike(fields: Partial<Document> = {}): Document {
  return {
    kind: 'response',
    id: newId(),
    tenant: 'tenant',
    principalId: 'principal',
    name: null,
    createdAt: 1_700_000_000_000,
    expiresAt: 1_700_086_400_000,
    body: { text: "it's 数据", list: [1, null, true], nested: { '': -0.5 } },
    ...fields,
  };
}

/** What every records keeps to. `make` returns a new, empty records that has not been started. */
export function describeRecords(name: string, make: () => Promise<Records>): void {
  describe(`records: ${name}`, () => {
    let records: Records;

    beforeEach(async () => {
      records = await make();
      await records.start();
    });

    afterEach(async () => {
      await records.close();
    });

    describe('what an owner has stored', () => {
      const owner = { tenant: 'tenant', id: 'principal' };
      const refused = { code: 'quota_exceeded' };

      it('is the sum of its files, also as sessions change, go and expire', async () => {
        const [session, brief] = [sessionLike(), sessionLike({ expiresAt: 1 })];
        const elsewhere = [sessionLike({ principalId: 'other' }), sessionLike({ tenant: 'other' })];
        for (const each of elsewhere) await records.files.create(each, [fileLike(each, { size: 1 })]);
        expect(await records.files.storedBytes(owner)).toBe(0);
        const first = fileLike(session, { size: 10 });
        await records.files.create(session, [first, fileLike(session, { size: 200 })]);
        await records.files.create(brief, [fileLike(brief, { size: 3000 })]);
        expect(await records.files.storedBytes(owner)).toBe(3210);
        const revision = { expiresAt: session.expiresAt, added: [fileLike(session, { size: 40_000 })] };
        await records.files.revise(session.id, { ...revision, superseded: [first.id] });
        expect(await records.files.storedBytes(owner)).toBe(43_210);
        expect(await records.files.deleteExpired(2)).toBe(1);
        expect(await records.files.storedBytes(owner)).toBe(40_210);
        for (let time = 0; time < 2; time++) await records.files.delete(session.id, first.id);
        expect(await records.files.storedBytes(owner)).toBe(40_200);
        for (let time = 0; time < 2; time++) await records.files.deleteSet(session.id);
        expect(await records.files.storedBytes(owner)).toBe(0);
        for (const { tenant, principalId: id } of elsewhere)
          expect(await records.files.storedBytes({ tenant, id })).toBe(1);
      });

      it('falls when superseded files are more than are kept', async () => {
        const session = sessionLike();
        const files = Array.from({ length: keptSuperseded + 5 }, () => fileLike(session, { size: 2 }));
        await records.files.create(session, files);
        const superseded = files.map(({ id }) => id);
        await records.files.revise(session.id, { expiresAt: session.expiresAt, added: [], superseded });
        expect(await records.files.storedBytes(owner)).toBe(2 * keptSuperseded);
      });

      it('never grows beyond a quota, and what is refused leaves nothing', async () => {
        const session = sessionLike();
        const files = [fileLike(session, { size: 60 }), fileLike(session, { size: 41 })];
        await expect(records.files.create(session, files, 100)).rejects.toMatchObject(refused);
        expect(await records.files.set(session.id)).toBeUndefined();
        await records.files.create(session, [files[0]!], 60);
        const { expiresAt } = session;
        const revision = { expiresAt: expiresAt + 1, added: [files[1]!], superseded: [], quotaBytes: 100 };
        await expect(records.files.revise(session.id, revision)).rejects.toMatchObject(refused);
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.list(session.id)).toEqual([files[0]]);
        expect(await records.files.storedBytes(owner)).toBe(60);
      });

      it('lets no two that come at once share the last of a quota', async () => {
        const sessions = Array.from({ length: 8 }, () => sessionLike());
        const ends = await Promise.allSettled(
          sessions.map((session) => records.files.create(session, [fileLike(session, { size: 30 })], 100)),
        );
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
        expect(await records.files.storedBytes(owner)).toBe(90);
      });

      it('may shrink while it is above a quota that was lowered', async () => {
        const session = sessionLike();
        const files = [fileLike(session, { size: 60 }), fileLike(session, { size: 40 })];
        await records.files.create(session, files);
        const superseded = [files[0]!.id];
        const revision = { expiresAt: session.expiresAt, added: [], superseded, quotaBytes: 10 };
        await records.files.revise(session.id, revision);
        expect(await records.files.list(session.id)).toEqual([files[1]]);
      });
    });

    describe('a session whose workspace changes', () => {
      it('lists what is there now, and still finds what was', async () => {
        const session = sessionLike();
        const [old, kept] = [fileLike(session, { name: 'a.csv' }), fileLike(session, { name: 'b.csv' })];
        await records.files.create(session, [old, kept]);
        const next = fileLike(session, { name: 'a.csv', digest: digestOf('next') });
        const expiresAt = session.expiresAt + 1;
        await records.files.revise(session.id, { expiresAt, added: [next], superseded: [old.id] });
        expect(await records.files.list(session.id)).toEqual([kept, next]);
        const changed = { ...session, expiresAt };
        expect(await records.files.file(session.id, old.id)).toEqual({ set: changed, file: old });
        expect(await records.files.isReferenced(old.digest)).toBe(true);
      });

      it('keeps so many of the files that were', async () => {
        const session = sessionLike();
        const files = Array.from({ length: 450 }, () => fileLike(session));
        await records.files.create(session, files.slice(0, 150));
        const { expiresAt } = session;
        for (const from of [0, 150, 300]) {
          const superseded = files.slice(from, from + 150).map(({ id }) => id);
          await records.files.revise(session.id, {
            expiresAt,
            added: files.slice(from + 150, from + 300),
            superseded,
          });
        }
        const found = await Promise.all(files.map(({ id }) => records.files.file(session.id, id)));
        expect(found.map((each) => each !== undefined)).toEqual(files.map((_, index) => index >= 250));
        expect(await records.files.list(session.id)).toEqual([]);
      });

      it('changes nothing when it is gone or an id is taken', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await records.files.create(session, [file]);
        const revision = { expiresAt: 1, added: [fileLike(session), file], superseded: [file.id] };
        await expect(records.files.revise(session.id, revision)).rejects.toMatchObject({ code: 'internal' });
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
        expect(await records.files.list(session.id)).toEqual([file]);
        expect(await records.files.deleteSet(session.id)).toBe(true);
        expect(await records.files.deleteSet(session.id)).toBe(false);
        expect(await records.files.file(session.id, file.id)).toBeUndefined();
        await expect(records.files.revise(session.id, revision)).rejects.toMatchObject({ code: 'not_found' });
      });
    });

    describe('documents', () => {
      const owner = { tenant: 'tenant', id: 'principal' };

      it('are given back as they were written, by kind and id', async () => {
        const document = documentLike({ name: "a 'name'" });
        await records.documents.put(document);
        await records.documents.put({ ...document, kind: 'other', body: 'text' });
        expect(await records.documents.get('response', document.id)).toEqual(document);
        expect(await records.documents.get('other', document.id)).toEqual({
          ...document,
          kind: 'other',
          body: 'text',
        });
        expect(await records.documents.delete('response', document.id)).toBe(true);
        expect(await records.documents.delete('response', document.id)).toBe(false);
        expect(await records.documents.get('response', document.id)).toBeUndefined();
        expect(await records.documents.get('other', document.id)).toBeDefined();
      });

      it('are listed by owner in the order of their creation, page by page', async () => {
        const documents = Array.from({ length: 5 }, (_, index) => documentLike({ name: index % 2 ? 'odd' : 'even' }));
        const foreign = [{ tenant: 'other' }, { principalId: 'other' }, { kind: 'other' }].map(documentLike);
        for (const document of [...documents, ...foreign]) await records.documents.put(document);
        // Replacing one does not move it.
        const first = { ...documents[0]!, body: 'new' };
        await records.documents.put({ ...first, createdAt: 1 });
        const all = [first, ...documents.slice(1)];
        const list = (page: object) => records.documents.list('response', owner, { limit: 10, order: 'asc', ...page });
        expect(await list({})).toEqual(all);
        expect(await list({ order: 'desc' })).toEqual(all.toReversed());
        expect(await list({ limit: 2, after: all[1]!.id })).toEqual(all.slice(2, 4));
        expect(await list({ limit: 2, after: all[1]!.id, order: 'desc' })).toEqual([all[0]]);
        expect(await list({ name: 'odd' })).toEqual([all[1], all[3]]);
        expect(await list({ name: 'odd', after: all[2]!.id })).toEqual([all[3]]);
        expect(await list({ after: newId() })).toEqual([]);
      });

      it('are written together or not at all', async () => {
        const [one, two] = [documentLike(), documentLike()];
        await records.documents.putAll([one, two]);
        expect(await records.documents.get('response', two.id)).toEqual(two);
      });

      it('go when they have expired', async () => {
        const [old, young] = [documentLike({ expiresAt: 10 }), documentLike({ expiresAt: 20 })];
        await records.documents.put(old);
        await records.documents.put(young);
        expect(await records.documents.deleteExpired(20)).toBe(1);
        expect(await records.documents.get('response', old.id)).toBeUndefined();
        expect(await records.documents.get('response', young.id)).toEqual(young);
      });
    });

    describe('sessions and files', () => {
      const scopes: FileScope[] = [
        { kind: 'user' },
        { kind: 'agent', id: 'agent_1' },
        { kind: 'skill', id: 'skill_1', version: 0 },
        { kind: 'skill', id: 'skill_1', version: 7 },
      ];

      it.each(scopes)('gives back a session as it was recorded, with scope %j', async (scope) => {
        const session = sessionLike({ scope });
        await records.files.create(session, []);
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.list(session.id)).toEqual([]);
      });

      it('gives back a file as it was recorded, with its session', async () => {
        const session = sessionLike();
        const file = fileLike(session, { readOnly: true, source: 'program' });
        await records.files.create(session, [file, fileLike(session)]);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it('keeps large sizes and far times exactly', async () => {
        const session = sessionLike({ createdAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
        const file = fileLike(session, { size: 2 ** 42 + 1, createdAt: Number.MAX_SAFE_INTEGER - 1 });
        await records.files.create(session, [file]);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it.each([
        'résumé.csv',
        'e\u0301te\u0301.txt',
        '数据/报告 (最终).xlsx',
        '🐉/👩‍👩‍👧.png',
        'שלום.txt',
        `it's "quoted"; drop table files; --.txt`,
        ' leading and trailing ',
        '%_?$1:name',
        'x'.repeat(255),
      ])('keeps the name %j exactly', async (fileName) => {
        const session = sessionLike({
          tenant: fileName,
          principalId: fileName,
          scope: { kind: 'agent', id: fileName },
        });
        const file = fileLike(session, { name: fileName, contentType: `text/plain; x="${fileName}"` });
        await records.files.create(session, [file]);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it('keeps names apart that differ in case or normal form, and equal names of different files', async () => {
        const session = sessionLike();
        const names = ['a.txt', 'A.txt', 'a.txt', '\u00e9', 'e\u0301'];
        await records.files.create(
          session,
          names.map((fileName) => fileLike(session, { name: fileName })),
        );
        expect((await records.files.list(session.id)).map((file) => file.name)).toEqual(names);
      });

      it.each([1, 2, 99, 100, 101, 1234])('lists %i files in the order they were recorded', async (count) => {
        const session = sessionLike();
        const files = Array.from({ length: count }, (_, index) =>
          fileLike(session, { name: `${(index * 7919) % count}`, createdAt: count - index, size: index }),
        );
        await records.files.create(session, files);
        expect(await records.files.list(session.id)).toEqual(files);
      });

      it('keeps sessions apart', async () => {
        const sessions = [sessionLike(), sessionLike(), sessionLike()];
        const sharedId = newId();
        const files = sessions.map((session, index) => fileLike(session, { id: sharedId, name: `${index}` }));
        for (const [index, session] of sessions.entries()) await records.files.create(session, [files[index]!]);
        for (const [index, session] of sessions.entries()) {
          expect(await records.files.list(session.id)).toEqual([files[index]]);
          expect(await records.files.file(session.id, sharedId)).toEqual({ set: session, file: files[index] });
        }
      });

      it('finds nothing under ids that do not exist', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await records.files.create(session, [file]);
        expect(await records.files.set(newId())).toBeUndefined();
        expect(await records.files.set(file.id)).toBeUndefined();
        expect(await records.files.set(session.id.toLowerCase().replace(/./, '#'))).toBeUndefined();
        expect(await records.files.file(session.id, newId())).toBeUndefined();
        expect(await records.files.file(newId(), file.id)).toBeUndefined();
        expect(await records.files.list(newId())).toEqual([]);
      });

      it('takes ids as they are, upper and lower case apart', async () => {
        const [lower, upper] = [sessionLike({ id: 'a'.repeat(21) }), sessionLike({ id: 'A'.repeat(21) })];
        await records.files.create(lower, []);
        expect(await records.files.set(upper.id)).toBeUndefined();
        await records.files.create(upper, []);
        expect(await records.files.set(lower.id)).toEqual(lower);
      });

      it('records nothing when a session with this id exists', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await records.files.create(session, [file]);
        const intruder = sessionLike({ id: session.id, tenant: 'another' });
        await expect(
          records.files.create(intruder, [fileLike(session, { digest: digestOf('lost') })]),
        ).rejects.toMatchObject({ code: 'internal' });
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.list(session.id)).toEqual([file]);
        expect(await records.files.isReferenced(digestOf('lost'))).toBe(false);
      });

      it('records nothing when one of many files cannot be', async () => {
        const session = sessionLike();
        const files = Array.from({ length: 250 }, () => fileLike(session));
        await expect(records.files.create(session, [...files, files[3]!])).rejects.toMatchObject({
          code: 'internal',
        });
        expect(await records.files.set(session.id)).toBeUndefined();
        expect(await records.files.list(session.id)).toEqual([]);
        expect(await records.files.isReferenced(digestOf('content'))).toBe(false);
        await records.files.create(session, files);
        expect(await records.files.list(session.id)).toEqual(files);
      });

      it('records many sessions at once, and reads meanwhile', async () => {
        const sessions = Array.from({ length: 50 }, () => sessionLike());
        await Promise.all(
          sessions.map(async (session) => {
            const file = fileLike(session);
            await records.files.create(session, [file]);
            expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
          }),
        );
      });

      it('lets one of two equal sessions win that are recorded at once', async () => {
        const session = sessionLike();
        const outcomes = await Promise.allSettled([
          records.files.create(session, [fileLike(session)]),
          records.files.create(session, [fileLike(session)]),
        ]);
        expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect(await records.files.list(session.id)).toHaveLength(1);
      });
    });

    describe('deleteFile', () => {
      it('removes one file and leaves its session and the others in order', async () => {
        const session = sessionLike();
        const files = [fileLike(session), fileLike(session), fileLike(session)];
        await records.files.create(session, files);
        expect(await records.files.delete(session.id, files[1]!.id)).toBe(true);
        expect(await records.files.file(session.id, files[1]!.id)).toBeUndefined();
        expect(await records.files.list(session.id)).toEqual([files[0], files[2]]);
        expect(await records.files.set(session.id)).toEqual(session);
      });

      it('tells when there is no such file', async () => {
        const [session, other] = [sessionLike(), sessionLike()];
        const file = fileLike(session);
        await records.files.create(session, [file]);
        await records.files.create(other, []);
        expect(await records.files.delete(other.id, file.id)).toBe(false);
        expect(await records.files.delete(newId(), file.id)).toBe(false);
        expect(await records.files.delete(session.id, newId())).toBe(false);
        expect(await records.files.delete(session.id, file.id)).toBe(true);
        expect(await records.files.delete(session.id, file.id)).toBe(false);
      });

      it('says yes to one of two that ask at once', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await records.files.create(session, [file]);
        const answers = await Promise.all([
          records.files.delete(session.id, file.id),
          records.files.delete(session.id, file.id),
        ]);
        expect(answers.toSorted()).toEqual([false, true]);
      });
    });

    describe('deleteExpired', () => {
      it('removes sessions that expired before the moment, not at it, with their files', async () => {
        const now = 1_700_000_000_000;
        const [before, at, after] = [now - 1, now, now + 1].map((expiresAt) => sessionLike({ expiresAt }));
        for (const session of [before!, at!, after!]) {
          await records.files.create(session, [fileLike(session, { digest: digestOf(session.id) }), fileLike(session)]);
        }
        expect(await records.files.deleteExpired(now)).toBe(1);
        expect(await records.files.set(before!.id)).toBeUndefined();
        expect(await records.files.list(before!.id)).toEqual([]);
        expect(await records.files.isReferenced(digestOf(before!.id))).toBe(false);
        expect(await records.files.list(at!.id)).toHaveLength(2);
        expect(await records.files.list(after!.id)).toHaveLength(2);
        expect(await records.files.deleteExpired(now)).toBe(0);
      });

      it('leaves expired sessions readable until then', async () => {
        const session = sessionLike({ createdAt: 0, expiresAt: 1 });
        const file = fileLike(session);
        await records.files.create(session, [file]);
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it.each([50, 51, 120])('removes %i sessions', async (count) => {
        for (let index = 0; index < count; index++) {
          const session = sessionLike({ expiresAt: index });
          await records.files.create(session, [fileLike(session)]);
        }
        expect(await records.files.deleteExpired(count)).toBe(count);
        expect(await records.files.isReferenced(digestOf('content'))).toBe(false);
      });
    });

    describe('isReferenced', () => {
      it('is true as long as any file of any session has these bytes', async () => {
        const digest = digestOf('shared');
        const sessions = [sessionLike({ expiresAt: 1 }), sessionLike()];
        const files = sessions.map((session) => fileLike(session, { digest }));
        expect(await records.files.isReferenced(digest)).toBe(false);
        for (const [index, session] of sessions.entries()) await records.files.create(session, [files[index]!]);
        expect(await records.files.isReferenced(digest)).toBe(true);
        await records.files.deleteExpired(2);
        expect(await records.files.isReferenced(digest)).toBe(true);
        await records.files.delete(sessions[1]!.id, files[1]!.id);
        expect(await records.files.isReferenced(digest)).toBe(false);
      });
    });

    describe('keys', () => {
      it('finds a key by its hash and by nothing else', async () => {
        const key = keyLike({ name: 'Ключ 🔑' });
        await records.keys.create(key);
        expect(await records.keys.findByHash(key.hash)).toEqual(key);
        expect(await records.keys.findByHash(key.hash.toUpperCase())).toBeUndefined();
        expect(await records.keys.findByHash(digestOf('another'))).toBeUndefined();
        expect(await records.keys.findByHash('')).toBeUndefined();
        expect(await records.keys.findByHash(key.id)).toBeUndefined();
      });

      it('lists all keys, revoked ones too, oldest first', async () => {
        expect(await records.keys.list()).toEqual([]);
        const [first, second, third] = [1, 2, 3].map((createdAt) => keyLike({ createdAt }));
        for (const key of [second!, third!, first!]) await records.keys.create(key);
        await records.keys.revoke(second!.id, 9);
        expect(await records.keys.list()).toEqual([first, { ...second, revokedAt: 9 }, third]);
      });

      it('never has two keys with one hash, not even when one is revoked', async () => {
        const key = keyLike();
        await records.keys.create(key);
        await expect(records.keys.create(keyLike({ hash: key.hash }))).rejects.toMatchObject({
          code: 'invalid_request',
        });
        await records.keys.revoke(key.id, 5);
        await expect(records.keys.create(keyLike({ hash: key.hash }))).rejects.toMatchObject({
          code: 'invalid_request',
        });
        expect(await records.keys.list()).toEqual([{ ...key, revokedAt: 5 }]);
      });

      it('never has two keys with one id', async () => {
        const key = keyLike();
        await records.keys.create(key);
        await expect(records.keys.create(keyLike({ id: key.id }))).rejects.toMatchObject({ code: 'invalid_request' });
        expect(await records.keys.list()).toEqual([key]);
      });

      it('never has two live keys with one name; a revoked one frees it', async () => {
        const key = keyLike({ name: 'ci' });
        const next = keyLike({ name: 'ci', createdAt: key.createdAt + 1 });
        await records.keys.create(key);
        await expect(records.keys.create(next)).rejects.toMatchObject({ code: 'invalid_request' });
        expect(await records.keys.findByHash(next.hash)).toBeUndefined();
        await records.keys.revoke('ci', 5);
        await records.keys.create(next);
        expect(await records.keys.findByHash(next.hash)).toEqual(next);
        expect(await records.keys.list()).toEqual([{ ...key, revokedAt: 5 }, next]);
      });

      it('lets one of two win that take a name at once', async () => {
        const outcomes = await Promise.allSettled([
          records.keys.create(keyLike({ name: 'ci' })),
          records.keys.create(keyLike({ name: 'ci' })),
        ]);
        expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect(await records.keys.list()).toHaveLength(1);
      });

      it.each(['id', 'name'] as const)('revokes by %s, once, and keeps the others', async (by) => {
        const [key, other] = [keyLike(), keyLike()];
        await records.keys.create(key);
        await records.keys.create(other);
        expect(await records.keys.revoke(key[by], 1_800_000_000_000)).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toBeUndefined();
        expect(await records.keys.findByHash(other.hash)).toEqual(other);
        expect(await records.keys.revoke(key[by], 1_900_000_000_000)).toBe(false);
        expect(await records.keys.list()).toContainEqual({ ...key, revokedAt: 1_800_000_000_000 });
      });

      it.each(['id', 'name'] as const)('gives a live key another plan by %s, and keeps the others', async (by) => {
        const [key, other] = [keyLike({ plan: 'small' }), keyLike()];
        await records.keys.create(key);
        await records.keys.create(other);
        expect(await records.keys.setPlan(key[by], 'large')).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toEqual({ ...key, plan: 'large' });
        expect(await records.keys.setPlan(key[by], null)).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toEqual({ ...key, plan: null });
        expect(await records.keys.findByHash(other.hash)).toEqual(other);
        await records.keys.revoke(key[by], 5);
        expect(await records.keys.setPlan(key[by], 'small')).toBe(false);
        expect(await records.keys.setPlan('nobody', 'small')).toBe(false);
      });

      it('revokes nothing that does not exist', async () => {
        const key = keyLike();
        await records.keys.create(key);
        for (const wrong of ['', 'nobody', key.hash, key.name.toUpperCase(), '%']) {
          expect(await records.keys.revoke(wrong, 1)).toBe(false);
        }
        expect(await records.keys.findByHash(key.hash)).toEqual(key);
      });

      it('revokes the key with this id before one that has it for its name', async () => {
        const key = keyLike();
        const namesake = keyLike({ name: key.id, createdAt: key.createdAt + 1 });
        await records.keys.create(key);
        await records.keys.create(namesake);
        expect(await records.keys.revoke(key.id, 1)).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toBeUndefined();
        expect(await records.keys.findByHash(namesake.hash)).toEqual(namesake);
        expect(await records.keys.revoke(key.id, 2)).toBe(true);
        expect(await records.keys.findByHash(namesake.hash)).toBeUndefined();
      });

      it('says yes to one of two that revoke at once', async () => {
        const key = keyLike();
        await records.keys.create(key);
        const answers = await Promise.all([records.keys.revoke(key.id, 1), records.keys.revoke(key.name, 2)]);
        expect(answers.toSorted()).toEqual([false, true]);
      });
    });
  });
}
