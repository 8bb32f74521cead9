import { expect, it, onTestFinished, vi } from 'vitest';
import { memoryRecords } from '../../../test/support/records.ts';
import { FileSweeper } from './file-sweeper.ts';

const logger = { debug() {}, info() {}, warn() {}, error: vi.fn() };

it('removes expired documents and files at its start, and collects bytes every second', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const records = memoryRecords();
  const document = { kind: 'k', tenant: 't', principalId: 'p', name: null, createdAt: 0, body: {} };
  await records.documents.put({ ...document, id: 'short', expiresAt: 99 });
  await records.documents.put({ ...document, id: 'long', expiresAt: 101 });
  const files = { collect: vi.fn(async () => 0), expire: vi.fn(async () => ({ sets: 0, contents: 0 })) };
  const sweeper = new FileSweeper({ files, records, logger, now: () => 100 });
  sweeper.start();
  await vi.waitFor(async () => expect(await records.documents.get('k', 'short')).toBeUndefined());
  expect(await records.documents.get('k', 'long')).toBeDefined();
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
