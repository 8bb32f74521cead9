import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newId, type StoredFile } from '../../../src/core/index.ts';
import type { KernelStateRecord, Records, SessionRecord } from '../../../src/stores/index.ts';
import { sessionLike } from './sessions.ts';

const owner = { tenant: 'tenant', id: 'ann' };
const block = 4096;
const refused = (code: string) => expect.objectContaining({ code });

/** What every implementation of records keeps to for saved variables. `make` returns new, empty ones that have not been started. */
export function describeStates(name: string, make: () => Promise<Records>): void {
  describe(`state records: ${name}`, () => {
    let records: Records;
    let session: SessionRecord;

    beforeEach(async () => {
      records = await make();
      await records.start();
      session = sessionLike();
      await records.sessions.create(session);
    });

    afterEach(async () => {
      await records.close();
    });

    /** Saves a kernel whose bytes are one content. */
    async function save(
      digest: string,
      {
        kernel = 'python',
        of = session,
        size = block,
        quota = 10 * block,
      }: { kernel?: string; of?: SessionRecord; size?: number; quota?: number } = {},
    ): Promise<KernelStateRecord> {
      const state = {
        ...{ kernel, setId: `state-${newId()}`, digest: digest.repeat(64), size, savedAt: 5, execution: 'one' },
        ...{ bytes: size, variables: 3, isBehind: false, failures: 0 },
      };
      const set = {
        ...{ id: state.setId, tenant: owner.tenant, principalId: owner.id, scope: { kind: 'user' } as const },
        ...{ createdAt: 1, expiresAt: of.expiresAt },
      };
      const file: StoredFile = {
        ...{ id: newId(), sessionId: set.id, name: `${kernel}/manifest`, size, digest: state.digest },
        ...{ contentType: 'application/octet-stream', readOnly: false, source: 'program', createdAt: 1 },
      };
      await records.contents.hold({ digest: file.digest, size }, { id: file.id, expiresAt: 10 });
      const stored = { set, files: [file], quota: { bytes: quota, files: 100 } };
      await records.states.save({ id: of.id, epoch: of.epoch }, state, stored);
      return state;
    }

    const orphans = async () => (await records.contents.claimOrphans(100)).digests;

    it('are one for each kernel: a later one takes the place of the one before, and its room', async () => {
      const first = await save('a', { size: 6 * block });
      const other = await save('b', { kernel: 'bash' });
      expect(await records.states.list(session.id)).toEqual([other, first]);
      const second = await save('c', { size: 9 * block });
      expect(await records.states.list(session.id)).toEqual([other, second]);
      expect(await records.files.stored(owner)).toEqual({ bytes: 10 * block, files: 2 });
      expect(await orphans()).toEqual(['a'.repeat(64)]);
      expect(await records.files.set(first.setId)).toBeUndefined();
    });

    it('are refused beyond the quota, and then what was saved stays', async () => {
      const first = await save('a');
      await expect(save('b', { size: 11 * block })).rejects.toEqual(refused('quota_exceeded'));
      expect(await records.states.list(session.id)).toEqual([first]);
      expect(await records.files.stored(owner)).toEqual({ bytes: block, files: 1 });
    });

    it('keep bytes that stay the same', async () => {
      await save('a');
      await save('a');
      expect(await orphans()).toEqual([]);
      expect(await records.files.stored(owner)).toEqual({ bytes: block, files: 1 });
    });

    it('are refused for a session that is gone or in another epoch', async () => {
      await expect(save('a', { of: sessionLike() })).rejects.toEqual(refused('not_found'));
      await expect(save('a', { of: { ...session, epoch: 7 } })).rejects.toEqual(refused('conflict'));
    });

    it('remember that code has run since, and failures', async () => {
      const state = await save('a');
      await records.states.note(session.id, 'python', { isBehind: true });
      await records.states.note(session.id, 'python', { failures: 1 });
      await records.states.note(session.id, 'bash', { failures: 1 });
      expect(await records.states.list(session.id)).toEqual([{ ...state, isBehind: true, failures: 1 }]);
    });

    it('are removed by kernel, all at once, and with their session', async () => {
      await save('a');
      const other = await save('b', { kernel: 'bash' });
      expect(await records.states.delete(session.id, ['python', 'r'])).toBe(1);
      expect(await records.states.list(session.id)).toEqual([other]);
      expect(await records.states.delete(session.id)).toBe(1);
      expect(await records.states.delete(session.id)).toBe(0);
      await save('c');
      await records.sessions.delete(session.id);
      expect(await records.states.list(session.id)).toEqual([]);
      expect(await records.files.stored(owner)).toEqual({ bytes: 0, files: 0 });
      expect([...(await orphans())].sort()).toEqual(['a', 'b', 'c'].map((digest) => digest.repeat(64)));
    });

    it('last as long as the files of their session, and go when it expires', async () => {
      const { setId } = await save('a');
      await records.sessions.save({ ...session, expiresAt: session.expiresAt + 5 });
      expect(await records.files.set(setId)).toMatchObject({ expiresAt: session.expiresAt + 5 });
      await records.sessions.deleteExpired(session.expiresAt + 6);
      expect(await records.states.list(session.id)).toEqual([]);
      expect(await records.files.set(setId)).toBeUndefined();
    });
  });
}
