import { expect, it, onTestFinished, vi } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { FileSweeper } from './file-sweeper.ts';

const logger = { debug() {}, info() {}, warn() {}, error: vi.fn() };

it('removes expired documents, sessions and files at its start, and collects bytes every second', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const records = memoryRecords();
  const document = { kind: 'k', tenant: 't', principalId: 'p', name: null, createdAt: 0, body: {} };
  await records.documents.put({ ...document, id: 'short', expiresAt: 99 });
  await records.documents.put({ ...document, id: 'long', expiresAt: 101 });
  const session = {
    ...{
      tenant: 't',
      principalId: 'p',
      name: null,
      createdAt: 0,
      lastActiveAt: 0,
      idleMs: 1,
      lifeMs: 1,
      memoryBytes: 1,
    },
    ...{ metadata: {}, ran: [], kernels: [], folders: [], worker: null, epoch: 0, holder: null, turn: 0 },
    ...{ endsAt: null, face: null, notes: {}, plan: null, tier: null },
  };
  await records.sessions.create({ ...session, id: 'ended', expiresAt: 89 });
  await records.sessions.create({ ...session, id: 'expired', expiresAt: 91 });
  const files = { collect: vi.fn(async () => 0), expire: vi.fn(async () => ({ sets: 0, contents: 0 })) };
  const sweeper = new FileSweeper({ files, records, retentionMs: 10, logger, now: () => 100 });
  sweeper.start();
  await vi.waitFor(async () => expect(await records.documents.get('k', 'short')).toBeUndefined());
  expect(await records.documents.get('k', 'long')).toBeDefined();
  await vi.waitFor(async () => expect(await records.sessions.find('ended')).toBeUndefined());
  expect(await records.sessions.find('expired')).toBeDefined();
  files.collect.mockRejectedValueOnce(new Error('the disk refuses'));
  await vi.advanceTimersByTimeAsync(3000);
  expect(files.collect).toHaveBeenCalledTimes(3);
  expect(logger.error).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(files.expire).toHaveBeenCalledTimes(2);
  await sweeper.close();
  files.collect.mockClear();
  await vi.advanceTimersByTimeAsync(5000);
  expect(files.collect).not.toHaveBeenCalled();
});
