// Loaded into a server with `--import`: collects garbage on SIGUSR2, then writes how many bytes its heap holds.
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

const path = process.env.DRAGOMAN_TEST_HEAP_REPORT;
delete process.env.DRAGOMAN_TEST_HEAP_REPORT;
delete process.env.NODE_OPTIONS;

if (path && isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  process.on('SIGUSR2', () => {
    collect();
    writeFileSync(`${path}.new`, JSON.stringify({ heapBytes: process.memoryUsage().heapUsed }));
    renameSync(`${path}.new`, path);
  });
}
