import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileScope, type FileSet, newId, type StoredFile } from '../../../src/core/index.ts';
import type { Document, FileQuota, FileSetRevision, KeyRecord, Records } from '../../../src/stores/index.ts';
import { keptSuperseded } from '../../../src/stores/records/file-records.ts';

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex');

const block = 4096;

/** A quota of bytes alone. */
function quotaOf(blocks: number | undefined): FileQuota | undefined {
  return blocks === undefined ? undefined : { bytes: blocks * block, files: Number.MAX_SAFE_INTEGER };
}

function setLike(fields: Partial<FileSet> = {}): FileSet {
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
  return {
    id,
    name: `name-${id}`,
    hash: digestOf(id),
    plan: null,
    isAdmin: false,
    createdAt,
    revokedAt: null,
    ...fields,
  };
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

/** What every implementation of records keeps to. `make` returns a new, empty one that has not been started. */
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

    /** As for a real file, content comes before the record. */
    async function hold(files: readonly StoredFile[]): Promise<void> {
      for (const { digest, size } of new Map(files.map((file) => [file.digest, file])).values()) {
        await records.contents.hold({ digest, size }, { id: newId(), expiresAt: Number.MAX_SAFE_INTEGER });
      }
    }
    async function create(set: FileSet, files: readonly StoredFile[], blocks?: number): Promise<void> {
      await hold(files);
      await records.files.create(set, files, quotaOf(blocks));
    }
    async function revise(id: string, { blocks, ...revision }: FileSetRevision & { blocks?: number }): Promise<void> {
      await hold(revision.added);
      await records.files.revise(id, { ...revision, quota: quotaOf(blocks) });
    }

    describe('what an owner has stored', () => {
      const owner = { tenant: 'tenant', id: 'principal' };
      const refused = { code: 'quota_exceeded' };
      const blocks = async (of = owner) => {
        const { bytes, files } = await records.files.stored(of);
        return [bytes / block, files];
      };

      it('is the sum of its files in whole blocks, also as sets change, go and expire', async () => {
        const [set, brief] = [setLike(), setLike({ expiresAt: 1 })];
        const elsewhere = [setLike({ principalId: 'other' }), setLike({ tenant: 'other' })];
        for (const each of elsewhere) await create(each, [fileLike(each, { size: 0 })]);
        expect(await blocks()).toEqual([0, 0]);
        const first = fileLike(set, { size: 1 });
        await create(set, [first, fileLike(set, { size: 2 * block })]);
        await create(brief, [fileLike(brief, { size: 9 * block + 1 })]);
        expect(await blocks()).toEqual([13, 3]);
        const revision = { expiresAt: set.expiresAt, added: [fileLike(set, { size: 100 * block })] };
        await revise(set.id, { ...revision, superseded: [first.id] });
        expect(await blocks()).toEqual([113, 4]);
        expect(await records.files.deleteExpired(2)).toBe(1);
        expect(await blocks()).toEqual([103, 3]);
        for (let time = 0; time < 2; time++) await records.files.delete(set.id, first.id);
        expect(await blocks()).toEqual([102, 2]);
        for (let time = 0; time < 2; time++) await records.files.deleteSet(set.id);
        expect(await blocks()).toEqual([0, 0]);
        for (const { tenant, principalId: id } of elsewhere) expect(await blocks({ tenant, id })).toEqual([1, 1]);
      });

      it('falls when superseded files are more than are kept', async () => {
        const set = setLike();
        const files = Array.from({ length: keptSuperseded + 5 }, () => fileLike(set, { size: 2 }));
        await create(set, files);
        const superseded = files.map(({ id }) => id);
        await revise(set.id, { expiresAt: set.expiresAt, added: [], superseded });
        expect(await blocks()).toEqual([keptSuperseded, keptSuperseded]);
      });

      it('never grows beyond a quota of bytes, and what is refused leaves nothing', async () => {
        const set = setLike();
        const files = [fileLike(set, { size: 6 * block }), fileLike(set, { size: 4 * block + 1 })];
        await expect(create(set, files, 10)).rejects.toMatchObject(refused);
        expect(await records.files.set(set.id)).toBeUndefined();
        await create(set, [files[0]!], 6);
        const { expiresAt } = set;
        const revision = { expiresAt: expiresAt + 1, added: [files[1]!], superseded: [], blocks: 10 };
        await expect(revise(set.id, revision)).rejects.toMatchObject(refused);
        expect(await records.files.set(set.id)).toEqual(set);
        expect(await records.files.list(set.id)).toEqual([files[0]]);
        expect(await blocks()).toEqual([6, 1]);
      });

      it('never grows beyond a number of files, and says how many there are', async () => {
        const set = setLike();
        const files = Array.from({ length: 3 }, () => fileLike(set));
        await hold(files);
        const quota = { bytes: Number.MAX_SAFE_INTEGER, files: 2 };
        const text = { ...refused, message: expect.stringContaining('0 of 2 files are stored') };
        await expect(records.files.create(set, files, quota)).rejects.toMatchObject(text);
        await records.files.create(set, files.slice(0, 2), quota);
        const { expiresAt } = set;
        const added = [files[2]!];
        const more = records.files.revise(set.id, { expiresAt, added, superseded: [files[0]!.id], quota });
        await expect(more).rejects.toMatchObject({ message: expect.stringContaining('2 of 2 files') });
        await records.files.delete(set.id, files[0]!.id);
        await records.files.revise(set.id, { expiresAt, added, superseded: [], quota });
        expect(await records.files.list(set.id)).toEqual(files.slice(1));
      });

      it('lets no two that come at once share the last of a quota', async () => {
        const sets = Array.from({ length: 8 }, () => setLike());
        const ends = await Promise.allSettled(sets.map((set) => create(set, [fileLike(set, { size: 3 * block })], 10)));
        expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
        expect(await blocks()).toEqual([9, 3]);
      });

      it('may shrink while it is above a quota that was lowered', async () => {
        const set = setLike();
        const files = [fileLike(set, { size: 6 * block }), fileLike(set, { size: 4 * block })];
        await create(set, files);
        await revise(set.id, { expiresAt: set.expiresAt, added: [], superseded: [files[0]!.id], blocks: 1 });
        expect(await records.files.list(set.id)).toEqual([files[1]]);
      });
    });

    describe('a session whose workspace changes', () => {
      it('lists what is there now, and still finds what was', async () => {
        const session = setLike();
        const [old, kept] = [fileLike(session, { name: 'a.csv' }), fileLike(session, { name: 'b.csv' })];
        await create(session, [old, kept]);
        const next = fileLike(session, { name: 'a.csv', digest: digestOf('next') });
        const expiresAt = session.expiresAt + 1;
        await revise(session.id, { expiresAt, added: [next], superseded: [old.id] });
        expect(await records.files.list(session.id)).toEqual([kept, next]);
        const changed = { ...session, expiresAt };
        expect(await records.files.file(session.id, old.id)).toEqual({ set: changed, file: old });
      });

      it('keeps so many of the files that were', async () => {
        const session = setLike();
        const files = Array.from({ length: 450 }, () => fileLike(session));
        await create(session, files.slice(0, 150));
        const { expiresAt } = session;
        for (const from of [0, 150, 300]) {
          const superseded = files.slice(from, from + 150).map(({ id }) => id);
          await revise(session.id, {
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
        const session = setLike();
        const file = fileLike(session);
        await create(session, [file]);
        const revision = { expiresAt: 1, added: [fileLike(session), file], superseded: [file.id] };
        await expect(revise(session.id, revision)).rejects.toMatchObject({ code: 'internal' });
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
        expect(await records.files.list(session.id)).toEqual([file]);
        expect(await records.files.deleteSet(session.id)).toBe(true);
        expect(await records.files.deleteSet(session.id)).toBe(false);
        expect(await records.files.file(session.id, file.id)).toBeUndefined();
        await expect(revise(session.id, revision)).rejects.toMatchObject({ code: 'not_found' });
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

      it('are written only by the holder of a lease, where one is named', async () => {
        const held = { name: 'work', holder: 'a' };
        const body = { text: 'x'.repeat(400_000) };
        const refused = { code: 'conflict' };
        await expect(records.documents.putAll([documentLike({ body })], held)).rejects.toMatchObject(refused);
        await records.leases.take('work', 'a', 0, 10);
        const one = documentLike({ body });
        await records.documents.putAll([one], held);
        // Another holder takes it when it has ended, and from then on the first one writes nothing.
        await records.leases.take('work', 'b', 10, 20);
        await expect(records.documents.putAll([{ ...one, body: 'later' }], held)).rejects.toMatchObject(refused);
        expect(await records.documents.get('response', one.id)).toEqual(one);
      });

      it('go by their name, and no others', async () => {
        const [kept, other] = [documentLike({ name: 'b' }), documentLike({ name: 'a', principalId: 'stranger' })];
        const large = { text: 'x'.repeat(400_000) };
        await records.documents.putAll([kept, other, documentLike({ name: 'a', body: large })]);
        for (let n = 0; n < 201; n++) await records.documents.put(documentLike({ name: 'a' }));
        await records.documents.deleteNamed('response', owner, 'a');
        expect(await records.documents.list('response', owner, { limit: 10, order: 'asc' })).toEqual([kept]);
        expect(await records.documents.get('response', other.id)).toEqual(other);
      });

      it('are given back as they were written however large they are, also where they are replaced meanwhile', async () => {
        // Surrogate pairs and escapes, at every place where a text may be cut.
        const large = (sign: string) => ({
          text: `${sign}é"\u{1f600}\n`.repeat(400_000),
          list: ['x'.repeat(70_000), null, 1],
        });
        const [one, two] = [documentLike({ body: large('a') }), documentLike({ body: large('b') })];
        await records.documents.putAll([one, documentLike(), two]);
        expect(await records.documents.get('response', one.id)).toEqual(one);
        const list = await records.documents.list('response', owner, { limit: 10, order: 'desc' });
        expect(list.map(({ id }) => id)).toEqual([two.id, expect.anything(), one.id]);
        expect(list[0]).toEqual(two);
        const versions = [large('c'), 'small', large('d')].map((body) => ({ ...one, body }));
        const reads = [];
        for (const version of versions) {
          reads.push(records.documents.get('response', one.id));
          await records.documents.put(version);
        }
        for (const read of await Promise.all(reads)) expect([one, ...versions]).toContainEqual(read);
        expect(await records.documents.get('response', one.id)).toEqual(versions.at(-1));
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
        const session = setLike({ scope });
        await create(session, []);
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.list(session.id)).toEqual([]);
      });

      it('gives back a file as it was recorded, with its session', async () => {
        const session = setLike();
        const file = fileLike(session, { readOnly: true, source: 'program' });
        await create(session, [file, fileLike(session)]);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it('keeps large sizes and far times exactly', async () => {
        const session = setLike({ createdAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
        const file = fileLike(session, { size: 2 ** 42 + 1, createdAt: Number.MAX_SAFE_INTEGER - 1 });
        await create(session, [file]);
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
        const session = setLike({
          tenant: fileName,
          principalId: fileName,
          scope: { kind: 'agent', id: fileName },
        });
        const file = fileLike(session, { name: fileName, contentType: `text/plain; x="${fileName}"` });
        await create(session, [file]);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it('keeps names apart that differ in case or normal form, and equal names of different files', async () => {
        const session = setLike();
        const names = ['a.txt', 'A.txt', 'a.txt', '\u00e9', 'e\u0301'];
        await create(
          session,
          names.map((fileName) => fileLike(session, { name: fileName })),
        );
        expect((await records.files.list(session.id)).map((file) => file.name)).toEqual(names);
      });

      it.each([1, 2, 99, 100, 101, 1234])('lists %i files in the order they were recorded', async (count) => {
        const session = setLike();
        const files = Array.from({ length: count }, (_, index) =>
          fileLike(session, { name: `${(index * 7919) % count}`, createdAt: count - index, size: index }),
        );
        await create(session, files);
        expect(await records.files.list(session.id)).toEqual(files);
      });

      it('lists files page by page', async () => {
        const set = setLike();
        const files = Array.from({ length: 5 }, () => fileLike(set));
        await create(set, files);
        expect(await records.files.list(set.id, { limit: 2 })).toEqual(files.slice(0, 2));
        expect(await records.files.list(set.id, { limit: 2, after: files[1]!.id })).toEqual(files.slice(2, 4));
        expect(await records.files.list(set.id, { after: files[3]!.id })).toEqual(files.slice(4));
        expect(await records.files.list(set.id, { after: newId() })).toEqual([]);
      });

      it.each([undefined, 0, 0o644, 0o755])('gives back a file of mode %j', async (mode) => {
        const set = setLike();
        const file = fileLike(set, mode === undefined ? {} : { mode });
        await create(set, [file]);
        expect(await records.files.list(set.id)).toEqual([file]);
      });

      it('keeps sessions apart', async () => {
        const sessions = [setLike(), setLike(), setLike()];
        const sharedId = newId();
        const files = sessions.map((session, index) => fileLike(session, { id: sharedId, name: `${index}` }));
        for (const [index, session] of sessions.entries()) await create(session, [files[index]!]);
        for (const [index, session] of sessions.entries()) {
          expect(await records.files.list(session.id)).toEqual([files[index]]);
          expect(await records.files.file(session.id, sharedId)).toEqual({ set: session, file: files[index] });
        }
      });

      it('finds nothing under ids that do not exist', async () => {
        const session = setLike();
        const file = fileLike(session);
        await create(session, [file]);
        expect(await records.files.set(newId())).toBeUndefined();
        expect(await records.files.set(file.id)).toBeUndefined();
        expect(await records.files.set(session.id.toLowerCase().replace(/./, '#'))).toBeUndefined();
        expect(await records.files.file(session.id, newId())).toBeUndefined();
        expect(await records.files.file(newId(), file.id)).toBeUndefined();
        expect(await records.files.list(newId())).toEqual([]);
      });

      it('takes ids as they are, upper and lower case apart', async () => {
        const [lower, upper] = [setLike({ id: 'a'.repeat(21) }), setLike({ id: 'A'.repeat(21) })];
        await create(lower, []);
        expect(await records.files.set(upper.id)).toBeUndefined();
        await create(upper, []);
        expect(await records.files.set(lower.id)).toEqual(lower);
      });

      it('records nothing when a session with this id exists', async () => {
        const session = setLike();
        const file = fileLike(session);
        await create(session, [file]);
        const intruder = setLike({ id: session.id, tenant: 'another' });
        await expect(create(intruder, [fileLike(session, { digest: digestOf('lost') })])).rejects.toMatchObject({
          code: 'internal',
        });
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.list(session.id)).toEqual([file]);
      });

      it('records nothing when one of many files cannot be', async () => {
        const session = setLike();
        const files = Array.from({ length: 250 }, () => fileLike(session));
        await expect(create(session, [...files, files[3]!])).rejects.toMatchObject({
          code: 'internal',
        });
        expect(await records.files.set(session.id)).toBeUndefined();
        expect(await records.files.list(session.id)).toEqual([]);
        await create(session, files);
        expect(await records.files.list(session.id)).toEqual(files);
      });

      it('records many sessions at once, and reads meanwhile', async () => {
        const sessions = Array.from({ length: 50 }, () => setLike());
        await Promise.all(
          sessions.map(async (session) => {
            const file = fileLike(session);
            await create(session, [file]);
            expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
          }),
        );
      });

      it('lets one of two equal sessions win that are recorded at once', async () => {
        const session = setLike();
        const outcomes = await Promise.allSettled([
          create(session, [fileLike(session)]),
          create(session, [fileLike(session)]),
        ]);
        expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(['fulfilled', 'rejected']);
        expect(await records.files.list(session.id)).toHaveLength(1);
      });
    });

    describe('deleteFile', () => {
      it('removes one file and leaves its session and the others in order', async () => {
        const session = setLike();
        const files = [fileLike(session), fileLike(session), fileLike(session)];
        await create(session, files);
        expect(await records.files.delete(session.id, files[1]!.id)).toBe(true);
        expect(await records.files.file(session.id, files[1]!.id)).toBeUndefined();
        expect(await records.files.list(session.id)).toEqual([files[0], files[2]]);
        expect(await records.files.set(session.id)).toEqual(session);
      });

      it('tells when there is no such file', async () => {
        const [session, other] = [setLike(), setLike()];
        const file = fileLike(session);
        await create(session, [file]);
        await create(other, []);
        expect(await records.files.delete(other.id, file.id)).toBe(false);
        expect(await records.files.delete(newId(), file.id)).toBe(false);
        expect(await records.files.delete(session.id, newId())).toBe(false);
        expect(await records.files.delete(session.id, file.id)).toBe(true);
        expect(await records.files.delete(session.id, file.id)).toBe(false);
      });

      it('says yes to one of two that ask at once', async () => {
        const session = setLike();
        const file = fileLike(session);
        await create(session, [file]);
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
        const [before, at, after] = [now - 1, now, now + 1].map((expiresAt) => setLike({ expiresAt }));
        for (const session of [before!, at!, after!]) {
          await create(session, [fileLike(session, { digest: digestOf(session.id) }), fileLike(session)]);
        }
        expect(await records.files.deleteExpired(now)).toBe(1);
        expect(await records.files.set(before!.id)).toBeUndefined();
        expect(await records.files.list(before!.id)).toEqual([]);
        expect(await records.files.list(at!.id)).toHaveLength(2);
        expect(await records.files.list(after!.id)).toHaveLength(2);
        expect(await records.files.deleteExpired(now)).toBe(0);
      });

      it('leaves expired sessions readable until then', async () => {
        const session = setLike({ createdAt: 0, expiresAt: 1 });
        const file = fileLike(session);
        await create(session, [file]);
        expect(await records.files.set(session.id)).toEqual(session);
        expect(await records.files.file(session.id, file.id)).toEqual({ set: session, file });
      });

      it.each([50, 51, 120])('removes %i sessions', async (count) => {
        for (let index = 0; index < count; index++) {
          const session = setLike({ expiresAt: index });
          await create(session, [fileLike(session)]);
        }
        expect(await records.files.deleteExpired(count)).toBe(count);
      });
    });

    describe('contents', () => {
      const far = Number.MAX_SAFE_INTEGER;
      const claim = async (now = 0) => (await records.contents.claimOrphans(now)).digests;

      it('are claimed when neither a file nor a hold has them, once each file has gone', async () => {
        const digest = digestOf('shared');
        const sets = [setLike({ expiresAt: 1 }), setLike()];
        const files = sets.map((set) => fileLike(set, { digest }));
        for (const [index, set] of sets.entries()) {
          await records.contents.hold({ digest, size: 1 }, { id: files[index]!.id, expiresAt: 10 });
          await records.files.create(set, [files[index]!]);
        }
        expect(await claim(far)).toEqual([]);
        await records.files.deleteExpired(2);
        expect(await claim(far)).toEqual([]);
        await records.files.delete(sets[1]!.id, files[1]!.id);
        expect(await claim()).toEqual([digest]);
      });

      it('are claimed again until they are forgotten, and take no reference meanwhile', async () => {
        const digest = digestOf('leaving');
        const set = setLike();
        const file = fileLike(set, { digest });
        await records.contents.hold({ digest, size: 1 }, { id: file.id, expiresAt: 5 });
        expect(await claim(4)).toEqual([]);
        expect(await claim(5)).toEqual([digest]);
        expect(await claim(5)).toEqual([digest]);
        expect(await records.contents.hold({ digest, size: 1 }, { id: newId(), expiresAt: 9 })).toBe(false);
        await expect(records.files.create(set, [file])).rejects.toMatchObject({ code: 'not_found' });
        expect(await records.contents.recorded([digest, digestOf('unknown')])).toEqual([digest]);
        await records.contents.forget([digest]);
        expect(await records.contents.recorded([digest])).toEqual([]);
        expect(await claim(5)).toEqual([]);
        await expect(records.files.create(set, [file])).rejects.toMatchObject({ code: 'not_found' });
        expect(await records.contents.hold({ digest, size: 1 }, { id: newId(), expiresAt: 9 })).toBe(true);
        await records.files.create(set, [file]);
        expect(await claim(far)).toEqual([]);
      });

      it('go with released holds, and stay with renewed ones', async () => {
        const [released, renewed] = [digestOf('released'), digestOf('renewed')];
        const [first, second] = [newId(), newId()];
        await records.contents.hold({ digest: released, size: 1 }, { id: first, expiresAt: 9 });
        await records.contents.hold({ digest: renewed, size: 1 }, { id: second, expiresAt: 9 });
        await records.contents.release([first, newId()], 1);
        await records.contents.renew([second, newId()], 20);
        expect(await claim(1)).toEqual([released]);
        await records.contents.forget([released]);
        expect(await claim(19)).toEqual([]);
        expect(await claim(20)).toEqual([renewed]);
      });

      it('of a failed record stay held', async () => {
        const set = setLike();
        const file = fileLike(set, { size: 10 * block });
        await records.contents.hold({ digest: file.digest, size: 1 }, { id: file.id, expiresAt: 9 });
        await expect(records.files.create(set, [file], quotaOf(1))).rejects.toMatchObject({ code: 'quota_exceeded' });
        expect(await claim(8)).toEqual([]);
      });

      it.each([19, 20, 21, 250])('are claimed in batches, %i of them', async (count) => {
        const ids = Array.from({ length: count }, () => newId());
        for (const id of ids) await records.contents.hold({ digest: digestOf(id), size: 1 }, { id, expiresAt: 9 });
        await records.contents.release(ids, 1);
        const all: string[] = [];
        for (let more = true; more; ) {
          const batch = await records.contents.claimOrphans(1);
          await records.contents.forget(batch.digests);
          all.push(...batch.digests);
          more = batch.more;
        }
        expect(all.toSorted()).toEqual(ids.map(digestOf).toSorted());
      });
    });

    describe('usage', () => {
      const owner = { tenant: 'tenant', id: 'principal' };
      const none = { executions: 0, cpuMs: 0, wallMs: 0, bytesStored: 0, bytesServed: 0 };
      const day = (date: string, executions: number, of = owner) => ({ owner: of, date, ...none, executions });

      it('adds up by owner and day, also from several writers at once', async () => {
        const other = { ...owner, tenant: 'other' };
        await Promise.all(
          Array.from({ length: 10 }, () =>
            records.usage.add([day('2026-01-02', 1), day('2026-01-01', 2), day('2026-01-01', 5, other)]),
          ),
        );
        await records.usage.add([
          { ...day('2026-01-01', 0), cpuMs: 0.25, wallMs: 1.5, bytesStored: 3, bytesServed: 4 },
        ]);
        await records.usage.add([]);
        expect(await records.usage.days(owner, '2026-01-01', '2026-01-31')).toEqual([
          { date: '2026-01-01', executions: 20, cpuMs: 0.25, wallMs: 1.5, bytesStored: 3, bytesServed: 4 },
          { date: '2026-01-02', ...none, executions: 10 },
        ]);
        expect(await records.usage.days(owner, '2026-01-02', '2026-01-02')).toHaveLength(1);
        expect(await records.usage.days({ ...owner, id: 'other' }, '2026-01-01', '2026-01-31')).toEqual([]);
      });

      it('is read in pages for all owners, by day, tenant and owner', async () => {
        const owners = ['b', 'a'].flatMap((tenant) => ['y', 'x'].map((id) => ({ tenant, id })));
        for (const date of ['2026-01-02', '2026-01-01', '2026-02-01'])
          await records.usage.add(owners.map((of) => day(date, 1, of)));
        const seen: string[] = [];
        for (let after: Awaited<ReturnType<Records['usage']['page']>>[number] | undefined; ; ) {
          const page = await records.usage.page('2026-01-01', '2026-01-31', 3, after);
          seen.push(...page.map(({ date, owner: { tenant, id } }) => `${date} ${tenant}${id}`));
          after = page.at(-1);
          if (page.length < 3) break;
        }
        const each = ['ax', 'ay', 'bx', 'by'];
        expect(seen).toEqual(['2026-01-01', '2026-01-02'].flatMap((date) => each.map((of) => `${date} ${of}`)));
      });

      it('is removed before a day', async () => {
        await records.usage.add([day('2026-01-01', 1), day('2026-01-02', 1)]);
        await records.usage.deleteBefore('2026-01-02');
        expect(await records.usage.days(owner, '2000-01-01', '2030-01-01')).toMatchObject([{ date: '2026-01-02' }]);
      });
    });

    describe('leases', () => {
      it('have one holder until they end or are given back', async () => {
        const take = (holder: string, now: number) => records.leases.take('work', holder, now, now + 10);
        expect(await take('a', 0)).toBe(true);
        expect(await take('b', 9)).toBe(false);
        expect(await take('a', 9)).toBe(true);
        expect(await take('b', 18)).toBe(false);
        expect(await take('b', 19)).toBe(true);
        const prolong = (holder: string) => records.leases.prolong({ name: 'work', holder }, 1000);
        expect([await prolong('a'), await prolong('b')]).toEqual([false, true]);
        expect(await take('a', 999)).toBe(false);
        await records.leases.release('work', 'a');
        expect(await take('a', 20)).toBe(false);
        await records.leases.release('work', 'b');
        expect(await take('a', 20)).toBe(true);
        expect(await records.leases.take('other', 'b', 20, 30)).toBe(true);
      });

      it('are counted by how their names begin, while they last', async () => {
        for (const [index, name] of ['gateway:a', 'gateway:b', 'gateway', 'other'].entries())
          await records.leases.take(name, 'x', 0, 10 + index);
        expect(await records.leases.count('gateway:', 9)).toBe(2);
        expect(await records.leases.count('gateway:', 10)).toBe(1);
        expect(await records.leases.count('gateway:', 11)).toBe(0);
      });

      it('go to one of many that ask at once', async () => {
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) => records.leases.take('work', `${index}`, 0, 10)),
        );
        expect(answers.filter(Boolean)).toHaveLength(1);
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

      it.each(['id', 'name'] as const)('gives and takes the right admin by %s', async (by) => {
        const [key, other] = [keyLike(), keyLike({ isAdmin: true })];
        await records.keys.create(key);
        await records.keys.create(other);
        expect(await records.keys.setAdmin(key[by], true)).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toEqual({ ...key, isAdmin: true });
        expect(await records.keys.setAdmin(key[by], false)).toBe(true);
        expect(await records.keys.findByHash(key.hash)).toEqual(key);
        expect(await records.keys.findByHash(other.hash)).toEqual(other);
        await records.keys.revoke(key[by], 5);
        expect(await records.keys.setAdmin(key[by], true)).toBe(false);
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
