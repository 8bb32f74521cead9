import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileScope, newId, type StoredFile, type StoredSession } from '../../../src/core/index.ts';
import type { Catalogue, Document, KeyRecord } from '../../../src/stores/index.ts';
import { keptSuperseded } from '../../../src/stores/records/catalogue.ts';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

function sessionLike(fields: Partial<StoredSession> = {}): StoredSession {
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

function fileLike(session: StoredSession, fields: Partial<StoredFile> = {}): StoredFile {
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

/** What every catalogue keeps to. `make` returns a new, empty catalogue that has not been started. */
export function describeCatalogue(name: string, make: () => Promise<Catalogue>): void {
  describe(`catalogue: ${name}`, () => {
    let catalogue: Catalogue;

    beforeEach(async () => {
      catalogue = await make();
      await catalogue.start();
    });

    afterEach(async () => {
      await catalogue.close();
    });

    describe('what an owner has stored', () => {
      const owner = { tenant: 'tenant', id: 'principal' };
      const refused = { code: 'quota_exceeded' };

      it('is the sum of its files, also as sessions change, go and expire', async () => {
        const [session, brief] = [sessionLike(), sessionLike({ expiresAt: 1 })];
        const elsewhere = [sessionLike({ principalId: 'other' }), sessionLike({ tenant: 'other' })];
        for (const each of elsewhere) await catalogue.createSession(each, [fileLike(each, { size: 1 })]);
        expect(await catalogue.storedBytes(owner)).toBe(0);
        const first = fileLike(session, { size: 10 });
        await catalogue.createSession(session, [first, fileLike(session, { size: 200 })]);
        await catalogue.createSession(brief, [fileLike(brief, { size: 3000 })]);
        expect(await catalogue.storedBytes(owner)).toBe(3210);
        const revision = { expiresAt: session.expiresAt, added: [fileLike(session, { size: 40_000 })] };
        await catalogue.reviseSession(session.id, { ...revision, superseded: [first.id] });
        expect(await catalogue.storedBytes(owner)).toBe(43_210);
        expect(await catalogue.deleteExpired(2)).toBe(1);
        expect(await catalogue.storedBytes(owner)).toBe(40_210);
        for (let time = 0; time < 2; time++) await catalogue.deleteFile(session.id, first.id);
        expect(await catalogue.storedBytes(owner)).toBe(40_200);
        for (let time = 0; time < 2; time++) await catalogue.deleteSession(session.id);
        expect(await catalogue.storedBytes(owner)).toBe(0);
        for (const { tenant, principalId: id } of elsewhere)
          expect(await catalogue.storedBytes({ tenant, id })).toBe(1);
      });

      it('falls when superseded files are more than are kept', async () => {
        const session = sessionLike();
        const files = Array.from({ length: keptSuperseded + 5 }, () => fileLike(session, { size: 2 }));
        await catalogue.createSession(session, files);
        const superseded = files.map(({ id }) => id);
        await catalogue.reviseSession(session.id, { expiresAt: session.expiresAt, added: [], superseded });
        expect(await catalogue.storedBytes(owner)).toBe(2 * keptSuperseded);
      });

      it('never grows beyond a quota, and what is refused leaves nothing', async () => {
        const session = sessionLike();
        const files = [fileLike(session, { size: 60 }), fileLike(session, { size: 41 })];
        await expect(catalogue.createSession(session, files, 100)).rejects.toMatchObject(refused);
        expect(await catalogue.session(session.id)).toBeUndefined();
        await catalogue.createSession(session, [files[0]!], 60);
        const { expiresAt } = session;
        const revision = { expiresAt: expiresAt + 1, added: [files[1]!], superseded: [], quotaBytes: 100 };
        await expect(catalogue.reviseSession(session.id, revision)).rejects.toMatchObject(refused);
        expect(await catalogue.session(session.id)).toEqual(session);
        expect(await catalogue.files(session.id)).toEqual([files[0]]);
        expect(await catalogue.storedBytes(owner)).toBe(60);
      });

      it('lets no two that come at once share the last of a quota', async () => {
        const sessions = Array.from({ length: 8 }, () => sessionLike());
        const ends = await Promise.allSettled(
          sessions.map((session) => catalogue.createSession(session, [fileLike(session, { size: 30 })], 100)),
        );
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
        expect(await catalogue.storedBytes(owner)).toBe(90);
      });

      it('may shrink while it is above a quota that was lowered', async () => {
        const session = sessionLike();
        const files = [fileLike(session, { size: 60 }), fileLike(session, { size: 40 })];
        await catalogue.createSession(session, files);
        const superseded = [files[0]!.id];
        const revision = { expiresAt: session.expiresAt, added: [], superseded, quotaBytes: 10 };
        await catalogue.reviseSession(session.id, revision);
        expect(await catalogue.files(session.id)).toEqual([files[1]]);
      });
    });

    describe('a session whose workspace changes', () => {
      it('lists what is there now, and still finds what was', async () => {
        const session = sessionLike();
        const [old, kept] = [fileLike(session, { name: 'a.csv' }), fileLike(session, { name: 'b.csv' })];
        await catalogue.createSession(session, [old, kept]);
        const next = fileLike(session, { name: 'a.csv', digest: digestOf('next') });
        const expiresAt = session.expiresAt + 1;
        await catalogue.reviseSession(session.id, { expiresAt, added: [next], superseded: [old.id] });
        expect(await catalogue.files(session.id)).toEqual([kept, next]);
        const changed = { ...session, expiresAt };
        expect(await catalogue.file(session.id, old.id)).toEqual({ session: changed, file: old });
        expect(await catalogue.isReferenced(old.digest)).toBe(true);
      });

      it('keeps so many of the files that were', async () => {
        const session = sessionLike();
        const files = Array.from({ length: 450 }, () => fileLike(session));
        await catalogue.createSession(session, files.slice(0, 150));
        const { expiresAt } = session;
        for (const from of [0, 150, 300]) {
          const superseded = files.slice(from, from + 150).map(({ id }) => id);
          await catalogue.reviseSession(session.id, {
            expiresAt,
            added: files.slice(from + 150, from + 300),
            superseded,
          });
        }
        const found = await Promise.all(files.map(({ id }) => catalogue.file(session.id, id)));
        expect(found.map((each) => each !== undefined)).toEqual(files.map((_, index) => index >= 250));
        expect(await catalogue.files(session.id)).toEqual([]);
      });

      it('changes nothing when it is gone or an id is taken', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        const revision = { expiresAt: 1, added: [fileLike(session), file], superseded: [file.id] };
        await expect(catalogue.reviseSession(session.id, revision)).rejects.toMatchObject({ code: 'internal' });
        expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
        expect(await catalogue.files(session.id)).toEqual([file]);
        expect(await catalogue.deleteSession(session.id)).toBe(true);
        expect(await catalogue.deleteSession(session.id)).toBe(false);
        expect(await catalogue.file(session.id, file.id)).toBeUndefined();
        await expect(catalogue.reviseSession(session.id, revision)).rejects.toMatchObject({ code: 'not_found' });
      });
    });

    describe('documents', () => {
      const owner = { tenant: 'tenant', id: 'principal' };

      it('are given back as they were written, by kind and id', async () => {
        const document = documentLike({ name: "a 'name'" });
        await catalogue.documents.put(document);
        await catalogue.documents.put({ ...document, kind: 'other', body: 'text' });
        expect(await catalogue.documents.get('response', document.id)).toEqual(document);
        expect(await catalogue.documents.get('other', document.id)).toEqual({
          ...document,
          kind: 'other',
          body: 'text',
        });
        expect(await catalogue.documents.delete('response', document.id)).toBe(true);
        expect(await catalogue.documents.delete('response', document.id)).toBe(false);
        expect(await catalogue.documents.get('response', document.id)).toBeUndefined();
        expect(await catalogue.documents.get('other', document.id)).toBeDefined();
      });

      it('are listed by owner in the order of their creation, page by page', async () => {
        const documents = Array.from({ length: 5 }, (_, index) => documentLike({ name: index % 2 ? 'odd' : 'even' }));
        const foreign = [{ tenant: 'other' }, { principalId: 'other' }, { kind: 'other' }].map(documentLike);
        for (const document of [...documents, ...foreign]) await catalogue.documents.put(document);
        // Replacing one does not move it.
        const first = { ...documents[0]!, body: 'new' };
        await catalogue.documents.put({ ...first, createdAt: 1 });
        const all = [first, ...documents.slice(1)];
        const list = (page: object) =>
          catalogue.documents.list('response', owner, { limit: 10, order: 'asc', ...page });
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
        await catalogue.documents.putAll([one, two]);
        expect(await catalogue.documents.get('response', two.id)).toEqual(two);
      });

      it('go when they have expired', async () => {
        const [old, young] = [documentLike({ expiresAt: 10 }), documentLike({ expiresAt: 20 })];
        await catalogue.documents.put(old);
        await catalogue.documents.put(young);
        expect(await catalogue.documents.deleteExpired(20)).toBe(1);
        expect(await catalogue.documents.get('response', old.id)).toBeUndefined();
        expect(await catalogue.documents.get('response', young.id)).toEqual(young);
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
        await catalogue.createSession(session, []);
        expect(await catalogue.session(session.id)).toEqual(session);
        expect(await catalogue.files(session.id)).toEqual([]);
      });

      it('gives back a file as it was recorded, with its session', async () => {
        const session = sessionLike();
        const file = fileLike(session, { readOnly: true, source: 'program' });
        await catalogue.createSession(session, [file, fileLike(session)]);
        expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
      });

      it('keeps large sizes and far times exactly', async () => {
        const session = sessionLike({ createdAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
        const file = fileLike(session, { size: 2 ** 42 + 1, createdAt: Number.MAX_SAFE_INTEGER - 1 });
        await catalogue.createSession(session, [file]);
        expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
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
        await catalogue.createSession(session, [file]);
        expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
      });

      it('keeps names apart that differ in case or normal form, and equal names of different files', async () => {
        const session = sessionLike();
        const names = ['a.txt', 'A.txt', 'a.txt', '\u00e9', 'e\u0301'];
        await catalogue.createSession(
          session,
          names.map((fileName) => fileLike(session, { name: fileName })),
        );
        expect((await catalogue.files(session.id)).map((file) => file.name)).toEqual(names);
      });

      it.each([1, 2, 99, 100, 101, 1234])('lists %i files in the order they were recorded', async (count) => {
        const session = sessionLike();
        const files = Array.from({ length: count }, (_, index) =>
          fileLike(session, { name: `${(index * 7919) % count}`, createdAt: count - index, size: index }),
        );
        await catalogue.createSession(session, files);
        expect(await catalogue.files(session.id)).toEqual(files);
      });

      it('keeps sessions apart', async () => {
        const sessions = [sessionLike(), sessionLike(), sessionLike()];
        const sharedId = newId();
        const files = sessions.map((session, index) => fileLike(session, { id: sharedId, name: `${index}` }));
        for (const [index, session] of sessions.entries()) await catalogue.createSession(session, [files[index]!]);
        for (const [index, session] of sessions.entries()) {
          expect(await catalogue.files(session.id)).toEqual([files[index]]);
          expect(await catalogue.file(session.id, sharedId)).toEqual({ session, file: files[index] });
        }
      });

      it('finds nothing under ids that do not exist', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        expect(await catalogue.session(newId())).toBeUndefined();
        expect(await catalogue.session(file.id)).toBeUndefined();
        expect(await catalogue.session(session.id.toLowerCase().replace(/./, '#'))).toBeUndefined();
        expect(await catalogue.file(session.id, newId())).toBeUndefined();
        expect(await catalogue.file(newId(), file.id)).toBeUndefined();
        expect(await catalogue.files(newId())).toEqual([]);
      });

      it('takes ids as they are, upper and lower case apart', async () => {
        const [lower, upper] = [sessionLike({ id: 'a'.repeat(21) }), sessionLike({ id: 'A'.repeat(21) })];
        await catalogue.createSession(lower, []);
        expect(await catalogue.session(upper.id)).toBeUndefined();
        await catalogue.createSession(upper, []);
        expect(await catalogue.session(lower.id)).toEqual(lower);
      });

      it('records nothing when a session with this id exists', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        const intruder = sessionLike({ id: session.id, tenant: 'another' });
        await expect(
          catalogue.createSession(intruder, [fileLike(session, { digest: digestOf('lost') })]),
        ).rejects.toMatchObject({ code: 'internal' });
        expect(await catalogue.session(session.id)).toEqual(session);
        expect(await catalogue.files(session.id)).toEqual([file]);
        expect(await catalogue.isReferenced(digestOf('lost'))).toBe(false);
      });

      it('records nothing when one of many files cannot be', async () => {
        const session = sessionLike();
        const files = Array.from({ length: 250 }, () => fileLike(session));
        await expect(catalogue.createSession(session, [...files, files[3]!])).rejects.toMatchObject({
          code: 'internal',
        });
        expect(await catalogue.session(session.id)).toBeUndefined();
        expect(await catalogue.files(session.id)).toEqual([]);
        expect(await catalogue.isReferenced(digestOf('content'))).toBe(false);
        await catalogue.createSession(session, files);
        expect(await catalogue.files(session.id)).toEqual(files);
      });

      it('records many sessions at once, and reads meanwhile', async () => {
        const sessions = Array.from({ length: 50 }, () => sessionLike());
        await Promise.all(
          sessions.map(async (session) => {
            const file = fileLike(session);
            await catalogue.createSession(session, [file]);
            expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
          }),
        );
      });

      it('lets one of two equal sessions win that are recorded at once', async () => {
        const session = sessionLike();
        const outcomes = await Promise.allSettled([
          catalogue.createSession(session, [fileLike(session)]),
          catalogue.createSession(session, [fileLike(session)]),
        ]);
        expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect(await catalogue.files(session.id)).toHaveLength(1);
      });
    });

    describe('deleteFile', () => {
      it('removes one file and leaves its session and the others in order', async () => {
        const session = sessionLike();
        const files = [fileLike(session), fileLike(session), fileLike(session)];
        await catalogue.createSession(session, files);
        expect(await catalogue.deleteFile(session.id, files[1]!.id)).toBe(true);
        expect(await catalogue.file(session.id, files[1]!.id)).toBeUndefined();
        expect(await catalogue.files(session.id)).toEqual([files[0], files[2]]);
        expect(await catalogue.session(session.id)).toEqual(session);
      });

      it('tells when there is no such file', async () => {
        const [session, other] = [sessionLike(), sessionLike()];
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        await catalogue.createSession(other, []);
        expect(await catalogue.deleteFile(other.id, file.id)).toBe(false);
        expect(await catalogue.deleteFile(newId(), file.id)).toBe(false);
        expect(await catalogue.deleteFile(session.id, newId())).toBe(false);
        expect(await catalogue.deleteFile(session.id, file.id)).toBe(true);
        expect(await catalogue.deleteFile(session.id, file.id)).toBe(false);
      });

      it('says yes to one of two that ask at once', async () => {
        const session = sessionLike();
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        const answers = await Promise.all([
          catalogue.deleteFile(session.id, file.id),
          catalogue.deleteFile(session.id, file.id),
        ]);
        expect(answers.toSorted()).toEqual([false, true]);
      });
    });

    describe('deleteExpired', () => {
      it('removes sessions that expired before the moment, not at it, with their files', async () => {
        const now = 1_700_000_000_000;
        const [before, at, after] = [now - 1, now, now + 1].map((expiresAt) => sessionLike({ expiresAt }));
        for (const session of [before!, at!, after!]) {
          await catalogue.createSession(session, [
            fileLike(session, { digest: digestOf(session.id) }),
            fileLike(session),
          ]);
        }
        expect(await catalogue.deleteExpired(now)).toBe(1);
        expect(await catalogue.session(before!.id)).toBeUndefined();
        expect(await catalogue.files(before!.id)).toEqual([]);
        expect(await catalogue.isReferenced(digestOf(before!.id))).toBe(false);
        expect(await catalogue.files(at!.id)).toHaveLength(2);
        expect(await catalogue.files(after!.id)).toHaveLength(2);
        expect(await catalogue.deleteExpired(now)).toBe(0);
      });

      it('leaves expired sessions readable until then', async () => {
        const session = sessionLike({ createdAt: 0, expiresAt: 1 });
        const file = fileLike(session);
        await catalogue.createSession(session, [file]);
        expect(await catalogue.session(session.id)).toEqual(session);
        expect(await catalogue.file(session.id, file.id)).toEqual({ session, file });
      });

      it.each([50, 51, 120])('removes %i sessions', async (count) => {
        for (let index = 0; index < count; index++) {
          const session = sessionLike({ expiresAt: index });
          await catalogue.createSession(session, [fileLike(session)]);
        }
        expect(await catalogue.deleteExpired(count)).toBe(count);
        expect(await catalogue.isReferenced(digestOf('content'))).toBe(false);
      });
    });

    describe('isReferenced', () => {
      it('is true as long as any file of any session has these bytes', async () => {
        const digest = digestOf('shared');
        const sessions = [sessionLike({ expiresAt: 1 }), sessionLike()];
        const files = sessions.map((session) => fileLike(session, { digest }));
        expect(await catalogue.isReferenced(digest)).toBe(false);
        for (const [index, session] of sessions.entries()) await catalogue.createSession(session, [files[index]!]);
        expect(await catalogue.isReferenced(digest)).toBe(true);
        await catalogue.deleteExpired(2);
        expect(await catalogue.isReferenced(digest)).toBe(true);
        await catalogue.deleteFile(sessions[1]!.id, files[1]!.id);
        expect(await catalogue.isReferenced(digest)).toBe(false);
      });
    });

    describe('keys', () => {
      it('finds a key by its hash and by nothing else', async () => {
        const key = keyLike({ name: 'Ключ 🔑' });
        await catalogue.createKey(key);
        expect(await catalogue.keyByHash(key.hash)).toEqual(key);
        expect(await catalogue.keyByHash(key.hash.toUpperCase())).toBeUndefined();
        expect(await catalogue.keyByHash(digestOf('another'))).toBeUndefined();
        expect(await catalogue.keyByHash('')).toBeUndefined();
        expect(await catalogue.keyByHash(key.id)).toBeUndefined();
      });

      it('lists all keys, revoked ones too, oldest first', async () => {
        expect(await catalogue.keys()).toEqual([]);
        const [first, second, third] = [1, 2, 3].map((createdAt) => keyLike({ createdAt }));
        for (const key of [second!, third!, first!]) await catalogue.createKey(key);
        await catalogue.revokeKey(second!.id, 9);
        expect(await catalogue.keys()).toEqual([first, { ...second, revokedAt: 9 }, third]);
      });

      it('never has two keys with one hash, not even when one is revoked', async () => {
        const key = keyLike();
        await catalogue.createKey(key);
        await expect(catalogue.createKey(keyLike({ hash: key.hash }))).rejects.toMatchObject({
          code: 'invalid_request',
        });
        await catalogue.revokeKey(key.id, 5);
        await expect(catalogue.createKey(keyLike({ hash: key.hash }))).rejects.toMatchObject({
          code: 'invalid_request',
        });
        expect(await catalogue.keys()).toEqual([{ ...key, revokedAt: 5 }]);
      });

      it('never has two keys with one id', async () => {
        const key = keyLike();
        await catalogue.createKey(key);
        await expect(catalogue.createKey(keyLike({ id: key.id }))).rejects.toMatchObject({ code: 'invalid_request' });
        expect(await catalogue.keys()).toEqual([key]);
      });

      it('never has two live keys with one name; a revoked one frees it', async () => {
        const key = keyLike({ name: 'ci' });
        const next = keyLike({ name: 'ci', createdAt: key.createdAt + 1 });
        await catalogue.createKey(key);
        await expect(catalogue.createKey(next)).rejects.toMatchObject({ code: 'invalid_request' });
        expect(await catalogue.keyByHash(next.hash)).toBeUndefined();
        await catalogue.revokeKey('ci', 5);
        await catalogue.createKey(next);
        expect(await catalogue.keyByHash(next.hash)).toEqual(next);
        expect(await catalogue.keys()).toEqual([{ ...key, revokedAt: 5 }, next]);
      });

      it('lets one of two win that take a name at once', async () => {
        const outcomes = await Promise.allSettled([
          catalogue.createKey(keyLike({ name: 'ci' })),
          catalogue.createKey(keyLike({ name: 'ci' })),
        ]);
        expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect(await catalogue.keys()).toHaveLength(1);
      });

      it.each(['id', 'name'] as const)('revokes by %s, once, and keeps the others', async (by) => {
        const [key, other] = [keyLike(), keyLike()];
        await catalogue.createKey(key);
        await catalogue.createKey(other);
        expect(await catalogue.revokeKey(key[by], 1_800_000_000_000)).toBe(true);
        expect(await catalogue.keyByHash(key.hash)).toBeUndefined();
        expect(await catalogue.keyByHash(other.hash)).toEqual(other);
        expect(await catalogue.revokeKey(key[by], 1_900_000_000_000)).toBe(false);
        expect(await catalogue.keys()).toContainEqual({ ...key, revokedAt: 1_800_000_000_000 });
      });

      it.each(['id', 'name'] as const)('gives a live key another plan by %s, and keeps the others', async (by) => {
        const [key, other] = [keyLike({ plan: 'small' }), keyLike()];
        await catalogue.createKey(key);
        await catalogue.createKey(other);
        expect(await catalogue.planKey(key[by], 'large')).toBe(true);
        expect(await catalogue.keyByHash(key.hash)).toEqual({ ...key, plan: 'large' });
        expect(await catalogue.planKey(key[by], null)).toBe(true);
        expect(await catalogue.keyByHash(key.hash)).toEqual({ ...key, plan: null });
        expect(await catalogue.keyByHash(other.hash)).toEqual(other);
        await catalogue.revokeKey(key[by], 5);
        expect(await catalogue.planKey(key[by], 'small')).toBe(false);
        expect(await catalogue.planKey('nobody', 'small')).toBe(false);
      });

      it('revokes nothing that does not exist', async () => {
        const key = keyLike();
        await catalogue.createKey(key);
        for (const wrong of ['', 'nobody', key.hash, key.name.toUpperCase(), '%']) {
          expect(await catalogue.revokeKey(wrong, 1)).toBe(false);
        }
        expect(await catalogue.keyByHash(key.hash)).toEqual(key);
      });

      it('revokes the key with this id before one that has it for its name', async () => {
        const key = keyLike();
        const namesake = keyLike({ name: key.id, createdAt: key.createdAt + 1 });
        await catalogue.createKey(key);
        await catalogue.createKey(namesake);
        expect(await catalogue.revokeKey(key.id, 1)).toBe(true);
        expect(await catalogue.keyByHash(key.hash)).toBeUndefined();
        expect(await catalogue.keyByHash(namesake.hash)).toEqual(namesake);
        expect(await catalogue.revokeKey(key.id, 2)).toBe(true);
        expect(await catalogue.keyByHash(namesake.hash)).toBeUndefined();
      });

      it('says yes to one of two that revoke at once', async () => {
        const key = keyLike();
        await catalogue.createKey(key);
        const answers = await Promise.all([catalogue.revokeKey(key.id, 1), catalogue.revokeKey(key.name, 2)]);
        expect(answers.toSorted()).toEqual([false, true]);
      });
    });
  });
}
