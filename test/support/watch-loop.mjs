// Loaded into a server with `--import`: writes what its event loop and memory were since the last report, on SIGUSR2.
import { renameSync, writeFileSync } from 'node:fs';
import { createHistogram } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';
import { watchLoop } from './loop-holds.ts';

const path = process.env.DRAGOMAN_TEST_LOOP_REPORT;
delete process.env.DRAGOMAN_TEST_LOOP_REPORT;
delete process.env.NODE_OPTIONS;

if (path && isMainThread) {
  const holds = createHistogram();
  watchLoop(2, (heldMs) => holds.record(Math.max(1, Math.round(heldMs * 1e6))));
  let rss = 0;
  setInterval(() => {
    rss = Math.max(rss, process.memoryUsage.rss());
  }, 50).unref();
  process.on('SIGUSR2', () => {
    const report = { p99Ms: holds.percentile(99) / 1e6, maxMs: holds.max / 1e6, rss };
    writeFileSync(`${path}.new`, JSON.stringify(report));
    renameSync(`${path}.new`, path);
    holds.reset();
    rss = 0;
  });
}
