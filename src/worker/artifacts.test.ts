import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { JobFiles } from '../runner/index.ts';
import { storeArtifacts } from './artifacts.ts';

const before = { fileAt: () => undefined, isReadOnly: () => false };
const logger = { debug() {}, info() {}, warn() {}, error() {} };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A store that takes 20 seconds for each chunk. */
const slow: JobFiles = {
  open: () => Promise.reject(new Error('nothing is read here')),
  async put(_job, path, content) {
    let size = 0;
    for await (const chunk of content) {
      size += chunk.byteLength;
      vi.advanceTimersByTime(20_000);
    }
    return { digest: path, size };
  },
};

it('gives up the files that are not stored within a minute, and closes them', async () => {
  const close = vi.fn();
  const file = (path: string, chunks: number) => ({
    path,
    content: {
      size: chunks,
      mode: 0o644,
      async *read() {
        for (let count = 0; count < chunks; count++) yield new Uint8Array(1);
      },
      close,
    },
  });
  const { files, lost } = await storeArtifacts(
    slow,
    { jobId: 'job', owner: 'owner' },
    [file('a', 2), file('b', 5), file('c', 1)],
    before,
    logger,
  );
  expect(files.map(({ path, size }) => [path, size])).toEqual([['a', 2]]);
  const reason = 'The files of the execution were not stored within 60 seconds.';
  expect(lost).toEqual([
    { path: 'b', reason },
    { path: 'c', reason },
  ]);
  expect(close).toHaveBeenCalledTimes(3);
});
