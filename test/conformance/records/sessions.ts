import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId } from '../../../src/core/index.ts';
import type { Records, SessionRecord } from '../../../src/stores/index.ts';

const ann = { tenant: 'tenant', id: 'ann' };
const refused = (code: string) => expect.objectContaining({ code });

export function sessionLike(fields: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: newId(),
    tenant: 'tenant',
    principalId: 'ann',
    createdAt: 1_700_000_000_000,
    name: null,
    lastActiveAt: 1_700_000_000_000,
    expiresAt: 1_700_086_400_000,
    idleMs: 60_000,
    lifeMs: 86_400_000,
    memoryBytes: 512 * 1024 * 1024,
    metadata: { about: 'it’s 数据' },
    ran: ['python'],
    kernels: [{ id: newId(), language: 'bash', directory: 'a/b', createdAt: 1_700_000_000_001 }],
    folders: ['empty', 'empty/too'],
    worker: null,
    epoch: 0,
    holder: null,
    turn: 0,
    endsAt: null,
    face: null,
    notes: {},
    plan: null,
    tier: null,
    ...fields,
  };
}

/**
 * What every implementation of records keeps to for sessions. `make` returns new, empty ones that have not been started, in which the
 * documents and sessions of one owner may take 10,000 bytes.
 */
export function describeSessions(name: string, make: () => Promise<Records>): void {
  describe(`session records: ${name}`, () => {
    let records: Records;

    beforeEach(async () => {
      records = await make();
      await records.start();
    });

    afterEach(async () => {
      await records.close();
    });

    it('are kept with their file set, both or neither', async () => {
      const session = sessionLike({ name: 'work' });
      await records.sessions.create(session);
      expect(await records.sessions.find(session.id)).toEqual(session);
      const { id, tenant, principalId, createdAt, expiresAt } = session;
      const set = { id, tenant, principalId, scope: { kind: 'user' }, createdAt, expiresAt };
      expect(await records.files.set(id)).toEqual(set);
      await expect(records.sessions.create(session)).rejects.toEqual(refused('internal'));
      const taken = sessionLike();
      await records.files.create({ ...set, id: taken.id, scope: { kind: 'user' } }, []);
      await expect(records.sessions.create(taken)).rejects.toEqual(refused('internal'));
      expect(await records.sessions.find(taken.id)).toBeUndefined();
    });

    it('are one of a name however many are made at once, until that has ended', async () => {
      const now = sessionLike().createdAt;
      const all = Array.from({ length: 5 }, () => sessionLike({ name: 'n' }));
      const made = await Promise.all(all.map((session) => records.sessions.ensure(session, now)));
      expect(new Set(made.map(({ id }) => id)).size).toBe(1);
      expect(await records.sessions.list(ann, { limit: 9, order: 'asc' })).toEqual([made[0]]);
      const other = sessionLike({ name: 'n', principalId: 'bob' });
      expect(await records.sessions.ensure(other, now)).toEqual(other);
      const later = sessionLike({ name: 'n', expiresAt: made[0]!.expiresAt + 9 });
      expect(await records.sessions.ensure(later, made[0]!.expiresAt)).toEqual(later);
      expect(await records.sessions.ensure(sessionLike({ name: 'n' }), now)).toEqual(later);
    });

    it('give their turn to one gateway of those that ask at once', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      const first = await Promise.all(['a', 'b', 'c'].map((to) => records.sessions.passTurn(session.id, session, to)));
      const [taken] = first.filter((each) => each !== undefined);
      expect(first.filter(Boolean)).toHaveLength(1);
      expect(taken).toEqual({ ...session, holder: expect.stringMatching(/^[abc]$/), turn: 1 });
      expect(await records.sessions.passTurn(session.id, session, 'd')).toBeUndefined();
      expect(await records.sessions.passTurn(session.id, taken!, 'd')).toMatchObject({ holder: 'd', turn: 2 });
      expect(await records.sessions.passTurn(newId(), session, 'd')).toBeUndefined();
    });

    it('are saved by two gateways, each of which writes only what it has changed', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      const { lastActiveAt, expiresAt } = session;
      const ours = { ...session, ran: ['python', 'r'], lastActiveAt: lastActiveAt + 10, expiresAt: expiresAt + 10 };
      const theirs = { ...session, name: 'renamed', lastActiveAt: lastActiveAt + 5, expiresAt: expiresAt + 5 };
      expect(await records.sessions.save(ours, session)).toBe(true);
      expect(await records.sessions.save(theirs, session)).toBe(true);
      expect(await records.sessions.find(session.id)).toEqual({ ...ours, name: 'renamed' });
    });

    it('take files in the latest turn alone, and those of one execution once', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      const { turn } = (await records.sessions.passTurn(session.id, session, 'a'))!;
      const change = { expiresAt: session.expiresAt, added: [], superseded: [] };
      await expect(records.files.revise(session.id, { ...change, turn: turn - 1 })).rejects.toEqual(
        refused('conflict'),
      );
      const once = { id: newId(), until: 5 };
      const both = [0, 1].map(() => records.files.revise(session.id, { ...change, turn, once }));
      expect((await Promise.all(both)).toSorted()).toEqual([false, true]);
      await records.files.deleteExpired(6);
      expect(await records.files.revise(session.id, { ...change, turn, once })).toBe(true);
    });

    it('are saved without their place, and prolong their files', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      await records.sessions.place(session.id, 0, 'worker-1');
      const { id, tenant, principalId, createdAt, lifeMs, memoryBytes } = session;
      const changed: SessionRecord = {
        ...{ id, tenant, principalId, createdAt, lifeMs, memoryBytes },
        name: 'renamed',
        lastActiveAt: session.lastActiveAt + 5,
        expiresAt: session.expiresAt + 5,
        idleMs: 1,
        metadata: {},
        ran: ['python', 'bash'],
        kernels: [],
        endsAt: 5000,
        face: null,
        notes: { template: 'base' },
        plan: null,
        tier: null,
        folders: [],
        worker: 'worker-9',
        epoch: 9,
        holder: 'gateway-9',
        turn: 9,
      };
      expect(await records.sessions.save(changed)).toBe(true);
      expect(await records.sessions.find(id)).toEqual({
        ...changed,
        worker: 'worker-1',
        epoch: 1,
        holder: null,
        turn: 0,
      });
      expect((await records.files.set(id))!.expiresAt).toBe(changed.expiresAt);
    });

    it('are found by the dialect they are of, until they end', async () => {
      const { expiresAt } = sessionLike();
      const [mine, bobs] = [
        sessionLike({ face: 'e2b', plan: 'small' }),
        sessionLike({ face: 'e2b', principalId: 'bob' }),
      ];
      for (const session of [mine, bobs, sessionLike({ face: 'other' }), sessionLike()])
        await records.sessions.create(session);
      expect(await records.sessions.list(ann, { limit: 9, order: 'asc', face: 'e2b' })).toEqual([mine]);
      expect(await records.sessions.ofFace('e2b', expiresAt - 1, 9)).toEqual([bobs.id, mine.id]);
      expect(await records.sessions.ofFace('e2b', expiresAt - 1, 1)).toEqual([bobs.id]);
      expect(await records.sessions.ofFace('e2b', expiresAt, 9)).toEqual([]);
    });

    it('are placed by one of those that try at once, and the others learn where', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      const workers = ['a', 'b', 'c', 'd'];
      const places = await Promise.all(workers.map((worker) => records.sessions.place(session.id, 0, worker)));
      expect(places[0]!.epoch).toBe(1);
      for (const place of places) expect(place).toEqual(places[0]);
      const { worker } = places[0]!;
      expect(workers).toContain(worker);
      expect(await records.sessions.place(session.id, 0, 'late')).toEqual({ worker, epoch: 1 });
      expect(await records.sessions.place(session.id, 1, 'next')).toEqual({ worker: 'next', epoch: 2 });
      expect(await records.sessions.find(session.id)).toEqual({ ...session, worker: 'next', epoch: 2 });
    });

    it('take files of their own epoch alone', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      await records.sessions.place(session.id, 0, 'a');
      const revise = (epoch?: number) =>
        records.files.revise(session.id, { expiresAt: session.expiresAt, added: [], superseded: [], epoch });
      await revise(1);
      await records.sessions.place(session.id, 1, 'b');
      await expect(revise(1)).rejects.toEqual(refused('conflict'));
      await revise(2);
      await revise();
    });

    it('are gone after their deletion, for writers as well', async () => {
      const session = sessionLike();
      await records.sessions.create(session);
      expect(await records.sessions.delete(session.id)).toBe(true);
      expect(await records.sessions.delete(session.id)).toBe(false);
      expect(await records.sessions.find(session.id)).toBeUndefined();
      expect(await records.files.set(session.id)).toBeUndefined();
      expect(await records.sessions.save(session)).toBe(false);
      expect(await records.sessions.place(session.id, 0, 'a')).toBeUndefined();
      expect(await records.sessions.find(session.id)).toBeUndefined();
    });

    it('are listed by owner and name, in pages, in the order of their creation', async () => {
      const all = ['x', 'y', 'x', 'y', 'x'].map((name) => sessionLike({ name, createdAt: 1 }));
      for (const session of all) await records.sessions.create(session);
      await records.sessions.create(sessionLike({ principalId: 'bob', name: 'x' }));
      await records.sessions.create(sessionLike({ tenant: 'other', name: 'x' }));
      const list = async (page: Parameters<Records['sessions']['list']>[1]) =>
        (await records.sessions.list(ann, page)).map(({ id }) => all.findIndex((each) => each.id === id));
      expect(await list({ limit: 9, order: 'asc' })).toEqual([0, 1, 2, 3, 4]);
      expect(await list({ limit: 2, order: 'desc' })).toEqual([4, 3]);
      expect(await list({ limit: 2, order: 'desc', after: all[3]!.id })).toEqual([2, 1]);
      expect(await list({ limit: 9, order: 'asc', name: 'x', after: all[0]!.id })).toEqual([2, 4]);
      expect(await list({ limit: 9, order: 'asc', after: 'unknown' })).toEqual([]);
    });

    it('are read in pages for all owners, newest first', async () => {
      const all = ['ann', 'bob', 'ann'].map((principalId) => sessionLike({ principalId }));
      for (const session of all) await records.sessions.create(session);
      expect(await records.sessions.page(2)).toEqual([all[2], all[1]]);
      expect(await records.sessions.page(2, all[1]!.id)).toEqual([all[0]]);
      expect(await records.sessions.page(2, 'unknown')).toEqual([]);
    });

    it('go some time after they have ended, unless they were used again', async () => {
      const ended = Array.from({ length: 3 }, (_, index) => sessionLike({ expiresAt: index }));
      for (const session of ended) await records.sessions.create(session);
      await records.sessions.save({ ...ended[0]!, expiresAt: 9 });
      expect(await records.sessions.deleteExpired(2)).toBe(1);
      const left = await records.sessions.list(ann, { limit: 9, order: 'asc' });
      expect(left.map(({ id }) => id)).toEqual([ended[0]!.id, ended[2]!.id]);
    });

    it('count with the documents of their owner, whose changes are never refused', async () => {
      const metadata = { note: 'x'.repeat(2900) };
      const made = [sessionLike({ metadata }), sessionLike({ metadata }), sessionLike({ metadata })];
      for (const session of made.slice(0, 2)) await records.sessions.create(session);
      const document = { kind: 'k', tenant: 'tenant', principalId: 'ann', name: null, createdAt: 0, expiresAt: 9 };
      const large = { ...document, id: 'a', body: 'x'.repeat(4000) };
      await expect(records.documents.put(large)).rejects.toEqual(refused('quota_exceeded'));
      await records.sessions.create(made[2]!);
      await expect(records.sessions.create(sessionLike({ metadata }))).rejects.toEqual(refused('quota_exceeded'));
      await records.sessions.create(sessionLike({ principalId: 'bob', metadata }));
      expect(await records.sessions.save({ ...made[0]!, metadata: { note: 'x'.repeat(20_000) } })).toBe(true);
      await records.sessions.delete(made[0]!.id);
      await records.sessions.deleteExpired(Number.MAX_SAFE_INTEGER);
      await records.documents.put({ ...large, body: 'x'.repeat(9_990) });
    });
  });
}
